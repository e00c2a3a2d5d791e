import pMap from 'p-map';
import { publicArtifact, SARIF_FILE } from '../../contracts/artifacts.js';
import type { ArtifactRef } from '../../contracts/primitives.js';
import { INCOMPLETE_PATH } from '../../contracts/record/run-record.js';
import { counted } from '../../contracts/sentences.js';
import { isSealFile, TREE_PATHS } from '../../domain/record/published-tree.js';
import { REMOVED_BY_RETENTION } from '../../domain/record/retention.js';
import { judgesAgain, neededOf } from '../attempt-inputs.js';
import type { TreeDocuments } from '../open-documents.js';
import { expectSame, VerifyFailure } from '../verify-codes.js';

/** Every attempt lists the files that each attempt of its gate has, and none that follows from an output it never had. */
export async function checkGateArtifacts(documents: TreeDocuments): Promise<void> {
  if (!(await judgesAgain(documents))) return;
  for (const attempt of await documents.attempts()) {
    const { gate, attempt: number, artifacts, transcripts, tries, verdict, findings } = attempt.record;
    const path = `${attempt.folder}/attempt.json`;
    const needed = await neededOf(documents, attempt);
    const listed = new Set([...artifacts, ...transcripts].map((ref) => ref.path));
    const kept = tries.flatMap((one) =>
      ['prompt.md', 'stdout.txt', 'stderr.txt'].map((name) => `try-${one.number}/${name}`),
    );
    const answer = tries.at(-1)?.problem === null ? [`try-${tries.length}/answer.txt`] : [];
    const log = findings.length > 0 ? [SARIF_FILE] : [];
    const missing = [...needed, ...kept, ...answer, ...log].find((wanted) => !listed.has(wanted));
    if (missing !== undefined) {
      throw new VerifyFailure('ARTIFACT_MISSING', path, missing, 'nothing');
    }
    const row = (ref: string) => publicArtifact(gate, number, ref);
    const extra =
      artifacts.find(({ path }) => row(path)?.path.includes('<check>') && !needed.includes(logOf(path))) ??
      (verdict === 'blocked' ? artifacts.find((ref) => row(ref.path)?.needed === 'output') : undefined) ??
      transcripts.find(
        (ref) => ref.path !== SARIF_FILE && !tries.some((one) => ref.path.startsWith(`try-${one.number}/`)),
      );
    if (extra === undefined) continue;
    throw new VerifyFailure('ARTIFACT_MISSING', path, 'nothing that nothing led to', extra.path);
  }
}

/** The log of the check that a file belongs to: what a check asked of the network is kept only where it had one. */
const logOf = (path: string): string => path.replace(/\.network\.json$/, '.stdout.txt');

const UNSAFE = /[\u0000-\u001f\u007f\\]/;
/** A folder has no such entries; a bundle may name anything. */
const LEADS_OUT = /^\/|\/$|(?:^|\/)\.{0,2}(?:\/|$)/;

/** Only plain files, and no two that some system would take for one. */
export async function checkTree({ entries, plainFile }: TreeDocuments): Promise<void> {
  const places: Places = { known: new Set(), folded: new Map() };
  for (const { path, kind } of (await entries()).values()) {
    if (kind === 'link' || kind === 'special') await plainFile(path);
    if (UNSAFE.test(path) || LEADS_OUT.test(path) || path !== path.normalize('NFC')) {
      throw new VerifyFailure(
        'PATH_UNSAFE',
        JSON.stringify(path),
        'a plain path',
        LEADS_OUT.test(path)
          ? 'a path that is not relative to the tree'
          : 'control characters, a backslash or another Unicode form',
      );
    }
    checkClash(places, path);
  }
}

/** The files and folders that were seen, and each by its form on a system that folds names. */
interface Places {
  readonly known: Set<string>;
  readonly folded: Map<string, string>;
}

