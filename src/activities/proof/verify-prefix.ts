import { z } from 'zod';
import { type ErrorCode, PromptOsError } from '../../contracts/errors.js';
import { canonicalJson, parseJson, readJson, sameJson } from '../../contracts/json.js';
import { runWorkflowId } from '../../contracts/names.js';
import type { Policy } from '../../contracts/policy/policy.js';
import { keepLast } from '../../contracts/remember.js';
import type { LedgerReference } from '../../contracts/run/activities.js';
import type { PlacedJournalEntry, VerifiedHead } from '../../contracts/run/journal.js';
import { type LedgerEntry, type LedgerEventOf, type LedgerHead, parseLedgerEntry } from '../../contracts/run/ledger.js';
import { hasJournal, RULES_VERSION, rulesVersionOf } from '../../contracts/run/rules-version.js';
import type { RunPlan } from '../../contracts/run/run-plan.js';
import { problemsText } from '../../contracts/schema-problems.js';
import { counted } from '../../contracts/sentences.js';
import { openingOf } from '../../domain/ledger/closed-ledger.js';
import {
  checkForks,
  type EngineHead,
  engineHeads,
  engineKeysOfPolicy,
  type JournalledRun,
  messagesOf,
  missingEntries,
  openingOfEvent,
  readOpening,
} from '../../domain/ledger/journal.js';
import { checkChain, EMPTY_LEDGER, headOf } from '../../domain/ledger/ledger-chain.js';
import { type Replay, replayLedger } from '../../domain/ledger/replay-ledger.js';
import type { ArtifactStore } from '../../ports/index.js';
import { judgeRequestSigner } from '../documents/judge-request-signer.js';
import { type PinnedDocuments, planOfRun } from '../documents/pinned-documents.js';
import { readRunJournal } from './run-journal.js';

/** A run's past, as far as it follows from signed acts and the store, whatever its source. */
export interface VerifiedPrefix {
  readonly entries: readonly LedgerEntry[];
  readonly opening: (LedgerEventOf<'runOpened'> | LedgerEventOf<'openingFailed'>) & LedgerEntry;
  readonly replay: Replay;
  readonly policy: Policy;
  readonly journal: readonly PlacedJournalEntry[];
  /** Journal entries, from the first, that resolved forks account for. */
  readonly accepted: number;
}

export interface PrefixVerifier {
  /**
   * @param workflowId of the execution that asks, as Temporal's server says
   * @throws PromptOsError STEP_NOT_DUE, LEDGER_BROKEN, RULES_VERSION_UNKNOWN, and what reading the run's documents fails with
   */
  verify(runId: string, workflowId: string | undefined, ledger: LedgerReference): Promise<VerifiedPrefix>;
}

/** Runs whose verified past is kept in memory, so that only what is new is verified; another worker makes it again. */
const KEPT_RUNS = 64;

export const notDue = (why: string): PromptOsError =>
  new PromptOsError('STEP_NOT_DUE', `This is not the run's next step: ${why}.`);

/**
 * Verifies a run's ledger from its first entry: the hash chain, the starter's signature, the plan that the policy gives,
 * every result and every decision by its signature, each event as the domain writes it, and the journal's opening.
 * Temporal is asked for nothing: it carries messages, and is no witness.
 */
export function createPrefixVerifier(
  store: Pick<ArtifactStore, 'readObject' | 'readJournal'>,
  documents: PinnedDocuments,
): PrefixVerifier {
  const kept = new Map<string, Pick<VerifiedPrefix, 'entries' | 'replay'> & { readonly claim: unknown }>();
  return {
    async verify(runId, workflowId, ledger) {
      if (workflowId !== runWorkflowId(runId)) throw notDue(`it was asked for by the workflow ${workflowId ?? 'none'}`);
      const journal = await readRunJournal(store, runId);
      // What was verified here before may be of another past, as after a Reset: then all of it is verified again.
      const before = kept.get(runId);
      const continued = before === undefined ? null : await readLedger(store, ledger, before.entries).catch(onlyBroken);
      const entries = continued ?? (await readLedger(store, ledger));
      const replay = replayed(entries, journal, continued === null ? undefined : before);
      const opening = openingOf(entries);
      // A store that is not mounted has neither: that is no proof against the run. What is in memory says nothing of it.
      if (journal.length === 0) await store.readObject(opening.run.policy_sha256);
      const policy = await documents.policy(opening.run.policy_sha256);
      if (continued === null) await checkOpening(store, documents, { runId, policy, opening });
      // The same object as before: entries of a journal are read once.
      const claim = journal.find(({ entry }) => entry?.kind === 'opened')?.entry;
      if (continued === null || claim !== before?.claim) checkClaim(journal, policy, opening);
      const accepted = acceptedForks(entries, opening, journal);
      keepLast(kept, runId, { entries, replay, claim }, KEPT_RUNS);
      return { entries, opening, replay, policy, journal, accepted };
    },
  };
}

