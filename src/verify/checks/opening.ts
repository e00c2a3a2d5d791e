import { PromptOsError } from '../../contracts/errors.js';
import { canonicalJson, sameJson } from '../../contracts/json.js';
import { envelopeSchema } from '../../contracts/keys.js';
import { runWorkflowId } from '../../contracts/names.js';
import type { Policy } from '../../contracts/policy/policy.js';
import type { PlacedJournalEntry } from '../../contracts/run/journal.js';
import type { LedgerEntry, LedgerEventOf } from '../../contracts/run/ledger.js';
import { hasJournal, RULES_VERSION, rulesVersionOf } from '../../contracts/run/rules-version.js';
import type { RunPlan } from '../../contracts/run/run-plan.js';
import { counted } from '../../contracts/sentences.js';
import { checkGateSelection, governsRepository, judgeRequest } from '../../domain/judge/admission.js';
import { findKey, isValidAt, pinKeys } from '../../domain/judge/authenticate.js';
import { openingOf } from '../../domain/ledger/closed-ledger.js';
import {
  checkForks,
  type EngineHead,
  engineHeads,
  engineKeysOfPlan,
  engineKeysOfPolicy,
  type JournalledRun,
  type MissingEntry,
  missingEntries,
  openingOfEvent,
  readOpening,
  type TrustedKeys,
} from '../../domain/ledger/journal.js';
import { attestationPaths, envelopeText, TREE_PATHS } from '../../domain/record/published-tree.js';
import { planRun } from '../../domain/run/plan-run.js';
import { passesLint } from '../../prompt-pack/lint.js';
import type { TreeDocuments } from '../open-documents.js';
import { sha256Of } from '../tree-files.js';
import { expectFields, expectSame, type VerifyCode, VerifyFailure } from '../verify-codes.js';

/** The run's policy is one of those handed in, or the tree vouches for itself; and it governs the run's repository. */
export async function checkPolicy({ policy, opening, trust }: TreeDocuments): Promise<readonly string[]> {
  const governing = await policy();
  const { target_repo } = (await opening()).run;
  if (governing !== null && !governsRepository(governing, target_repo)) {
    throw new VerifyFailure(
      'POLICY_NOT_FOR_REPOSITORY',
      `${TREE_PATHS.ledger}:1: run.target_repo`,
      `one of ${(governing.repositories ?? []).join(', ')}`,
      target_repo,
    );
  }
  return trust.policies.length === 0
    ? ['no policy was handed in: the tree vouches for itself, and whoever made it could have made up its policy too']
    : [];
}

/** The request and the prompt pack are those of the run, and the policy takes the pack. */
export async function checkDocuments(documents: TreeDocuments): Promise<void> {
  await documents.request();
  const pack = await documents.pack();
  const policy = await documents.policy();
  if (pack === null || policy === null || policy.prompt_packs.includes(pack.digest)) return;
  throw new VerifyFailure('PACK_NOT_TRUSTED', TREE_PATHS.pack, `one of ${policy.prompt_packs.join(', ')}`, pack.digest);
}

/**
 * The starter signed what was started, by a key that counted then. A run that never opened is no exception where a policy
 * was handed in: else anybody could make such a run in anybody's name. Where the tree vouches for itself, that very
 * signature may be what the engine refused.
 */
export async function checkRequestSignature(documents: TreeDocuments): Promise<readonly string[]> {
  const opening = await documents.opening();
  const policy = await documents.policy();
  if (policy === null || (opening.type === 'openingFailed' && !requiresSigner(documents, policy))) return [];
  const signed = await requestSigner(documents, policy);
  if (signed === null) return [`unauthenticated: no key signed the request of ${opening.run.developer}`];
  const held = findKey(pinKeys(policy), signed.keyid);
  if (held !== null && isValidAt(held.key, opening.at)) return [];
  throw new VerifyFailure(
    'REQUEST_SIGNATURE_INVALID',
    attestationPaths.runRequest,
    `a key of ${signed.principal} that is valid at ${opening.at}`,
    signed.keyid,
  );
}

const requiresSigner = ({ trust }: TreeDocuments, { decisions }: Policy): boolean =>
  trust.policies.length > 0 && decisions.authentication === 'required';

const signers = new WeakMap<TreeDocuments, Promise<RunPlan['request_signed_by']>>();