/** Folders count too: `Evidence/` beside `evidence/` is one folder on some systems. */
function checkClash({ known, folded }: Places, path: string): void {
  for (
    let place = path;
    place !== '' && !known.has(place);
    place = place.slice(0, Math.max(place.lastIndexOf('/'), 0))
  ) {
    const form = place.normalize('NFKC').toLowerCase();
    const other = folded.get(form);
    if (other !== undefined) {
      throw new VerifyFailure('PATH_CLASH', place, 'one path of this name', other);
    }
    known.add(place);
    folded.set(form, place);
  }
}

/** The run was finalised: what has the mark of an incomplete tree is no record, whatever else is in it. */
export async function checkFinalised({ incomplete }: TreeDocuments): Promise<void> {
  const found = await incomplete();
  if (found === null) return;
  const { run_id, why, missing } = found;
  const because = why === null ? '' : `, for ${why.code}`;
  throw new VerifyFailure(
    'TREE_INCOMPLETE',
    INCOMPLETE_PATH,
    'the record of a finished run',
    `what there was of run ${run_id}, which was not finalised${because}; missing: ${counted(missing.length, 'part')}`,
  );
}

/** The record is one, and that of the run that was asked for. */
export async function checkRecordForm({ record, trust }: TreeDocuments): Promise<void> {
  const { run_id } = await record();
  if (trust.runId !== undefined) expectSame('RUN_OTHER', `${TREE_PATHS.record}: run_id`, trust.runId, run_id);
}

/**
 * Every file that the record lists is there, and nothing else is. Transcripts may be missing once the policy of the run no
 * longer keeps them, which is said.
 */
export async function checkFiles(documents: TreeDocuments): Promise<readonly string[]> {
  const artifacts = await documents.artifacts();
  const entries = await documents.entries();
  const { length } = (await documents.record()).artifacts;
  if (artifacts.size !== length) {
    throw new VerifyFailure(
      'ARTIFACTS_DIFFER',
      `${TREE_PATHS.record}: artifacts`,
      'each path once',
      `${counted(length, 'entry')} for ${artifacts.size} paths`,
    );
  }
  const expired = await documents.expired();
  for (const path of [TREE_PATHS.record, TREE_PATHS.ledger, ...artifacts.keys()]) {
    if (!expired.paths.has(path)) await documents.plainFile(path);
  }
  const pending = documents.trust.engineSignatures === 'pending';
  const isOwn = (path: string): boolean =>
    path === TREE_PATHS.record || path === TREE_PATHS.ledger || (!pending && isSealFile(path));
  for (const { path, kind } of entries.values()) {
    if (artifacts.has(path) || isOwn(path)) continue;
    throw new VerifyFailure('FILE_UNEXPECTED', path, 'nothing', kind.replace('_', ' '));
  }
  return expired.until === null ? [] : [removedRemark(expired.paths.size, expired.until)];
}

const removedRemark = (files: number, until: number): string =>
  `${REMOVED_BY_RETENTION}: ${counted(files, 'transcript')}, kept until ${new Date(until).toISOString()} by \`transcripts.keep\` of the run's policy`;

/** Files that are hashed at the same time: while one waits for the medium, another is hashed. */
const PARALLEL_FILES = 4;

/** Every listed file has the bytes that are listed. Memory does not grow with them. */
export async function checkDigests({ artifacts, expired, plainFile, reader }: TreeDocuments): Promise<void> {
  const { paths: removed } = await expired();
  const listed = [...(await artifacts()).values()].filter(({ path }) => !removed.has(path));
  const failures = new Map<string, unknown>();
  const check = async ({ path, sha256, bytes }: ArtifactRef): Promise<void> => {
    try {
      // A file of another size is another one, and may be huge: it is not hashed.
      const entry = await plainFile(path);
      expectSame('DIGEST_MISMATCH', path, counted(bytes, 'byte'), counted(entry.bytes, 'byte'));
      const actual = await reader.digest(path, bytes);
      expectSame('DIGEST_MISMATCH', path, counted(bytes, 'byte'), counted(actual.bytes, 'byte'));
      expectSame('DIGEST_MISMATCH', path, sha256, actual.sha256);
    } catch (error) {
      failures.set(path, error);
    }
  };
  await pMap(listed, check, { concurrency: PARALLEL_FILES });
  for (const { path } of listed) if (failures.has(path)) throw failures.get(path);
}
