import { GATE_PATHS } from '../../contracts/artifacts.js';
import { sha256Hex } from '../../contracts/digest.js';
import type { GateOutputs } from '../../contracts/gate-outputs.js';
import { prettyJson } from '../../contracts/json.js';
import type { Patch } from '../../contracts/patch.js';
import { gateInputs } from '../../prompt-pack/render.js';
import { judgeBuild, patchTerms, plannedFiles } from '../../rules/gate-outputs.js';
import { describePatch, maskPatch } from '../../rules/mask-patch.js';
import { maskJson } from '../../rules/mask-secrets.js';
import { parsePatch } from '../../rules/parse-patch.js';
import { addedTexts } from '../../rules/patch-lines.js';
import { type JudgedPatch, plannedPaths } from '../../rules/patch-rule.js';
import { traceChange } from '../../rules/traceability.js';
import { judgeChangeApart } from '../judge-change-apart.js';
import {
  criteriaOf,
  type GateDefinition,
  type GateTask,
  type Judgement,
  NOTHING_OBSERVED,
  publishOutput,
  scopesOf,
} from './gate-definition.js';

/** What every rule on patches judges: what the engine itself sees of the change. */
async function judgedBuild(task: GateTask, patch: Patch): Promise<JudgedPatch> {
  const { policy, ports, earlier, input } = task;
  const { target_repo, base_commit } = input.run;
  // git calls an empty patch an error; a rule of its own reports that nothing was changed.
  const empty = patch.bytes.byteLength === 0;
  return {
    patch,
    rules_version: input.rules_version,
    applies: empty ? { ok: true } : await ports.workspace.checkPatch(target_repo, base_commit, patch.bytes),
    scopes: scopesOf(task),
    ...patchTerms(policy, earlier.plan),
    inventory: task.inventory.files,
    secret_hits: await ports.secrets.scan(addedTexts(patch)),
  };
}

/** Which line of the plan each file belongs to. Runs of earlier rules have none. */
async function publishTrace(
  task: GateTask,
  patch: Patch,
  build: GateOutputs['P05'],
  { bytes, sealed }: { readonly bytes: Uint8Array; readonly sealed: boolean },
): Promise<Judgement['artifacts']> {
  const { input, earlier } = task;
  if (input.rules_version < 3) return [];
  const trace = traceChange({
    base_commit: input.run.base_commit,
    patch_sha256: sha256Hex(bytes),
    files: patch.files,
    blobs: parsePatch(patch.bytes).blobs,
    criteria: criteriaOf(task),
    plan: earlier.plan,
    build,
  });
  return [await task.putArtifact(GATE_PATHS.traceability, prettyJson(sealed ? maskJson(trace) : trace))];
}

/** A patch that holds a secret is refused, and the secret is not for readers of the record: it is published masked. */
async function publishChange(
  task: GateTask,
  judged: JudgedPatch,
  output: GateOutputs['P05'],
  sealed: boolean,
): Promise<Judgement['artifacts']> {
  const { patch } = judged;
  const bytes = sealed ? maskPatch(judged) : patch.bytes;
  const listing = sealed
    ? maskJson(describePatch(patch, { sha256: sha256Hex(patch.bytes), bytes: patch.bytes.byteLength }))
    : describePatch(patch);
  return [
    await task.putArtifact(GATE_PATHS.patch, bytes),
    await task.putArtifact(GATE_PATHS.patchFiles, prettyJson(listing)),
    ...(await publishTrace(task, patch, output, { bytes, sealed })),
    ...(await publishOutput(task, 'P05', output)),
  ];
}

/**
 * P05: the writer edits the checkout; the engine computes the patch from its files, and judges it. A file that the
 * plan names is in the patch although git ignores it: work that was agreed on is not lost without a word.
 */
export const constrainedBuilder: GateDefinition<GateOutputs['P05']> = {
  editsFiles: true,
  begin: async (task) => {
    const { request, earlier } = task;
    const planned = earlier.plan === null ? [] : plannedPaths(plannedFiles(earlier.plan));
    return {
      patch: null,
      inputs: gateInputs('P05', { request, context: earlier.context, job: earlier.job, plan: earlier.plan }),
      observed: NOTHING_OBSERVED,
      judge: async (output, checkout) => {
        const judged = await judgedBuild(task, await checkout.diff([...planned]));
        const found = [
          ...(await judgeChangeApart(judged, task.signal)),
          ...judgeBuild(criteriaOf(task), output, task.input.rules_version),
        ];
        const sealed = found.some(({ rule }) => rule === 'secrets');
        const findings = sealed ? maskJson(found) : found;
        return { findings, artifacts: await publishChange(task, judged, output, sealed) };
      },
    };
  },
};