/** A ledger that does not go on from the one that was verified before is read from its start. */
function onlyBroken(error: unknown): null {
  if (error instanceof PromptOsError && error.code === 'LEDGER_BROKEN') return null;
  throw error;
}

function replayed(
  entries: readonly LedgerEntry[],
  journal: readonly PlacedJournalEntry[],
  before?: { readonly entries: readonly LedgerEntry[]; readonly replay: Replay },
): Replay {
  const evidence = { escalationOf: () => undefined, signedMessage: messagesOf(journal) };
  const replay = replayLedger(entries, evidence, before && { entries: before.entries.length, ...before.replay });
  if (replay.ok) return replay;
  const { code, seq, expected, found } = replay;
  const wanted = typeof expected === 'string' ? expected : canonicalJson(expected).slice(0, 300);
  const there = typeof found === 'string' ? found : JSON.stringify(found)?.slice(0, 300);
  throw notDue(`entry ${seq} of its ledger does not follow (${code}): expected ${wanted}; found ${there}`);
}

const UNSIGNED: readonly ErrorCode[] = ['REQUEST_NOT_SIGNED', 'DEVELOPER_UNKNOWN', 'SIGNATURE_INVALID'];

/** The first entry: a run of this id, that its developer started, under the plan that its policy gives. */
async function checkOpening(
  store: Pick<ArtifactStore, 'readObject'>,
  documents: PinnedDocuments,
  { runId, policy, opening }: Pick<VerifiedPrefix, 'policy' | 'opening'> & { readonly runId: string },
): Promise<void> {
  const { run, workflow } = opening;
  if (run.run_id !== runId || workflow.workflow_id !== runWorkflowId(runId)) {
    throw notDue(`its ledger is that of ${run.run_id} in ${workflow.workflow_id}`);
  }
  const signed = await judgeRequestSigner({ store }, run, policy, opening.at).catch((error: unknown): never => {
    throw error instanceof PromptOsError && UNSIGNED.includes(error.code) ? notDue(error.summary) : error;
  });
  if (opening.type === 'openingFailed') return;
  // An attacker who can write a history could have the run judged by older, weaker rules.
  if (!hasJournal(opening.plan)) throw notDue('its plan is of before runs had a journal');
  const expected = await planOfRun(documents, run, policy, {
    task_queues: opening.plan.task_queues,
    request_signed_by: signed,
    rules_version: rulesVersionOf(opening.plan),
  });
  if (!sameJson(opening.plan, expected)) {
    throw notDue('its plan is not the one that its policy gives');
  }
}

/** The run id was given to this chain of executions, and to no other, for a run that opened or failed as the ledger says. */
function checkClaim(journal: readonly PlacedJournalEntry[], policy: Policy, opening: VerifiedPrefix['opening']): void {
  const found = readOpening(journal, engineKeysOfPolicy(policy), opening.at);
  if (found === null || !sameJson(found, openingOfEvent(opening))) {
    throw notDue(`the journal of ${opening.run.run_id} was not opened by this run`);
  }
}

function acceptedForks(
  entries: readonly LedgerEntry[],
  opening: VerifiedPrefix['opening'],
  journal: readonly PlacedJournalEntry[],
): number {
  if (opening.type === 'openingFailed') return 0;
  const forks = checkForks(journalledRun(opening.run.run_id, opening.plan), journal, entries);
  if ('problem' in forks) throw notDue(`at entry ${forks.seq}, ${forks.problem}`);
  return forks.accepted;
}

/** What the engine signed over a verified past, in the order of the journal. */
export const engineHeadsOf = (
  { entries, opening, policy }: VerifiedPrefix,
  journal: readonly PlacedJournalEntry[],
  wanted: (head: VerifiedHead) => boolean,
): readonly EngineHead[] =>
  engineHeads({ run_id: opening.run.run_id, engine: engineKeysOfPolicy(policy) }, journal, entries, wanted);

export const journalledRun = (run_id: string, plan: RunPlan): JournalledRun => ({ run_id, plan });

/**
 * Refuses a past that does not account for what the journal holds.
 * @param before the place from which on entries may still be on their way
 * @throws PromptOsError FORK
 */
