import type { PolicyFile } from '../../config/policy-file.js';
import { canonicalJson } from '../../contracts/canonical-json.js';
import { PromptOsError } from '../../contracts/errors.js';
import { type LedgerEntry, parseLedgerEntry } from '../../contracts/ledger.js';
import { checkChain, EMPTY_LEDGER, headOf, ledgerLines } from '../../governance/ledger-chain.js';
import { closingOf, openingOf } from '../../governance/ledger-ends.js';
import { checkPromptSession } from '../../governance/prompt-session.js';
import { TREE_PATHS } from '../../governance/published-tree.js';
import type { ArtifactStore } from '../../ports/artifact-store.js';
import { readPublished } from '../published-run.js';
import type { AuditedRun } from './run-catalogue.js';
import { sessionDigests } from './session-files.js';

/** Files that no record lists, since they come after it or have a check of their own. */
const UNLISTED: readonly string[] = [
  TREE_PATHS.record,
  TREE_PATHS.ledger,
  'evidence/attestations/run-record.dsse.json',
  'evidence/attestations/ledger-seal.dsse.json',
  'evidence/attestations/bundle.jsonl',
];

/** What came of checking a published run. */
export interface RunVerification {
  /** The first thing that is wrong, or null when everything holds. */
  readonly problem: { readonly code: string; readonly message: string } | null;
  /** Whether a policy from outside was the measure; without one the tree vouches for itself. */
  readonly trusted: boolean;
}

/**
 * Judges a published run.
 * @param policies those that are trusted; none when nobody handed one in
 */
export type RunVerifier = (
  store: ArtifactStore,
  run: AuditedRun,
  policies: readonly PolicyFile[],
) => Promise<RunVerification>;

/**
 * Checks a published run: its policy is one of those handed in, the ledger's chain leads to the record's head, every
 * file is there with the record's digest and nothing beside it, and the session's hashes are those of its content.
 */
export const verifyRun: RunVerifier = async (store, run, policies) => {
  const trusted = policies.length > 0;
  try {
    if (trusted && !policies.some(({ sha256 }) => sha256 === run.record.policy.sha256)) {
      const message = `Run ${run.runId} was made under policy ${run.record.policy.sha256}, which was not handed in.`;
      return { trusted, problem: { code: 'POLICY_UNKNOWN', message } };
    }
    await checkFiles(store, run);
    checkSession(run);
    checkLedger(run, await readLedger(store, run.runId));
    return { trusted, problem: null };
  } catch (error) {
    if (!(error instanceof PromptOsError)) throw error;
    return { trusted, problem: { code: error.code, message: error.summary } };
  }
};

/** A published ledger, its shape checked. @throws PromptOsError LEDGER_BROKEN */
export async function readLedger(store: ArtifactStore, runId: string): Promise<readonly LedgerEntry[]> {
  const text = (await readPublished(store, runId, TREE_PATHS.ledger)).toString('utf8');
  try {
    const entries = text
      .split('\n')
      .slice(0, -1)
      .map((line) => parseLedgerEntry(JSON.parse(line)));
    if (ledgerLines(entries) === text) return entries;
  } catch (error) {
    throw new PromptOsError('LEDGER_BROKEN', `The ledger of run ${runId} has another shape than expected.`, {
      cause: error,
    });
  }
  throw new PromptOsError('LEDGER_BROKEN', `The ledger of run ${runId} is not canonical JSON, one entry a line.`);
}

function checkLedger({ record }: AuditedRun, entries: readonly LedgerEntry[]): void {
  const chain = checkChain(entries, EMPTY_LEDGER);
  if (!chain.ok) throw new PromptOsError('LEDGER_BROKEN', `Ledger entry ${chain.seq}: ${chain.problem}.`);
  const head = headOf(entries);
  if (head.entries !== record.ledger.entries || head.hash !== record.ledger.head) {
    throw new PromptOsError(
      'LEDGER_BROKEN',
      `The record names head ${record.ledger.head} after ${record.ledger.entries} entries, the ledger has ${head.hash} after ${head.entries}.`,
    );
  }
  const { run } = openingOf(entries);
  const closing = closingOf(entries);
  const said = { ...pick(record), outcome: record.outcome, policy_sha256: record.policy.sha256 };
  const happened = { ...pick(run), outcome: closing.outcome, policy_sha256: run.policy_sha256 };
  if (canonicalJson(said) !== canonicalJson(happened)) {
    throw new PromptOsError(
      'RECORD_INVALID',
      `The record says ${canonicalJson(said)}, the ledger ${canonicalJson(happened)}.`,
    );
  }
}

const pick = ({
  run_id,
  developer,
  target_repo,
  base_commit,
  request_sha256,
}: Record<'run_id' | 'developer' | 'target_repo' | 'base_commit' | 'request_sha256', string>) => ({
  run_id,
  developer,
  target_repo,
  base_commit,
  request_sha256,
});

function checkSession(run: AuditedRun): void {
  const { record, session, runId } = run;
  const problems = [...checkPromptSession(session)];
  const bound = record.governance;
  if (session.artifact_hash !== bound.prompt_artifact_hash || session.chain_hash !== bound.prompt_chain_hash) {
    problems.push('its hashes are not those that the record names.');
  }
  if (session.developer !== record.developer || session.target_repo !== record.target_repo) {
    problems.push('its developer or repository is not that of the record.');
  }
  const listed = new Map(record.artifacts.map(({ path, sha256 }) => [path, sha256]));
  const [file, sidecar] = sessionDigests(run);
  if (listed.get(TREE_PATHS.session) !== file) problems.push('its layout is another.');
  if (listed.get(TREE_PATHS.sidecar) !== sidecar) problems.push('its sidecar names another file.');
  if (problems.length > 0) {
    throw new PromptOsError('SESSION_INVALID', `The session of run ${runId}: ${problems.join(' ')}`);
  }
}

/** Reading a published file checks it against the store's own list, so that list is what the record is compared with. */
async function checkFiles(store: ArtifactStore, { runId, record }: AuditedRun): Promise<void> {
  const files = (await store.published(runId)) ?? [];
  const listed = new Map(record.artifacts.map((artifact) => [artifact.path, artifact]));
  for (const { path, sha256, bytes } of files) {
    const expected = listed.get(path);
    if (expected === undefined && !UNLISTED.includes(path)) {
      throw new PromptOsError(
        'RECORD_INVALID',
        `The tree of run ${runId} has ${path}, which its record does not list.`,
      );
    }
    if (expected !== undefined && (expected.sha256 !== sha256 || expected.bytes !== bytes)) {
      throw new PromptOsError(
        'RECORD_INVALID',
        `${path}: the record lists ${expected.sha256}, the tree has ${sha256}.`,
      );
    }
    listed.delete(path);
    for await (const _chunk of store.openPublished(runId, path));
  }
  const [missing] = listed.keys();
  if (missing !== undefined) {
    throw new PromptOsError('RECORD_INVALID', `The tree of run ${runId} lacks ${missing}, which its record lists.`);
  }
}
