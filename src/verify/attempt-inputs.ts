import type { z } from 'zod';
import { GATE_PATHS, neededArtifacts } from '../contracts/artifacts.js';
import type { GateId } from '../contracts/names.js';
import type { ArtifactRef } from '../contracts/primitives.js';
import { type GivenDocuments, readGivenDocuments } from '../contracts/record/artifact-schemas.js';
import { type Patch, patchFilesSchema } from '../contracts/record/patch.js';
import { rulesVersionOf } from '../contracts/run/rules-version.js';
import type { RunRequest } from '../contracts/run/run-request.js';
import { TREE_PATHS } from '../domain/record/published-tree.js';
import { criteriaThatHold } from '../rules/outputs/gate-outputs.js';
import { type ParsedPatch, parsePatch } from '../rules/patch/parse-patch.js';
import type { TreeDocuments, VerifiedAttempt } from './open-documents.js';

/** The rules version of the run; null for a run that never opened, which has no attempts. */
export async function rulesVersion(documents: TreeDocuments): Promise<number | null> {
  const opening = await documents.opening();
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
  { record, folder }: VerifiedAttempt,
  path: string,
): Promise<PlacedArtifact | null> {
  const ref = record.artifacts.find((candidate) => candidate.path === path);
  if (ref === undefined) return null;
  const inFolder = `${folder}/${path}`;
  return { ref, place: (await documents.artifacts()).has(inFolder) ? inFolder : path };
}

export interface PublishedPatch {
  readonly bytes: Uint8Array;
  readonly sha256: string;
  /** As `patch/files.json` lists them. */
  readonly files: Patch['files'];
  readonly parsed: ParsedPatch;
  /** Whether its secrets are masked, so that it is not what was judged. */
  readonly masked: boolean;
}

/** What an attempt was given: the request, and what the attempts that its record names left. */
export interface AttemptInputs extends GivenDocuments {
  readonly request: RunRequest;
  readonly patch: PublishedPatch | null;
}

/** The patch that an attempt of P05 published. */
export async function patchOf(documents: TreeDocuments, attempt: VerifiedAttempt): Promise<PublishedPatch | null> {
  const patch = await placedArtifact(documents, attempt, TREE_PATHS.patch);
  const listed = await placedArtifact(documents, attempt, GATE_PATHS.patchFiles);
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
  const json = async <T>(gate: GateId, path: string, schema: z.ZodType<T>): Promise<T | null> => {
    const attempt = before(gate);
    const placed = attempt && (await placedArtifact(documents, attempt, path));
    return placed === null ? null : documents.json(placed.place, schema);
  };
  const built = before('P05');
  return { ...(await readGivenDocuments(json)), request, patch: built && (await patchOf(documents, built)) };
}

/** Names of the checks that prove a run: those of the request and of every criterion that holds, each once. */
export const checksOf = ({ request, job }: Pick<AttemptInputs, 'request' | 'job'>): readonly string[] => [
  ...new Set([...request.checks, ...criteriaThatHold(request, job).flatMap(({ check }) => check ?? [])]),
];

/** The public paths that an attempt must list. */
export async function neededOf(documents: TreeDocuments, attempt: VerifiedAttempt): Promise<readonly string[]> {
  const opening = await documents.opening();
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