export function refuseFork(
  { entries, opening, journal, accepted }: VerifiedPrefix,
  before = Number.POSITIVE_INFINITY,
): void {
  if (opening.type === 'openingFailed') return;
  const earlier = journal.filter(({ seq }) => seq < before);
  const missing = missingEntries(journalledRun(opening.run.run_id, opening.plan), earlier, entries, accepted);
  if (missing.length === 0) return;
  const named = missing.slice(0, 5).map(({ what }) => what);
  throw new PromptOsError(
    'FORK',
    `The ledger of ${opening.run.run_id} up to entry ${headOf(entries).entries} does not account for ${counted(missing.length, 'entry')} of the run's journal: ${named.join('; ')}.`,
  );
}

/**
 * A run's whole ledger: the parts in the store, then the entries that came along; every link is checked.
 * @param known entries that this worker has checked before: of those, only that the ledger still begins with them is asked
 * @throws PromptOsError LEDGER_BROKEN, RULES_VERSION_UNKNOWN; OBJECT_NOT_FOUND, OBJECT_CORRUPT for a part
 */
export async function readLedger(
  store: Pick<ArtifactStore, 'readObject'>,
  { segments, entries, head }: LedgerReference,
  known: readonly LedgerEntry[] = [],
): Promise<readonly LedgerEntry[]> {
  let seq = 0;
  const fresh: LedgerEntry[] = [];
  const take = (found: readonly LedgerEntry[]) => {
    for (const entry of found) {
      if (seq >= known.length) fresh.push(parsed(entry));
      else if (entry.hash !== known[seq]?.hash) throw broken(`entry ${seq} is another one than before`);
      seq += 1;
    }
  };
  for (const segment of segments) {
    // A part that was checked before is not read again.
    if (seq + segment.entries <= known.length) {
      seq += segment.entries;
      continue;
    }
    const lines = parseLines(await store.readObject(segment.sha256));
    if (lines.length !== segment.entries) {
      throw broken(`expected ${counted(segment.entries, 'entry')} in part ${segment.sha256}, found ${lines.length}`);
    }
    take(lines);
  }
  take(entries);
  const whole = [...known, ...fresh];
  if (seq < known.length) throw broken(`expected ${counted(known.length, 'entry')} or more, found ${seq}`);
  checkLeadsTo(fresh, known.length === 0 ? EMPTY_LEDGER : headOf(known), head);
  return whole;
}

/** @throws PromptOsError LEDGER_BROKEN unless the entries lead from one head to the other. */
function checkLeadsTo(entries: readonly LedgerEntry[], from: LedgerHead, to: LedgerHead): void {
  const chain = checkChain(entries, from);
  if (!chain.ok) throw broken(`at entry ${chain.seq}: ${chain.problem}`);
  if (chain.head.entries !== to.entries || chain.head.hash !== to.hash) {
    throw broken(
      `expected ${counted(to.entries, 'entry')} up to ${to.hash}, found ${chain.head.entries} up to ${chain.head.hash}`,
    );
  }
}

function parseLines(bytes: Uint8Array): LedgerEntry[] {
  const lines = Buffer.from(bytes).toString('utf8').split('\n');
  if (lines.pop() !== '') throw broken('a part does not end with a newline');
  return lines.map((line) => {
    const entry = readJson(line);
    if (entry === undefined) throw broken('a part has a line that is not JSON');
    return entry as LedgerEntry;
  });
}

const openedByNewerRules = z.looseObject({
  type: z.literal('runOpened'),
  run: z.looseObject({ run_id: z.string() }),
  plan: z.looseObject({ rules_version: z.int().gt(RULES_VERSION) }),
});

/**
 * A worker of an older release would judge such a run by the rules that it has, and others would find that its judgement
 * differs. Asked before anything else of the entry is read: a newer release may have given it another shape.
 */
function refuseNewerRules(entry: unknown): void {
  const { data } = openedByNewerRules.safeParse(entry);
  if (data === undefined) return;
  const { run, plan } = data;
  throw new PromptOsError(
    'RULES_VERSION_UNKNOWN',
    `The run ${run.run_id} is judged by version ${plan.rules_version} of the rules, and this release of PromptOS knows them up to version ${RULES_VERSION}.`,
  );
}

function parsed(value: unknown): LedgerEntry {
  refuseNewerRules(value);
  try {
    // However an entry came, its members are in the order of the store: what is made of it must not depend on the way.
    return parseLedgerEntry(parseJson(canonicalJson(value)));
  } catch (error) {
    throw error instanceof z.ZodError ? broken(`an entry has another shape: ${problemsText(error, 'entry')}`) : error;
  }
}

const broken = (problem: string): PromptOsError =>
  new PromptOsError('LEDGER_BROKEN', `The ledger is broken: ${problem}.`);
