import { canonicalJson, canonicalSha256, own, sameJson } from '../../contracts/json.js';
import type { Envelope, PinnedKey } from '../../contracts/keys.js';
import { ENGINE } from '../../contracts/names.js';
import type { Policy } from '../../contracts/policy/policy.js';
import type { Cancellation, Decision, Resolution } from '../../contracts/run/decisions.js';
import type { Fork } from '../../contracts/run/escalation.js';
import type { JournalledMessage, PlacedJournalEntry, RunOpening, VerifiedHead } from '../../contracts/run/journal.js';
import type { LedgerEntry, LedgerEventOf } from '../../contracts/run/ledger.js';
import type { RunPlan } from '../../contracts/run/run-plan.js';
import { counted } from '../../contracts/sentences.js';
import { ledgerHeadStatement, runOpeningStatement } from '../attest/acts.js';
import { envelopeSha256, openEnvelope } from '../attest/envelope.js';
import { PREDICATES } from '../attest/statement.js';
import { authenticate, isValidAt, pinKey } from '../judge/authenticate.js';
import { EPOCH } from '../judge/authority.js';
import { readCancellation, readDecision, readEscalation, readResolution } from '../judge/read-message.js';
import { forkReport } from '../run/escalations.js';
import { isRefusal } from '../run/refusals.js';
import { droppedResult } from './journalled-results.js';

/** What a journal is judged by. */
export interface JournalledRun {
  readonly run_id: string;
  readonly plan: RunPlan;
}

/** An entry of the journal that the ledger does not account for. */
export interface MissingEntry {
  readonly seq: number;
  readonly kind: 'message' | 'head' | 'result';
  /** SHA-256 of the canonical JSON of the entry. */
  readonly sha256: string;
  /** For a person. */
  readonly what: string;
}

const PREDICATE_OF: Readonly<Record<JournalledMessage, string>> = {
  decision: PREDICATES.gateDecision,
  resolution: PREDICATES.escalationResolution,
  escalation: PREDICATES.escalation,
  cancellation: PREDICATES.runCancellation,
};

/** A journalled message that a key of the policy signed about this run. */
interface SignedMessage {
  readonly kind: JournalledMessage;
  readonly envelope: Envelope;
  readonly signer: string;
  /** What makes it the same message however often it is signed: kind, signer, what it answers and how. */
  readonly same: string;
  readonly what: string;
}

/**
 * Reads a journalled message. The key must count at the time that the message says it was made: a key that has ended
 * since does not make it undone.
 * @returns null for what no key of the policy signed, or what is no message about this run
 */
function readSignedMessage(
  { run_id, plan }: JournalledRun,
  kind: JournalledMessage,
  envelope: Envelope,
): SignedMessage | null {
  // Read at first without regard to time, which is part of the message.
  const ageless = { ...plan, keys: withoutEnds(plan.keys) };
  const opened = authenticate(ageless, envelope, PREDICATE_OF[kind], EPOCH);
  if (isRefusal(opened) || opened.signer === null) return null;
  const made = (opened.content as { readonly decided_at?: unknown }).decided_at;
  if (typeof made !== 'string' || isRefusal(authenticate(plan, envelope, PREDICATE_OF[kind], made))) return null;
  const { signer } = opened;
  if (kind === 'escalation') {
    const message = readEscalation(opened.content);
    if (isRefusal(message) || message.run_id !== run_id || message.actor !== signer) return null;
    const same = canonicalJson([kind, signer, message.decision_id ?? message.issue ?? '']);
    return { kind, envelope, signer, same, what: `an escalation by ${signer}: ${brief(message.issue)}` };
  }
  if (kind === 'cancellation') {
    const message = readCancellation(opened.content);
    if (isRefusal(message) || message.run_id !== run_id || message.actor !== signer) return null;
    const same = canonicalJson([kind, signer, effectOf(message)]);
    return { kind, envelope, signer, same, what: `a cancellation by ${signer}: ${brief(message.reason)}` };
  }
  const message = kind === 'decision' ? readDecision(opened.content) : readResolution(opened.content);
  if (isRefusal(message) || message.run_id !== run_id || message.actor !== signer) return null;
  const said = 'reason' in message ? message.reason : 'guidance' in message ? message.guidance : undefined;
  return {
    kind,
    envelope,
    signer,
    same: canonicalJson([kind, signer, effectOf(message)]),
    what: `${message.choice} of ${message.request_id} by ${signer}${said === undefined ? '' : `: ${brief(said)}`}`,
  };
}

