import { canonicalSha256 } from '../../src/contracts/json.js';
import type { Envelope } from '../../src/contracts/keys.js';
import { ENGINE, GATES, type GateId } from '../../src/contracts/names.js';
import type { GateOutcome } from '../../src/contracts/run/activities.js';
import type {
  JournalEntry,
  JournalledMessage,
  PlacedJournalEntry,
  VerifiedHead,
} from '../../src/contracts/run/journal.js';
import type { LedgerEntry } from '../../src/contracts/run/ledger.js';
import type { RunPlan } from '../../src/contracts/run/run-plan.js';
import { gateResultStatement, ledgerHeadStatement } from '../../src/domain/attest/acts.js';
import { type JournalledRun, missingEntries } from '../../src/domain/ledger/journal.js';
import { appendEntry, headOf } from '../../src/domain/ledger/ledger-chain.js';
import type { Command } from '../../src/domain/run/commands.js';
import { decide } from '../../src/domain/run/decide.js';
import { evolve } from '../../src/domain/run/evolve.js';
import { gateResult, POLICY_SHA256 } from './domain.js';
import { keyOf, SignedRun, signedPlan } from './signed-run.js';
import { makeTestKey, type TestKey } from './signing.js';

export const ENGINE_KEY = makeTestKey();

/** A plan of version 2 of the rules, under which everything must be signed. */
export const journalledPlan = (overrides: Partial<RunPlan> = {}): RunPlan =>
  signedPlan({ rules_version: 2, engine_keys: [ENGINE_KEY.pinned], ...overrides });

/** A run in the pure domain with a chained ledger, and a journal that a test writes. */
export class DomainRunWithJournal extends SignedRun {
  readonly ledger: LedgerEntry[] = [];
  readonly journal: PlacedJournalEntry[] = [];

  override send(command: Command): ReturnType<SignedRun['send']> {
    const at = new Date(this.now).toISOString();
    const { events, answer } = decide(this.state, command, { at, refusals_counted: {} });
    for (const event of events) {
      const entry = appendEntry(headOf(this.ledger), at, event);
      this.ledger.push(entry);
      this.events.push(entry);
      this.state = evolve(this.state, entry);
    }
    return { events, answer };
  }

  get judged(): JournalledRun {
    return { run_id: 'run-one', plan: this.state.plan ?? journalledPlan() };
  }

  /** What is missing, as sentences. */
  missing(accepted = 0): readonly string[] {
    return missingEntries(this.judged, this.journal, this.ledger, accepted).map(({ what }) => what);
  }

  journalEntry(entry: JournalEntry | null): void {
    this.journal.push({ seq: this.journal.length, entry });
  }

  journalMessage(message: JournalledMessage, envelope: Envelope): void {
    this.journalEntry({ kind: 'message', message, envelope });
  }

  /** A head as a principal signs it; null leaves it unsigned. */
  journalHead(parts: Partial<VerifiedHead> = {}, signer?: TestKey | null): void {
    const { entries, hash } = headOf(this.ledger);
    const step = { purpose: 'close', gate: null, attempt: 0 } as const;
    const by = this.judged.plan.principals.verifier;
    const head: VerifiedHead = { run_id: 'run-one', by, ...step, entries, hash, ...parts };
    const key = signer === undefined ? (head.by === ENGINE ? ENGINE_KEY : keyOf(head.by)) : signer;
    this.journalEntry({ kind: 'head', head, envelope: key?.seal(ledgerHeadStatement(head)) ?? null });
  }

  /** A result as its principal signs it, about the attempt that runs. */
  result(gate: GateId, predicate: object = {}, outcome: Partial<GateOutcome> = {}, signer?: TestKey): Envelope {
    const { attestation: _, ...given } = gateResult(outcome);
    const principal = this.judged.plan.principals[GATES[gate].role];
    const current = this.state.gates.find((candidate) => candidate.gate === gate)?.current;
    const statement = gateResultStatement(given, {
      runId: 'run-one',
      gate,
      attempt: current?.attempt ?? 1,
      principal,
      policySha256: POLICY_SHA256,
      promptSha256: '1'.repeat(64),
      renderedPromptSha256: '2'.repeat(64),
      feedbackSha256: canonicalSha256([]),
      artifactsSha256: '3'.repeat(64),
      nonce: current?.nonce ?? '',
      ledger: headOf(this.ledger),
    });
    const changed = { ...statement, predicate: { ...(statement.predicate as object), ...predicate } };
    return (signer ?? keyOf(principal)).seal(changed);
  }

  /** Starts the next gate and lets it give a signed result. */
  runJournalled(gate: GateId, make: () => Envelope = () => this.result(gate)): this {
    const attempt = (this.state.gates.find((candidate) => candidate.gate === gate)?.attempts ?? 0) + 1;
    this.send({ type: 'startGate', gate, attempt });
    this.send({ type: 'finishGate', gate, attempt, result: { attestation: make() } });
    return this;
  }
}
