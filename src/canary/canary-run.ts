import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createPinnedDocuments, type PinnedDocuments } from '../activities/documents/pinned-documents.js';
import { executeGate } from '../activities/execute-gate.js';
import { sha256Hex } from '../contracts/digest.js';
import { PromptOsError } from '../contracts/errors.js';
import { canonicalJson } from '../contracts/json.js';
import { GATE_IDS, GATES, type GateId } from '../contracts/names.js';
import type { PromptPackBundle } from '../contracts/prompt-pack.js';
import type { AttemptRecord } from '../contracts/record/attempt.js';
import type { ExecuteGateResult } from '../contracts/run/activities.js';
import { RULES_VERSION } from '../contracts/run/rules-version.js';
import type { GovernedRunInput } from '../contracts/run/run-plan.js';
import type { RunRequest } from '../contracts/run/run-request.js';
import type { ExecutorCall, ExecutorOutcome, ExecutorRegistry, GateExecutor } from '../ports/gate-executor.js';
import type { GovernancePorts } from '../ports/index.js';
import { CANARY_REPOSITORY, type Edits } from './project.js';

/** Where canaries are planted: a repository with the canary project, and what its worker has. */
export interface CanaryGround {
  readonly ports: Omit<GovernancePorts, 'executors'>;
  readonly base_commit: string;
  readonly pack: PromptPackBundle;
  /** The SHA-256 of the policy, which the worker trusts. */
  readonly policy_sha256: string;
}

/** What the parties of a run do. */
export interface CanaryScript {
  readonly request: RunRequest;
  readonly outputs: Readonly<Record<GateId, object>>;
  /** What the writer changes at P05. */
  readonly edits: Edits;
}

/** An executor that does one gate in place of a scripted party. */
interface AskedExecutor {
  readonly gate: GateId;
  readonly executor: GateExecutor;
}

/** The attempts that count of the gates before. */
type Inputs = Partial<Record<GateId, string>>;

export interface GateEnd {
  readonly gate: GateId;
  readonly result: ExecuteGateResult;
  readonly inputs: Inputs;
}

export interface CanaryRuns {
  /**
   * Carries out gates one after the other until one does not pass.
   * @param attempt of each of the gates
   * @throws PromptOsError what an asked executor's call throws
   */
  carryOut(
    run: GovernedRunInput,
    attempt: number,
    gates: readonly GateId[],
    script: CanaryScript,
    inputs: Inputs,
    asked?: AskedExecutor,
  ): Promise<GateEnd>;
  /** The record of an attempt that was carried out. */
  record(sha256: string): Promise<AttemptRecord>;
  /** The start of a run with this request. */
  start(runId: string, request: RunRequest): Promise<GovernedRunInput>;
}

/** Runs on the canary ground. Gates are carried out by the code that the activity of a worker calls. */
export function createCanaryRuns(ground: CanaryGround): CanaryRuns {
  const scripted: ScriptedExecutors = createScriptedExecutors();
  const executors: ExecutorRegistry = { forPrincipal: scripted.forPrincipal };
  const ports: GovernancePorts = { ...ground.ports, executors };
  const documents: PinnedDocuments = createPinnedDocuments(ports.store);
  const portsFor = (gate: GateId, asked?: AskedExecutor): GovernancePorts =>
    asked?.gate === gate ? { ...ports, executors: { forPrincipal: () => asked.executor } } : ports;
  const put = async (value: object): Promise<string> =>
    (await ports.store.putObject(new TextEncoder().encode(canonicalJson(value)))).sha256;
  return {
    start: async (runId, request) => ({
      schema_version: 1,
      run_id: runId,
      developer: 'developer',
      target_repo: CANARY_REPOSITORY,
      base_commit: ground.base_commit,
      gates: [...GATE_IDS],
      request_sha256: await put(request),
      policy_sha256: ground.policy_sha256,
      pack_object_sha256: await put(ground.pack),
      prompt_os_version: ground.pack.prompt_os_version,
      request_attestation_sha256: null,
    }),
    record: (sha256) => documents.attempt(sha256),
    carryOut: async (run, attempt, gates, script, before, asked) => {
      let inputs = before;
      let end: GateEnd | null = null;
      for (const gate of gates) {
        const edits = gate === 'P05' ? { edits: script.edits } : {};
        scripted.script({ run_id: run.run_id, gate, attempt }, { output: script.outputs[gate], ...edits });
        const nonce = sha256Hex(`${run.run_id} ${gate} ${attempt}`);
        const result = await executeGate(
          portsFor(gate, asked),
          documents,
          {
            run,
            rules_version: RULES_VERSION,
            pack_sha256: ground.pack.digest,
            gate,
            attempt,
            principal: GATES[gate].role,
            inputs,
            feedback: [],
            nonce,
            started_at: new Date().toISOString(),
            ledger: { entries: 1, hash: nonce },
          },
          { signal: new AbortController().signal, progress: () => undefined },
        );
        end = { gate, result, inputs };
        if (result.verdict !== 'pass') return end;
        inputs = { ...inputs, [gate]: result.output_sha256 };
      }
      if (end === null) throw new TypeError('no gate was named');
      return { ...end, inputs };
    },
  };
}

/** What an executor does in one attempt of one gate. */
interface ScriptedGate {
  readonly output: object;
  readonly edits?: Edits;
}

type Attempt = Pick<ExecutorCall, 'run_id' | 'gate' | 'attempt'>;

interface ScriptedExecutors {
  /** Says what the executor of an attempt will do. */
  script(attempt: Attempt, deed: ScriptedGate): void;
  forPrincipal(principal: string): GateExecutor;
}

const keyOf = ({ run_id, gate, attempt }: { run_id: string; gate: GateId; attempt: number }): string =>
  `${run_id} ${gate} ${attempt}`;

async function edit(directory: string, edits: Edits): Promise<void> {
  for (const [path, after] of Object.entries(edits)) {
    const file = join(directory, path);
    await rm(file, { force: true });
    if (after === null) continue;
    await mkdir(dirname(file), { recursive: true });
    await (typeof after === 'string' ? writeFile(file, after) : symlink(after.link, file));
  }
}

const answered = (text: string, startedAt: number): ExecutorOutcome => ({
  exit_code: 0,
  duration_ms: Math.round(performance.now() - startedAt),
  stdout: new TextEncoder().encode(text),
  stderr: new Uint8Array(),
  answer: text,
  problem: null,
  served_model: null,
});

/** Executors of this process, one for each principal, that do in each attempt what is scripted for it. */
function createScriptedExecutors(): ScriptedExecutors {
  const deeds = new Map<string, ScriptedGate>();
  return {
    script: (attempt, deed) => {
      deeds.set(keyOf(attempt), deed);
    },
    forPrincipal: (principal) => ({
      descriptor: {
        kind: 'canary',
        principal,
        program: 'promptos canary',
        arguments_sha256: sha256Hex(principal),
        requested_model: null,
        served_model: null,
      },
      execute: async (call) => {
        const startedAt = performance.now();
        const deed = deeds.get(keyOf(call));
        if (deed === undefined) throw new PromptOsError('INTERNAL', `No canary is scripted for ${keyOf(call)}.`);
        await edit(call.directory, deed.edits ?? {});
        return answered(JSON.stringify({ kind: 'output', ...deed.output }), startedAt);
      },
    }),
  };
}