/** What follows from a decision, whichever copy of it counts: not its id, its times or the words that go with it. */
function effectOf(message: Decision | Resolution | Cancellation): object {
  const { decision_id: _id, decided_at: _from, expires_at: _until, key_protection: _kept, ...said } = message;
  return { ...said, comment: null, reason: null, guidance: null };
}

const withoutEnds = (keys: RunPlan['keys']): RunPlan['keys'] =>
  Object.fromEntries(
    Object.entries(keys).map(([principal, held]) => [
      principal,
      held.map((key) => ({ ...key, valid_from: null, valid_until: null, revoked_at: null })),
    ]),
  );

const brief = (text = ''): string => text.replaceAll(/\s+/g, ' ').slice(0, 120).toWellFormed();

/** The keys of one signer, and whether what it journals must be signed. */
export interface TrustedKeys {
  readonly keys: readonly PinnedKey[];
  readonly required: boolean;
}

export const engineKeysOfPolicy = (policy: Policy | null): TrustedKeys => ({
  keys: (policy?.engine.keys ?? []).map(pinKey),
  required: policy?.attestations === 'required',
});

export const engineKeysOfPlan = (plan: RunPlan): TrustedKeys => ({
  keys: plan.engine_keys ?? [],
  required: plan.attestations === 'required',
});

/** Whether a journalled head counts: signed by whom it names, or unsigned where the policy asks for no signatures. */
function isSignedHead({ keys, required }: TrustedKeys, head: VerifiedHead, envelope: Envelope | null): boolean {
  if (envelope === null) return !required;
  const opened = openEnvelope(envelope, keys);
  return opened.ok && sameJson(opened.payload, ledgerHeadStatement(head));
}

const validAt = ({ keys, required }: TrustedKeys, at: string): TrustedKeys => ({
  keys: keys.filter((key) => isValidAt(key, at)),
  required,
});

/** What the journal must say of a run whose ledger begins with this event. */
export function openingOfEvent(event: LedgerEventOf<'runOpened'> | LedgerEventOf<'openingFailed'>): RunOpening {
  const { run, workflow } = event;
  return {
    run_id: run.run_id,
    first_execution_run_id: workflow.first_execution_run_id,
    policy_sha256: run.policy_sha256,
    request_sha256: run.request_sha256,
    request_attestation_sha256: run.request_attestation_sha256,
    failed: event.type === 'openingFailed' ? { code: event.code, message: event.message } : null,
  };
}

/**
 * The opening that has the run id, if the engine signed it where its policy requires signatures. The first one counts;
 * before it are at most messages that people sent while no engine had opened the run.
 * @param at when the engine's key must count: the time of the ledger's first entry
 * @returns null for a journal without an opening, or whose opening is not the engine's
 */
export function readOpening(
  journal: readonly PlacedJournalEntry[],
  engine: TrustedKeys,
  at: string,
): RunOpening | null {
  const first = journal.find(({ entry }) => entry?.kind === 'opened')?.entry;
  if (first?.kind !== 'opened') return null;
  const { kind: _, envelope, ...opening } = first;
  if (envelope === null) return engine.required ? null : opening;
  const opened = openEnvelope(envelope, validAt(engine, at).keys);
  return opened.ok && sameJson(opened.payload, runOpeningStatement(opening)) ? opening : null;
}

