import type { DueGate } from '../../contracts/activities.js';
import type { Policy } from '../../contracts/policy.js';
import type { ArtifactRef } from '../../contracts/primitives.js';
import type { RunRequest, Scope } from '../../contracts/run-request.js';
import type { GovernancePorts } from '../../ports/index.js';
import type { Checkout } from '../../ports/workspace.js';
import type { JudgedFinding } from '../../rules/judged-output.js';
import type { EarlierOutputs } from '../earlier-outputs.js';

/** One block of data in a rendered prompt. */
export interface PromptInput {
  /** Letters and underscores. */
  readonly name: string;
  /** Anything that JSON can say. */
  readonly value: unknown;
}

/** What a gate gives to the attempt's record. */
export interface Judgement {
  readonly findings: readonly JudgedFinding[];
  readonly artifacts: readonly ArtifactRef[];
}

/** One attempt of one gate, as the gate's definition sees it. */
export interface GateTask {
  readonly input: DueGate;
  readonly ports: GovernancePorts;
  readonly policy: Policy;
  readonly request: RunRequest;
  /** What the standing attempts of earlier gates left; null for a gate that the run leaves out. */
  readonly earlier: EarlierOutputs;
  readonly signal: AbortSignal;
  /** Puts a file of the run's tree into the store. */
  putArtifact(path: string, content: Uint8Array | string, mediaType: string): Promise<ArtifactRef>;
}

/** A gate that is ready to be asked. */
export interface GateWork<Output> {
  /** Applied on top of the base commit before the executor starts. */
  readonly patch: Uint8Array | null;
  readonly inputs: readonly PromptInput[];
  /** What the engine saw for itself before it asked anybody. */
  readonly observed: Judgement;
  /** Judges an output that has the gate's shape. */
  judge(output: Output, checkout: Checkout): Promise<Judgement>;
}

/** How one gate differs from the others; everything else is `execute-gate.ts`. */
export interface GateDefinition<Output = unknown> {
  /** Whether what the executor changes in the checkout is the gate's work; elsewhere it is thrown away and told. */
  readonly editsFiles: boolean;
  begin(task: GateTask): Promise<GateWork<Output>>;
}

export const NOTHING_OBSERVED: Judgement = { findings: [], artifacts: [] };

/** The inputs that are there: a gate that the run leaves out has none to give. */
export const presentInputs = (values: Readonly<Record<string, unknown>>): readonly PromptInput[] =>
  Object.entries(values).flatMap(([name, value]) => (value === null || value === undefined ? [] : [{ name, value }]));

/** The scopes that hold for a task: the request's and, once there is one, the job's. A path must be inside each. */
export const scopesOf = ({ request, earlier }: GateTask): readonly Scope[] =>
  earlier.job === null ? [request.scope] : [request.scope, earlier.job.scope];

/** Globs of what no run may touch: the policy's, and what its checks are made of, so that the judged cannot edit the judge. */
export const protectedPaths = ({ protected_paths, checks }: Policy): readonly string[] => [
  ...protected_paths,
  ...Object.values(checks).flatMap(({ made_of }) => made_of),
];

/** The acceptance criteria that hold: the job's, which contain the request's, or the request's own. */
export const criteriaOf = ({ request, earlier }: GateTask) =>
  earlier.job?.acceptance_criteria ?? request.task.acceptance_criteria;

/** JSON as it is published: two-space indented, one trailing newline. */
export const prettyJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
