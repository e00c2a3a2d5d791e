import { createPinnedDocuments } from '../../src/activities/documents/pinned-documents.js';
import { findDueGate } from '../../src/activities/due-gate.js';
import { executeOnce } from '../../src/activities/execute-gate.js';
import { createFinalise, type FinaliseOptions } from '../../src/activities/finalise.js';
import { readRunJournal } from '../../src/activities/proof/run-journal.js';
import { type AskingExecution, syncJournal } from '../../src/activities/proof/sync-journal.js';
import { createPrefixVerifier, type PrefixVerifier } from '../../src/activities/proof/verify-prefix.js';
import { GATE_IDS, type GateId, runWorkflowId } from '../../src/contracts/names.js';
import type {
  DueGate,
  ExecuteGateInput,
  FinaliseResult,
  LedgerReference,
  LedgerSegment,
  SentGateResult,
  SyncJournalInput,
  SyncJournalResult,
} from '../../src/contracts/run/activities.js';
import type { Decision } from '../../src/contracts/run/decisions.js';
import type { JournalEntry } from '../../src/contracts/run/journal.js';
import type { LedgerEntry } from '../../src/contracts/run/ledger.js';
import type { GovernedRunInput } from '../../src/contracts/run/run-plan.js';
import type { AwaitedDecision, AwaitedResolution } from '../../src/contracts/run/run-status.js';
import { decisionStatement, escalationStatement, resolutionStatement } from '../../src/domain/attest/acts.js';
import { appendEntry, EMPTY_LEDGER, headOf } from '../../src/domain/ledger/ledger-chain.js';
import type { Command } from '../../src/domain/run/commands.js';
import { decide } from '../../src/domain/run/decide.js';
import { forkReport } from '../../src/domain/run/escalations.js';
import { evolve } from '../../src/domain/run/evolve.js';
import { nextStep } from '../../src/domain/run/next-step.js';
import { INITIAL_STATE, type RunState } from '../../src/domain/run/run-state.js';
import { awaited } from '../../src/domain/run/run-status.js';
import type { GovernedRepository } from './governed-repository.js';
import type { TestKey } from './signing.js';

/** The people who sign; null when the run is unsigned. */
export type PeoplesKeys = Readonly<Record<'ada' | 'grace', TestKey>> | null;

/** Opens a run as its workflow would. */
export async function driveRun(
  repository: GovernedRepository,
  run: GovernedRunInput,
  keys: PeoplesKeys,
): Promise<DrivenRun> {
  const driver = new DrivenRun(repository, run, keys);
  const opened = await repository.openRun(run);
  if (opened.kind !== 'opened') throw new Error(`the run was ${opened.kind}: ${opened.code}, ${opened.message}`);
  driver.apply({ type: 'open', run, workflow: opened.workflow, plan: opened.plan });
  return driver;
}

/** What a workflow does, in a loop: the real activities, commands in, entries out, a second passes with each. */
export class DrivenRun {
  state: RunState = INITIAL_STATE;
  readonly entries: LedgerEntry[] = [];
  readonly segments: LedgerSegment[] = [];
  readonly verifier: PrefixVerifier;
  readonly workflowId: string;
  #now = Date.parse('2026-01-02T00:00:01.000Z');
  #stopped = false;

  constructor(
    readonly repository: GovernedRepository,
    readonly run: GovernedRunInput,
    readonly keys: PeoplesKeys,
  ) {
    this.verifier = this.newVerifier();
    this.workflowId = runWorkflowId(run.run_id);
  }

  /** As a worker that has seen nothing of the run yet. */
  newVerifier(): PrefixVerifier {
    const { store } = this.repository.ports;
    return createPrefixVerifier(store, createPinnedDocuments(store));
  }