const isOnLedger = (ledger: readonly LedgerEntry[], { entries, hash }: VerifiedHead): boolean =>
  ledger[entries - 1]?.hash === hash;

/** A head that the engine signed over a ledger, and its place in the journal. */
export interface EngineHead {
  readonly seq: number;
  readonly head: VerifiedHead;
}

/**
 * What the engine signed over this very ledger, in the order of the journal.
 * @param wanted which heads to look at, before their signatures are verified
 */
export function engineHeads(
  { run_id, engine }: { readonly run_id: string; readonly engine: TrustedKeys },
  journal: readonly PlacedJournalEntry[],
  ledger: readonly LedgerEntry[],
  wanted: (head: VerifiedHead) => boolean = () => true,
): readonly EngineHead[] {
  return journal.flatMap(({ seq, entry }) => {
    if (entry?.kind !== 'head' || entry.head.by !== ENGINE || !wanted(entry.head)) return [];
    const { head, envelope } = entry;
    const last = ledger[head.entries - 1];
    const ours = head.run_id === run_id && last?.hash === head.hash;
    return ours && isSignedHead(validAt(engine, last.at), head, envelope) ? [{ seq, head }] : [];
  });
}

/** The signed messages that a ledger accounts for: those that counted, and those that were refused as what they are. */
function accountedMessages(run: JournalledRun, ledger: readonly LedgerEntry[]) {
  const digests = new Set<string>();
  const counted: { readonly kind: JournalledMessage; readonly envelope: Envelope }[] = [];
  const take = (kind: JournalledMessage, envelope: Envelope | null): void => {
    if (envelope === null) return;
    digests.add(`${kind} ${envelopeSha256(envelope)}`);
    counted.push({ kind, envelope });
  };
  for (const entry of ledger) {
    if (entry.type === 'decisionCounted') take('decision', entry.envelope);
    if (entry.type === 'escalationResolved') take('resolution', entry.envelope);
    if (entry.type === 'escalationOpened') take('escalation', entry.envelope);
    if (entry.type === 'cancellationCounted') take('cancellation', entry.envelope);
    if (entry.type === 'refused' && entry.message_sha256 !== undefined)
      digests.add(`${entry.kind} ${entry.message_sha256}`);
  }
  let same: ReadonlySet<string> | null = null;
  return {
    has: (kind: JournalledMessage, envelope: Envelope): boolean => digests.has(`${kind} ${envelopeSha256(envelope)}`),
    /** Whether the same was signed and counted in another envelope: it was sent once more. */
    hasSame: (message: SignedMessage): boolean => {
      same ??= new Set(counted.flatMap(({ kind, envelope }) => readSignedMessage(run, kind, envelope)?.same ?? []));
      return same.has(message.same);
    },
  };
}

/**
 * What the journal holds and the ledger does not account for: verified heads that it does not extend, signed messages
 * that are not in it, and results that it goes on without. What does not count by its signature is passed over.
 * @param journal in the order of its places
 * @param accepted entries, from the first, that resolved forks account for
 */
export function missingEntries(
  given: JournalledRun,
  journal: readonly PlacedJournalEntry[],
  ledger: readonly LedgerEntry[],
  accepted: number,
): readonly MissingEntry[] {
  const candidates = journal.filter(({ seq }) => seq >= accepted);
  const missing: MissingEntry[] = [];
  let accounted: ReturnType<typeof accountedMessages> | null = null;
  const run = withoutEndedKeys(given, ledger[0]?.at);
  for (const { seq, entry } of candidates) {
    if (entry === null || entry.kind === 'opened' || entry.kind === 'claim') continue;
    if (entry.kind === 'head') {
      const { head, envelope } = entry;
      // The engine signs within a workflow task, which may be lost before the server has it and is then done again at
      // another time. So its heads permit steps and witness nothing; a role signs once the task is committed.
      if (head.by === ENGINE || head.run_id !== run.run_id || isOnLedger(ledger, head)) continue;
      // That other past had times of its own, so a key counts that counted at any time of the run.
      const required = run.plan.attestations === 'required';
      if (!isSignedHead({ keys: own(run.plan.keys, head.by) ?? [], required }, head, envelope)) continue;
      const what = `the ledger's first ${counted(head.entries, 'entry')}, verified by ${head.by}`;
      missing.push({ seq, kind: 'head', sha256: canonicalSha256(entry), what });
      continue;
    }
    if (entry.kind === 'result') {
      const what = droppedResult(run, entry, ledger);
      if (what !== null) missing.push({ seq, kind: 'result', sha256: canonicalSha256(entry), what });
      continue;
    }
    accounted ??= accountedMessages(run, ledger);
    if (accounted.has(entry.message, entry.envelope)) continue;
    const message = readSignedMessage(run, entry.message, entry.envelope);
    if (message === null || accounted.hasSame(message)) continue;
    missing.push({ seq, kind: 'message', sha256: canonicalSha256(entry), what: message.what });
  }
  return missing;
}

