import type { GateOutputs } from '../../contracts/answers/gate-outputs.js';
import { PromptOsError } from '../../contracts/errors.js';
import type { Content } from '../../contracts/long-bytes.js';
import type { SandboxKind } from '../../contracts/names.js';
import type { Policy } from '../../contracts/policy/policy.js';
import type { ArtifactRef } from '../../contracts/primitives.js';
import type { DueGate } from '../../contracts/run/activities.js';
import type { Inventory } from '../../contracts/run/inventory.js';
import type { RunRequest, Scope } from '../../contracts/run/run-request.js';
import type { GovernancePorts } from '../../ports/index.js';
import type { Checkout } from '../../ports/workspace.js';
import type { PromptInput } from '../../prompt-pack/render.js';
import { criteriaThatHold, scopesThatHold } from '../../rules/outputs/gate-outputs.js';
import type { JudgedFinding } from '../../rules/outputs/judged-output.js';
import { PUBLISHED_OUTPUT } from '../../rules/outputs/published-output.js';
import type { EarlierOutputs, EarlierPatch } from '../documents/earlier-outputs.js';
import type { GateProgressTracker } from '../progress/gate-progress.js';
import type { Spending } from '../progress/spending.js';

/** What a gate gives to the attempt's record. */
export interface Judgement {
  readonly findings: readonly JudgedFinding[];
  readonly artifacts: readonly ArtifactRef[];
  /** The weakest sandbox that checks ran in; absent where none ran. */
  readonly checks_sandbox?: SandboxKind | undefined;
}

/** One attempt of one gate, as the gate's definition sees it. */
export interface GateTask {
  readonly input: DueGate;
  readonly ports: GovernancePorts;
  readonly policy: Policy;
  readonly request: RunRequest;
  /** What the standing attempts of earlier gates left; null for a gate that the run leaves out. */
  readonly earlier: EarlierOutputs;
  /** The files of the base commit that steer agents. */
  readonly inventory: Inventory;
  readonly signal: AbortSignal;
  readonly progress: GateProgressTracker;
  readonly spending: Spending;
  /** Puts a file of the run's tree into the store; it is durable when the gate's result is given. */
  putArtifact(path: string, content: Uint8Array | AsyncIterable<Uint8Array> | string): Promise<ArtifactRef>;
  /** The bytes of a file that was put, by its digest. */
  readArtifact(sha256: string): Promise<Uint8Array>;
}

/** A gate that is ready to be asked. */
export interface GateWork<Output> {
  /** Applied on top of the base commit before the executor starts. */
  readonly patch: Content | null;
  readonly inputs: readonly PromptInput[];
  /** What the engine saw for itself before it asked anybody. */
  readonly observed: Judgement;
  /** Judges an output that has the gate's shape. */
  judge(output: Output, checkout: Checkout): Promise<Judgement>;
}

/** How one gate differs from the others; everything else is `execute-gate.ts`. */
export interface GateDefinition<Output = unknown> {
  /** Whether what the executor changes in the checkout is the gate's work; elsewhere it is thrown away and reported. */
  readonly editsFiles: boolean;
  /** Whether the engine runs the policy's checks before it asks. */
  readonly runsChecks?: true;
  begin(task: GateTask): Promise<GateWork<Output>>;
}

export const NOTHING_OBSERVED: Judgement = { findings: [], artifacts: [] };

/** The scopes that hold for a task: the request's and, once there is one, the job's. */
export const scopesOf = ({ request, earlier }: GateTask): readonly Scope[] => scopesThatHold(request, earlier.job);

/** The acceptance criteria that hold for a task. */
export const criteriaOf = ({ request, earlier }: GateTask) => criteriaThatHold(request, earlier.job);

/** Puts the files that an output is published as into the store. */
export const publishOutput = <G extends keyof GateOutputs>(
  { request, putArtifact }: GateTask,
  gate: G,
  output: GateOutputs[G],
): Promise<ArtifactRef[]> =>
  Promise.all(PUBLISHED_OUTPUT[gate](output, request).map(({ path, text }) => putArtifact(path, text)));

/**
 * The current patch of P05.
 * @throws PromptOsError INTERNAL when there is none: P06 and P07 never run without P05.
 */
export function patchToJudge({ earlier, input }: GateTask): EarlierPatch {
  if (earlier.patch !== null) return earlier.patch;
  throw new PromptOsError('INTERNAL', `${input.gate} was started without a patch of P05.`);
}
