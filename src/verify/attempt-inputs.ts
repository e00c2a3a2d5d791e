import { BASELINE_PATH, neededArtifacts } from '../contracts/artifact-paths.js';
import {
  type Baseline,
  baselineSchema,
  type ContextOutput,
  contextOutputSchema,
  type JobOutput,
  jobOutputSchema,
  type PlanOutput,
  planOutputSchema,
  type TestResults,
  testResultsSchema,
} from '../contracts/gate-outputs.js';
import type { GateId } from '../contracts/names.js';
import type { Patch } from '../contracts/patch.js';
import type { ArtifactRef } from '../contracts/primitives.js';
import { rulesVersionOf } from '../contracts/rules-version.js';
import type { RunRequest } from '../contracts/run-request.js';
import { openingOf } from '../domain/ledger/closed-ledger.js';
import { attemptFolder, TREE_PATHS } from '../domain/record/published-tree.js';
import { criteriaThatHold } from '../rules/gate-outputs.js';
import { type ParsedPatch, parsePatch } from '../rules/parse-patch.js';
import { patchFilesSchema } from './checks/evidence.js';
import type { TreeDocuments, VerifiedAttempt } from './open-documents.js';

/** The rules version of the run; null for a run that never opened, which has no attempts. */
export async function rulesVersion(documents: TreeDocuments): Promise<number | null> {
  const opening = openingOf(await documents.ledger());
  return opening.type === 'openingFailed' ? null : rulesVersionOf(opening.plan);
}

/** Whether everything about attempts is derived again: the run was governed by rules that ask for it. */
export const judgesAgain = async (documents: TreeDocuments): Promise<boolean> =>
  ((await rulesVersion(documents)) ?? 1) >= 2;

/** An attempt's public file: its digest, and its path in the tree. */
export interface PlacedArtifact {
  readonly ref: ArtifactRef;
  readonly place: string;
}

/** Path of an attempt's public file: its public place unless the attempt was voided, then the attempt's folder. */
export async function placedArtifact(
  documents: TreeDocuments,
  { record, history }: VerifiedAttempt,
  path: string,
): Promise<PlacedArtifact | null> {
  const ref = record.artifacts.find((candidate) => candidate.path === path);
  if (ref === undefined) return null;
  const inFolder = `${attemptFolder(history.gate, history.attempt)}/${path}`;
  return { ref, place: (await documents.artifacts()).has(inFolder) ? inFolder : path };
}

export interface StandingPatch {
  readonly bytes: Uint8Array;
  readonly sha256: string;
  /** As `patch/files.json` lists them. */
  readonly files: Patch['files'];
  readonly parsed: ParsedPatch;
  /** Whether its secrets are masked, so that it is not what was judged. */
  readonly masked: boolean;
}

/** What an attempt was given: the request, and what the attempts that its record names left. */
export interface AttemptInputs {
  readonly request: RunRequest;
  readonly baseline: Baseline | null;
  readonly context: ContextOutput | null;
  readonly job: JobOutput | null;
  readonly plan: PlanOutput | null;
  readonly patch: StandingPatch | null;
  readonly testResults: TestResults | null;
}

/** The patch that an attempt of P05 published. */
export async function patchOf(documents: TreeDocuments, attempt: VerifiedAttempt): Promise<StandingPatch | null> {
  const patch = await placedArtifact(documents, attempt, TREE_PATHS.patch);
  const listed = await placedArtifact(documents, attempt, 'patch/files.json');
  if (patch === null || listed === null) return null;
  const bytes = await documents.bytes(patch.place);
  const { files, masked } = await documents.json(listed.place, patchFilesSchema);
  return { bytes, sha256: patch.ref.sha256, files, parsed: parsePatch(bytes), masked: masked !== undefined };
}

/** @returns null for a run without a readable request, which never opened */
export async function inputsOf(documents: TreeDocuments, { record }: VerifiedAttempt): Promise<AttemptInputs | null> {
  const request = await documents.request();
  if (request === null) return null;
  const attempts = await documents.attempts();
  const before = (gate: GateId) => attempts.find(({ sha256 }) => sha256 === record.inputs[gate]) ?? null;
  const json = async <T>(
    gate: GateId,
    path: string,
    schema: { parse(value: unknown): T } & Parameters<TreeDocuments['json']>[1],
  ) => {
    const attempt = before(gate);
    const placed = attempt && (await placedArtifact(documents, attempt, path));
    return placed === null ? null : schema.parse(await documents.json(placed.place, schema));
  };
  const built = before('P05');
  return {
    request,
    baseline: await json('P00', BASELINE_PATH, baselineSchema),
    context: await json('P00', 'evidence/context.json', contextOutputSchema),
    job: await json('P01', TREE_PATHS.job, jobOutputSchema),
    plan: await json('P03', 'evidence/plan.json', planOutputSchema),
    patch: built && (await patchOf(documents, built)),
    testResults: await json('P06', TREE_PATHS.testResults, testResultsSchema),
  };
}

/** Names of the checks that prove a run: those of the request and of every criterion that holds, each once. */
const checksOf = ({ request, job }: Pick<AttemptInputs, 'request' | 'job'>): readonly string[] => [
  ...new Set([...request.checks, ...criteriaThatHold(request, job).flatMap(({ check }) => check ?? [])]),
];

/** The public paths that an attempt must list. */
export async function neededOf(documents: TreeDocuments, attempt: VerifiedAttempt): Promise<readonly string[]> {
  const opening = openingOf(await documents.ledger());
  const inputs = await inputsOf(documents, attempt);
  if (opening.type === 'openingFailed' || inputs === null) return [];
  const { gate, attempt: number, verdict } = attempt.record;
  return neededArtifacts(gate, number, {
    rulesVersion: rulesVersionOf(opening.plan),
    hasOutput: verdict !== 'blocked',
    signed: opening.plan.attestations === 'required',
    blockingBaseline: (await documents.policy())?.baseline === 'block',
    checks: gate === 'P06' ? checksOf(inputs) : [],
  });
}