/** A run with the keys that had not ended before it opened: others cannot have signed anything about it. */
function withoutEndedKeys({ run_id, plan }: JournalledRun, opened: string | undefined): JournalledRun {
  if (opened === undefined) return { run_id, plan };
  const notEnded = ({ valid_until, revoked_at }: PinnedKey) =>
    [valid_until, revoked_at].every((end) => end === null || Date.parse(end) > Date.parse(opened));
  const keys = Object.entries(plan.keys).map(([name, held]) => [name, held.filter(notEnded)]);
  return { run_id, plan: { ...plan, keys: Object.fromEntries(keys) } };
}

/** What a report says of a fork. */
export const describeFork = (
  missing: readonly MissingEntry[],
  journalEntries: number,
  ledgerEntries: number,
): Fork => ({
  journal_entries: journalEntries,
  ledger_entries: ledgerEntries,
  missing: missing.length,
  missing_sha256: canonicalSha256(missing),
});

/** A fork in a ledger that is not what the journal shows: its report says something else. */
export interface WrongFork {
  readonly seq: number;
  readonly problem: string;
}

/**
 * Whether every fork that a ledger tells of is the one that the journal shows, and how much of the journal the
 * resolved ones account for.
 */
export function checkForks(
  run: JournalledRun,
  journal: readonly PlacedJournalEntry[],
  ledger: readonly LedgerEntry[],
): { readonly accepted: number } | WrongFork {
  let accepted = 0;
  const open = new Map<string, number>();
  for (const entry of ledger) {
    if (entry.type === 'escalationOpened' && entry.report.fork !== undefined) {
      const { journal_entries, ledger_entries } = entry.report.fork;
      const then = journal.filter(({ seq }) => seq < journal_entries);
      const missing = missingEntries(run, then, ledger.slice(0, ledger_entries), accepted);
      const expected = forkReport(
        describeFork(missing, journal_entries, ledger_entries),
        missing.map(({ what }) => what),
      );
      const whole = then.length === journal_entries && ledger_entries <= entry.seq;
      if (!whole || missing.length === 0 || !sameJson(expected, entry.report)) {
        return { seq: entry.seq, problem: `the fork ${entry.escalation_id} is not the one that the journal shows` };
      }
      open.set(entry.escalation_id, journal_entries);
    }
    if (entry.type === 'escalationResolved' && entry.resolution.choice !== 'abort') {
      accepted = open.get(entry.resolution.escalation_id) ?? accepted;
    }
  }
  return { accepted };
}

/** The journal's signed messages by kind and digest. */
export function messagesOf(journal: readonly PlacedJournalEntry[]) {
  const messages = new Map(
    journal.flatMap(({ entry }) =>
      entry?.kind === 'message'
        ? [[`${entry.message} ${envelopeSha256(entry.envelope)}`, entry.envelope] as const]
        : [],
    ),
  );
  return (kind: JournalledMessage, sha256: string) => messages.get(`${kind} ${sha256}`) ?? null;
}