  apply(command: Command): void {
    this.#now += 1_000;
    const at = new Date(this.#now).toISOString();
    const { events } = decide(this.state, command, { at, refusals_counted: {} });
    for (const event of events) {
      const entry = appendEntry(this.entries.length === 0 ? EMPTY_LEDGER : headOf(this.entries), at, event);
      this.entries.push(entry);
      this.state = evolve(this.state, entry);
    }
  }

  ledger(): LedgerReference {
    const stored = this.segments.reduce((sum, { entries }) => sum + entries, 0);
    return { segments: [...this.segments], entries: this.entries.slice(stored), head: headOf(this.entries) };
  }

  async journal(): Promise<readonly JournalEntry[]> {
    const placed = await readRunJournal(this.repository.ports.store, this.run.run_id);
    return placed.flatMap(({ entry }) => entry ?? []);
  }

  async sync(parts: Partial<SyncJournalInput> = {}, asking: Partial<AskingExecution> = {}): Promise<SyncJournalResult> {
    const asked = { run_id: this.run.run_id, purpose: 'save', gate: null, attempt: 0, ledger: this.ledger() } as const;
    const by = { workflowId: this.workflowId, isLocal: true, ...asking };
    const result = await syncJournal(this.repository.ports, this.verifier, { ...asked, ...parts }, by);
    if (result.segment !== null) this.segments.push(result.segment);
    return result;
  }

  /** Brings ledger and journal together; with a fork it raises the P08. */
  async raiseFork(parts: Partial<SyncJournalInput> = {}): Promise<boolean> {
    const { fork } = await this.sync(parts);
    if (fork !== null) this.apply({ type: 'fork', report: forkReport(fork.fork, fork.missing) });
    return fork === null;
  }

  /** What a worker that knows nothing of the run yet finds out. */
  dueGate(
    gate: GateId,
    attempt: number,
    parts: Partial<ExecuteGateInput> = {},
    workflowId = this.workflowId,
  ): Promise<DueGate> {
    const asked = { run_id: this.run.run_id, gate, attempt, ledger: this.ledger(), ...parts };
    return findDueGate(this.repository.ports, this.newVerifier(), asked, workflowId);
  }

  /** As a role's worker does it. */
  async executeGate(gate: GateId, attempt: number): Promise<SentGateResult> {
    const { store } = this.repository.ports;
    const due = await this.dueGate(gate, attempt);
    return executeOnce(
      store,
      createPinnedDocuments(store),
      due,
      () => this.repository.executeGate(due),
      new AbortController().signal,
    );
  }

  /** Up to where a gate's worker is asked. */
  async start(): Promise<{ readonly gate: GateId; readonly attempt: number }> {
    const step = nextStep(this.state);
    if (step.kind !== 'executeGate') throw new Error(`no gate is due: ${step.kind}`);
    const { gate, attempt } = step;
    if (!(await this.raiseFork({ purpose: 'gate', gate, attempt }))) throw new Error('there is a fork');
    this.apply({ type: 'startGate', gate, attempt });
    return { gate, attempt };
  }

  /** One turn of the workflow's loop. */
  async step(): Promise<void> {
    const step = nextStep(this.state);
    if (step.kind === 'executeGate') {
      const { gate, attempt } = await this.start();
      this.apply({ type: 'finishGate', gate, attempt, result: await this.executeGate(gate, attempt) });
    } else if (step.kind === 'close') {
      if (await this.raiseFork({ purpose: 'close' })) this.apply({ type: 'close' });
    } else {
      await this.sync();
      this.answer();
    }
  }

  /** Ends the journal and publishes the record. */
  async finalise(options: FinaliseOptions = {}): Promise<FinaliseResult> {
    await this.sync({ purpose: 'end' });
    return this.publish(options);
  }

  /** Publishes the record, as anyone who may schedule an activity can request. */
  publish(options: FinaliseOptions = {}): Promise<FinaliseResult> {
    const finalise = createFinalise(this.repository.ports, this.verifier, options);
    return finalise({ run_id: this.run.run_id, ledger: this.ledger() }, this.workflowId);
  }

  /** Grace answers what is awaited; before her first decision a stranger tries without authority, and Ada stops the run once. */
  answer(): void {
    const [first] = awaited(this.state);
    if (first === undefined) throw new Error('nothing is awaited');
    if (first.kind === 'resolution') this.#resolve(first);
    else if (first.gate === 'P01' && !this.#stopped) this.#stop();
    else this.#decide(first);
  }

  #times() {
    return {
      decided_at: new Date(this.#now).toISOString(),
      expires_at: new Date(this.#now + 3_600_000).toISOString(),
    };
  }

  #stop(): void {
    this.#stopped = true;
    const said = { actor: 'ada', run_id: this.run.run_id, decision_id: 'stop-1', issue: 'Wait.' };
    const content =
      this.keys !== null
        ? this.keys.ada.seal(escalationStatement({ ...said, ...this.#times() }, this.run.policy_sha256))
        : said;
    this.apply({ type: 'message', kind: 'escalation', content });
  }

  #resolve({ escalation_id, request_id, report_sha256, trigger }: AwaitedResolution): void {
    const resolution = {
      decision_id: `resolve-${escalation_id}`,
      run_id: this.run.run_id,
      escalation_id,
      request_id,
      policy_sha256: this.run.policy_sha256,
      actor: 'grace',
      choice: trigger === 'person' ? ('continue' as const) : ('retry' as const),
      guidance: 'The last one pays.',
    };
    const content =
      this.keys !== null
        ? this.keys.grace.seal(resolutionStatement({ ...resolution, ...this.#times(), report_sha256 }))
        : resolution;
    this.apply({ type: 'message', kind: 'resolution', content });
  }

  #decide({ gate, attempt, request_id, output_sha256, approvable, to_acknowledge }: AwaitedDecision): void {
    const decision: Decision = {
      decision_id: `decide-${request_id}`,
      run_id: this.run.run_id,
      gate,
      attempt,
      request_id,
      output_sha256,
      policy_sha256: this.run.policy_sha256,
      actor: 'grace',
      ...(approvable
        ? { choice: 'approve', acknowledged: [...to_acknowledge] }
        : { choice: 'reject', reason: 'It fails.' }),
    };
    if (gate === GATE_IDS[0]) {
      this.apply({ type: 'message', kind: 'decision', content: { ...decision, actor: 'mallory' } });
    }
    const content =
      this.keys !== null ? this.keys.grace.seal(decisionStatement({ ...decision, ...this.#times() })) : decision;
    this.apply({ type: 'message', kind: 'decision', content });
  }
}
