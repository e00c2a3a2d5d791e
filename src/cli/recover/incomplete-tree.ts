import { sha256Hex } from '../../contracts/digest.js';
import { PromptOsError } from '../../contracts/errors.js';
import { INCOMPLETE_PATH, type IncompleteTree, incompleteTreeSchema } from '../../contracts/incomplete-tree.js';
import type { ArtifactRef } from '../../contracts/primitives.js';
import { journalLines } from '../../domain/ledger/journal-lines.js';
import { headOf, ledgerLines } from '../../domain/ledger/ledger-chain.js';
import { signedActs } from '../../domain/ledger/signed-acts.js';
import {
  DSSE_MEDIA_TYPE,
  envelopeText,
  escalationPath,
  orderedTree,
  TREE_PATHS,
} from '../../domain/record/published-tree.js';
import { recordedEscalations } from '../../domain/record/run-record.js';
import type { ArtifactStore } from '../../ports/artifact-store.js';
import type { FoundRun, MissingPart } from './found-run.js';
import { filesOfAttempts, startFiles, type WantedFile } from './stored-parts.js';

/** A file of an incomplete tree, for a folder or a bundle. */
export interface IncompleteFile extends ArtifactRef {
  /** Opens the content anew. */
  open(): AsyncIterable<Uint8Array>;
}

/** A tree of what there is of a run without a record. */
export interface BuiltIncomplete {
  readonly summary: IncompleteTree;
  readonly files: readonly IncompleteFile[];
}

/**
 * Puts together what is left of a run: ledger, journal, signed messages, every attempt with all its files, and what it
 * was started from. Nothing is left out silently, and nothing is at a place where only a finished run has something.
 */
export async function buildIncomplete(store: ArtifactStore, run: FoundRun): Promise<BuiltIncomplete> {
  const { runId, entries, journal, trouble } = run;
  const missing: MissingPart[] = [...run.missing];
  const miss = (what: string, sha256: string | null, problem: string) => void missing.push({ what, sha256, problem });
  const texts = textsOf(run);
  const wanted = [...(await startFiles(run, store)), ...(await filesOfAttempts(run, store, miss))];
  const stored = await storedFiles(store, wanted, miss);
  const files = orderedTree([...texts, ...stored]) as readonly IncompleteFile[];
  const last = entries.at(-1);
  const summary: IncompleteTree = {
    schema_version: 1,
    run_id: runId,
    incomplete: true,
    why: trouble === null ? null : { code: trouble.code, message: trouble.message },
    unsealed_outcome: last?.type === 'runClosed' ? last.outcome : null,
    ledger:
      last === undefined
        ? null
        : { entries: entries.length, head: headOf(entries).hash, closed: last.type === 'runClosed' },
    journal_entries: journal.length,
    missing,
    files: files.map(({ path, sha256, bytes, media_type }) => ({ path, sha256, bytes, media_type })),
  };
  const text = `${JSON.stringify(incompleteTreeSchema.parse(summary), null, 2)}\n`;
  return { summary, files: [textFile(INCOMPLETE_PATH, 'application/json', text), ...files] };
}

function textsOf({ entries, journal }: FoundRun): readonly IncompleteFile[] {
  const jsonl = 'application/jsonl';
  return [
    ...(entries.length === 0 ? [] : [textFile(TREE_PATHS.ledger, jsonl, ledgerLines(entries))]),
    ...(journal.length === 0 ? [] : [textFile(TREE_PATHS.journal, jsonl, journalLines(journal))]),
    ...recordedEscalations(entries).map((escalation) =>
      textFile(
        escalationPath(escalation.escalation_id),
        'application/json',
        `${JSON.stringify({ schema_version: 1, ...escalation }, null, 2)}\n`,
      ),
    ),
    ...signedActs(entries).map(({ path, envelope }) => textFile(path, DSSE_MEDIA_TYPE, envelopeText(envelope))),
  ];
}

function textFile(path: string, media_type: string, text: string): IncompleteFile {
  const content = Buffer.from(text);
  const open = async function* () {
    yield content;
  };
  return { path, sha256: sha256Hex(text), bytes: content.byteLength, media_type, open };
}

/** Each file is read to its end now, so that a folder or a bundle is not begun with one that is damaged. */
async function storedFiles(
  store: ArtifactStore,
  wanted: readonly WantedFile[],
  miss: (what: string, sha256: string, problem: string) => void,
): Promise<readonly IncompleteFile[]> {
  const files: IncompleteFile[] = [];
  for (const { path, sha256, media_type } of wanted) {
    try {
      let bytes = 0;
      for await (const chunk of store.openObject(sha256)) bytes += chunk.byteLength;
      files.push({ path, sha256, bytes, media_type, open: () => store.openObject(sha256) });
    } catch (error) {
      if (!(error instanceof PromptOsError)) throw error;
      miss(path, sha256, `${error.code}: ${error.summary}`);
    }
  }
  return files;
}