/** Who signed the request, judged once for each tree: two checks ask, and a signature takes milliseconds. */
function requestSigner(documents: TreeDocuments, policy: Policy): Promise<RunPlan['request_signed_by']> {
  const judged = signers.get(documents) ?? judgeSigner(documents, policy);
  signers.set(documents, judged);
  return judged;
}

async function judgeSigner(documents: TreeDocuments, policy: Policy): Promise<RunPlan['request_signed_by']> {
  const opening = await documents.opening();
  const { run } = opening;
  const path = attestationPaths.runRequest;
  const named = run.request_attestation_sha256 ?? null;
  const unread = named !== null && opening.type === 'openingFailed' && !(await documents.has(path));
  if (unread) {
    throw new VerifyFailure('REQUEST_SIGNATURE_INVALID', path, named, 'nothing');
  }
  const envelope = named === null ? null : await documents.json(path, envelopeSchema);
  // A client may have stored the envelope as a file of the tree has it, or as canonical JSON.
  const stored = envelope === null ? [] : [sha256Of(envelopeText(envelope)), sha256Of(canonicalJson(envelope))];
  if (named !== null && !stored.includes(named)) {
    throw new VerifyFailure('REQUEST_SIGNATURE_INVALID', path, named, stored.join(' or '));
  }
  return translated('REQUEST_SIGNATURE_INVALID', path, () => judgeRequest(run, policy, envelope));
}

/** What the run pinned when it opened is what the policy, the pack and the request say. */
export async function checkPlan(documents: TreeDocuments): Promise<void> {
  const opening = await documents.opening();
  const place = `${TREE_PATHS.ledger}:1`;
  expectSame('PLAN_DIFFERS', place, runWorkflowId(opening.run.run_id), opening.workflow.workflow_id);
  const policy = await documents.policy();
  const pack = await documents.pack();
  const bundle = await documents.packBundle();
  if (opening.type === 'openingFailed' || policy === null || pack === null || bundle === null) return;
  const { prompt_os_version } = opening.run;
  expectSame('PLAN_DIFFERS', `${place}: run.prompt_os_version`, bundle.prompt_os_version, prompt_os_version);
  translated('GATES_NOT_ALLOWED', place, () => checkGateSelection(opening.run.gates, policy));
  const rulesVersion = rulesVersionOf(opening.plan);
  if (rulesVersion > RULES_VERSION) {
    expectSame('RULES_VERSION_UNKNOWN', `${place}: plan.rules_version`, `1 to ${RULES_VERSION}`, `${rulesVersion}`);
  }
  const expected = planRun(policy, {
    pack_sha256: pack.digest,
    lint_passed: passesLint(bundle, rulesVersion),
    // Where a run's work was queued is the engine's own business: no policy says it.
    task_queues: opening.plan.task_queues,
    request_signed_by: await requestSigner(documents, policy),
    rules_version: rulesVersion,
  });
  expectFields('PLAN_DIFFERS', place, { plan: expected }, opening);
}

/** The domain refuses in the words of its own errors; here it is the tree that is wrong. */
function translated<T>(code: VerifyCode, path: string, judge: () => T): T {
  try {
    return judge();
  } catch (error) {
    if (!(error instanceof PromptOsError)) throw error;
    throw new VerifyFailure(code, path, 'what the policy asks', `${error.code}: ${error.summary}`);
  }
}

/**
 * The run's journal, kept outside Temporal, agrees with its ledger: the run id was taken by this run, the engine signed
 * before each gate, before the run closed and at its end, and whatever the ledger does not account for was resolved as a fork.
 * @returns every fork that was resolved, and every message that came too late
 */
export async function checkJournal(documents: TreeDocuments): Promise<readonly string[]> {
  const entries = await documents.ledger();
  const opening = await documents.opening();
  const journal = await documents.journal();
  if (opening.type === 'openingFailed') {
    // A tree of before runs had a journal; none can be left out of another, since the sealed record lists it.
    if (journal.length === 0) return [];
    await checkOpened(documents, opening, journal);
    checkEnd(entries, journal, engineKeysOfPolicy(await documents.policy()));
    return [];
  }
  if (!hasJournal(opening.plan)) {
    return ['no journal: the run is from before runs had one, so a past that somebody reset would not show'];
  }
  const run: JournalledRun = { run_id: opening.run.run_id, plan: opening.plan };
  const engine = engineKeysOfPlan(opening.plan);
  await checkOpened(documents, opening, journal);
  const forks = checkForks(run, journal, entries);
  if ('problem' in forks)
    throw differs('the forks that the journal shows', `ledger entry ${forks.seq}: ${forks.problem}`);
  const heads = engineHeads({ run_id: run.run_id, engine }, journal, entries);
  checkStarts(entries, heads);
  checkEnd(entries, journal, engine);
  const missing = missingEntries(run, journal, entries, forks.accepted);
  const end = (await documents.closed()).closing.outcome === 'approved' ? placeOfClosing(entries, heads) : null;
  const blocking = missing.filter(({ seq }) => end !== null && seq < end);
  if (blocking.length > 0) throw forked(blocking);
  return [...missing.map(({ what }) => `not part of the run: ${what}`), ...resolvedForks(entries)];
}

