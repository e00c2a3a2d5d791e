import { findDueGate } from '../../src/activities/due-gate.js';
import { createFinalise } from '../../src/activities/finalise.js';
import { createPinnedDocuments } from '../../src/activities/pinned-documents.js';
import { syncJournal } from '../../src/activities/sync-journal.js';
import { createPrefixVerifier } from '../../src/activities/verify-prefix.js';
import {
  decisionStatement,
  escalationStatement,
  resolutionStatement,
  runRequestStatement,
} from '../../src/attestation/acts.js';
import { parsePolicyBytes } from '../../src/config/policy-file.js';
import type { LedgerReference } from '../../src/contracts/activities.js';
import type { Decision } from '../../src/contracts/decisions.js';
import type { HeadPurpose } from '../../src/contracts/journal.js';
import type { LedgerEntry } from '../../src/contracts/ledger.js';
import { GATE_IDS, type GateId, runWorkflowId } from '../../src/contracts/names.js';
import type { PromptPackBundle } from '../../src/contracts/prompt-pack.js';
import type { GovernedRunInput } from '../../src/contracts/run-plan.js';
import type { AwaitedDecision, AwaitedResolution } from '../../src/contracts/run-status.js';
import type { Command } from '../../src/governance/commands.js';
import { decide } from '../../src/governance/decide.js';
import { evolve } from '../../src/governance/evolve.js';
import { appendEntry, EMPTY_LEDGER, headOf } from '../../src/governance/ledger-chain.js';
import { nextStep } from '../../src/governance/next-step.js';
import { INITIAL_STATE, type RunState } from '../../src/governance/run-state.js';
import { awaited } from '../../src/governance/run-status.js';
import type { ArtifactStore } from '../../src/ports/artifact-store.js';
import type { SignerRegistry } from '../../src/ports/signer.js';
import type { TrustedPolicy } from '../../src/verify/index.js';
import { verifyUnsealed } from '../../src/verify/index.js';
import { exampleOutputs } from '../support/gate-outputs.js';
import { createGovernedRepository } from '../support/governed-repository.js';
import { edits, outputs, type ScriptStep, says } from '../support/scripted-executor.js';
import { signersOf } from '../support/signed-finished-run.js';
import { makeTestKey, type TestKey } from '../support/signing.js';

export type RunKeys = Readonly<Record<(typeof HOLDERS)[number], TestKey>>;
const HOLDERS = ['ada', 'grace', 'nina', 'vera', 'rex', 'engine'] as const;

export const makeKeys = (): RunKeys =>
  Object.fromEntries(HOLDERS.map((name) => [name, makeTestKey()])) as Record<(typeof HOLDERS)[number], TestKey>;

/** A policy under which everything must be signed, or may be. */
export const policyText = (keys: RunKeys, signing: 'required' | 'optional' = 'required'): string => `
schema_version: 1
name: example
principals:
  ada: { kind: human, keys: [{ public: '${keys.ada.line}' }] }
  grace: { kind: human, keys: [{ public: '${keys.grace.line}' }] }
  nina: { kind: agent, keys: [{ public: '${keys.nina.line}' }] }
  vera: { kind: agent, keys: [{ public: '${keys.vera.line}' }] }
  rex: { kind: agent, keys: [{ public: '${keys.rex.line}' }] }
roles: { writer: nina, verifier: vera, reviewer: rex, integrator: [grace] }
engine: { keys: [{ public: '${keys.engine.line}' }] }
decisions: { authentication: ${signing} }
attestations: ${signing}
separation: { executors: any }
limits: { output_tries: 2 }
checks:
  tests:
    argv: [node, test.js]
    timeout: 60s
    made_of: [test.js]
`;

/** A published tree in memory, with what a verifier needs to judge it. */
export interface GenuineRun {
  readonly run: GovernedRunInput;
  readonly keys: RunKeys;
  readonly policy: TrustedPolicy;
  readonly policyText: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

export interface GenuineRunOptions {
  readonly keys?: RunKeys;
  readonly runId?: string;
  readonly signing?: 'required' | 'optional' | 'none';
  /** Steps of the writer; without them the straight path with one rework and one escalation. */
  readonly story?: 'eventful' | 'straight' | 'cancelled';
  readonly pack?: PromptPackBundle;
  /** The worker's signers; those of the keys unless a test has its own. */
  readonly signers?: SignerRegistry;
}

const GOOD = exampleOutputs();
const BAD = edits({ 'src/split.js': "export const split = 'still wrong';\n" }, outputs(GOOD.P05));
const REPAIR = edits({ 'src/split.js': "export const split = 'right';\n" }, outputs(GOOD.P05));
const ESCALATES = says(
  JSON.stringify({
    kind: 'escalation',
    report: { issue: 'Who pays?', impact: '', context: '', options: ['the last'], recommendation: '' },
  }),
);
const FINDS = outputs({
  ...GOOD.P07,
  findings: [{ severity: 'high', title: 'Slow', detail: 'It took 12 ms.', path: 'src/split.js', line: 3 }],
});

const SCRIPTS: Readonly<Record<string, Readonly<Record<string, readonly ScriptStep[]>>>> = {
  eventful: {
    nina: [says('no JSON'), outputs(GOOD.P00), outputs(GOOD.P01), ESCALATES, outputs(GOOD.P03), BAD, REPAIR],
    vera: [outputs(GOOD.P06), outputs(GOOD.P06)],
    rex: [FINDS],
  },
  straight: {
    nina: [outputs(GOOD.P00), outputs(GOOD.P01), outputs(GOOD.P03), REPAIR],
    vera: [outputs(GOOD.P06)],
    rex: [outputs(GOOD.P07)],
  },
  cancelled: { nina: [outputs(GOOD.P00)] },
};

/**
 * A run through the real activities (git, store, checks) and the real domain, driven here instead of by a workflow, and
 * published by the real finalisation.
 */
export async function genuineRun(options: GenuineRunOptions = {}): Promise<GenuineRun> {
  const { keys = makeKeys(), signing = 'required', story = 'eventful' } = options;
  const signed = signing !== 'none';
  const text = policyText(keys, signing === 'required' ? 'required' : 'optional');
  const repository = await createGovernedRepository({
    policy: text,
    ...(options.pack === undefined ? {} : { pack: options.pack }),
    ...(signed ? { signers: options.signers ?? signersOf(keys) } : {}),
  });
  try {
    for (const [principal, steps] of Object.entries(SCRIPTS[story] ?? {})) {
      repository.executors.script(principal, ...steps);
    }
    const { store } = repository.ports;
    const started = { ...repository.run, run_id: options.runId ?? repository.run.run_id };
    const request = keys.ada.seal(runRequestStatement(started, '2026-01-02T00:00:00.000Z'));
    const run = signed
      ? { ...started, request_attestation_sha256: await repository.putText(`${JSON.stringify(request, null, 2)}\n`) }
      : started;

    const driver = new Driver(run, keys, signed);
    const opened = await repository.openRun(run);
    if (opened.kind !== 'opened') throw new Error(`expected a run that opens: ${JSON.stringify(opened)}`);
    driver.apply({ type: 'open', run, workflow: opened.workflow, plan: opened.plan });
    const verifier = createPrefixVerifier(store, createPinnedDocuments(store));
    const workflowId = runWorkflowId(run.run_id);
    const sync = async (purpose: HeadPurpose, gate: GateId | null, attempt: number) => {
      const input = { run_id: run.run_id, purpose, gate, attempt, ledger: driver.ledger() };
      const { fork } = await syncJournal(repository.ports, verifier, input, { workflowId, isLocal: true });
      if (fork !== null) throw new Error(`expected no fork: ${fork.missing.join('; ')}`);
    };
    while (driver.state.phase === 'open') {
      const step = nextStep(driver.state);
      if (step.kind === 'executeGate') {
        const { gate, attempt } = step;
        await sync('gate', gate, attempt);
        driver.apply({ type: 'startGate', gate, attempt });
        const asked = { run_id: run.run_id, gate, attempt, ledger: driver.ledger() };
        const due = await findDueGate(repository.ports, verifier, asked, workflowId);
        driver.apply({ type: 'finishGate', gate, attempt, result: await repository.executeGate(due) });
      } else if (step.kind === 'close') {
        await sync('close', null, 0);
        driver.apply({ type: 'close' });
      } else if (story === 'cancelled') driver.apply({ type: 'cancel', reason: 'cancelled through Temporal' });
      else driver.answer();
    }
    const finalise = createFinalise(repository.ports, verifier, { verifyTree: verifyUnsealed });
    await finalise({ run_id: run.run_id, ledger: driver.ledger() }, workflowId);
    const whole = new TextDecoder().decode(await store.readObject(run.policy_sha256));
    return {
      run,
      keys,
      policy: parsePolicyBytes(Buffer.from(whole)),
      policyText: whole,
      files: await readPublished(store, run.run_id),
    };
  } finally {
    await repository.remove();
  }
}

async function readPublished(store: ArtifactStore, runId: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const { path, sha256 } of (await store.published(runId)) ?? []) files.set(path, await store.readObject(sha256));
  return files;
}

/** What a workflow does, in a loop: commands in, entries out, a second passes with each. */
class Driver {
  state: RunState = INITIAL_STATE;
  readonly entries: LedgerEntry[] = [];
  #now = Date.parse('2026-01-02T00:00:01.000Z');
  #stopped = false;

  constructor(
    readonly run: GovernedRunInput,
    readonly keys: RunKeys,
    readonly signed: boolean,
  ) {}

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
    return { segments: [], entries: [...this.entries], head: headOf(this.entries) };
  }

  /** Grace answers what is awaited; before her first decision somebody tries without authority, and Ada stops the run once. */
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
    const content = this.signed
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
    const content = this.signed
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
    const content = this.signed ? this.keys.grace.seal(decisionStatement({ ...decision, ...this.#times() })) : decision;
    this.apply({ type: 'message', kind: 'decision', content });
  }
}