const differs = (expected: string, found: string): VerifyFailure =>
  new VerifyFailure('JOURNAL_DIFFERS', TREE_PATHS.journal, expected, found);

function forked([first, ...more]: readonly MissingEntry[]): VerifyFailure {
  const rest = more.length === 0 ? '' : ` and ${more.length} more`;
  return new VerifyFailure(
    'JOURNAL_FORK',
    `${TREE_PATHS.journal}:${(first?.seq ?? 0) + 1}`,
    `a ledger that accounts for ${first?.what}${rest}`,
    'one that does not, and no resolution that names the fork',
  );
}

async function checkOpened(
  documents: TreeDocuments,
  opening: (LedgerEventOf<'runOpened'> | LedgerEventOf<'openingFailed'>) & LedgerEntry,
  journal: readonly PlacedJournalEntry[],
): Promise<void> {
  const found = readOpening(journal, engineKeysOfPolicy(await documents.policy()), opening.at);
  if (found === null || !sameJson(found, openingOfEvent(opening))) {
    throw differs('an opening in which the engine gives the run id to this run', 'another one, or none');
  }
}

/** The journal ends where the engine signed that the run ended so, whatever the outcome. */
function checkEnd(entries: readonly LedgerEntry[], journal: readonly PlacedJournalEntry[], engine: TrustedKeys): void {
  const run = { run_id: openingOf(entries).run.run_id, engine };
  const ends = engineHeads(run, journal, entries, ({ purpose }) => purpose === 'end');
  if (ends.some(({ seq, head }) => head.entries === entries.length && seq === journal.length - 1)) return;
  throw differs("the engine's signature that the run ended, as the last entry", 'another last entry');
}

/** Before each attempt the engine signed that it was due. */
function checkStarts(entries: readonly LedgerEntry[], heads: readonly EngineHead[]): void {
  for (const entry of entries) {
    if (entry.type !== 'gateStarted') continue;
    const { gate, attempt, seq } = entry;
    const isDue = ({ head }: EngineHead) =>
      head.purpose === 'gate' && head.gate === gate && head.attempt === attempt && head.entries <= seq;
    if (!heads.some(isDue)) {
      throw differs(`the engine's signature that ${gate}, attempt ${attempt} was due`, 'none over this ledger');
    }
  }
}

/**
 * Where the engine signed that nothing speaks against closing the run as approved. Nothing that counts came between that
 * and the closing: signed earlier, it would call late what the run had to look at.
 */
function placeOfClosing(entries: readonly LedgerEntry[], heads: readonly EngineHead[]): number {
  const found = heads.findLast(
    ({ head }) =>
      head.purpose === 'close' &&
      entries.slice(head.entries, -1).every(({ type }) => type === 'refused' || type === 'reminded'),
  );
  if (found !== undefined) return found.seq;
  throw differs("the engine's signature that the run closes as approved", 'none over this ledger');
}

/** Forks that integrators resolved: they are shown for ever. */
function resolvedForks(entries: readonly LedgerEntry[]): readonly string[] {
  return entries.flatMap((entry) => {
    if (entry.type !== 'escalationOpened' || entry.report.fork === undefined) return [];
    const { escalation_id, report } = entry;
    const resolved = entries.find(
      (other) => other.type === 'escalationResolved' && other.resolution.escalation_id === escalation_id,
    );
    const by =
      resolved?.type === 'escalationResolved'
        ? `${resolved.resolution.choice} by ${resolved.resolution.actor}`
        : 'open';
    const missing = report.fork?.missing ?? 0;
    const unaccounted = `${counted(missing, 'entry')} of the journal ${missing === 1 ? 'is' : 'are'}`;
    return [`fork ${escalation_id} (${by}): ${unaccounted} not part of the run`];
  });
}
