import type { BuildOutput } from '../../contracts/gate-outputs.js';
import type { Patch } from '../../contracts/patch.js';
import { addedTexts } from '../../rules/added-texts.js';
import { judgeBuild } from '../../rules/build-output.js';
import { judgeChange } from '../../rules/judge-change.js';
import type { JudgedFinding } from '../../rules/judged-output.js';
import { plannedFiles } from '../../rules/plan-output.js';
import {
  criteriaOf,
  type GateDefinition,
  type GateTask,
  type Judgement,
  NOTHING_OBSERVED,
  presentInputs,
  prettyJson,
  protectedPaths,
  scopesOf,
} from './gate-definition.js';
import { renderBuildSummary } from './render-build-summary.js';

/** `patch/files.json`: what the patch holds, as git computed it. */
function describePatch({ files, bytes }: Patch) {
  const sum = (counted: 'added' | 'deleted') => files.reduce((total, file) => total + file[counted], 0);
  return {
    schema_version: 1,
    stats: { files: files.length, added: sum('added'), deleted: sum('deleted'), bytes: bytes.byteLength },
    files,
  };
}

/** Every rule on patches, over what the engine itself sees of the change. */
async function judgeBuilt(task: GateTask, patch: Patch): Promise<readonly JudgedFinding[]> {
  const { policy, ports, earlier, input } = task;
  const { target_repo, base_commit } = input.run;
  // git calls an empty patch an error; that nothing was changed is told by a rule of its own.
  const empty = patch.bytes.byteLength === 0;
  return judgeChange({
    patch,
    applies: empty ? { ok: true } : await ports.workspace.checkPatch(target_repo, base_commit, patch.bytes),
    scopes: scopesOf(task),
    protected_paths: protectedPaths(policy),
    planned_files: earlier.plan === null ? null : plannedFiles(earlier.plan),
    limits: policy.limits,
    secret_hits: await ports.secrets.scan(addedTexts(patch)),
  });
}

async function publishChange(
  { putArtifact }: GateTask,
  patch: Patch,
  output: BuildOutput,
): Promise<Judgement['artifacts']> {
  return [
    await putArtifact('patch/change.patch', patch.bytes, 'text/x-patch'),
    await putArtifact('patch/files.json', prettyJson(describePatch(patch)), 'application/json'),
    await putArtifact('patch/summary.md', renderBuildSummary(output), 'text/markdown'),
    await putArtifact('patch/summary.json', prettyJson(output), 'application/json'),
  ];
}

/** P05: the writer edits the checkout; the engine computes the patch from what lies there, and judges it. */
export const constrainedBuilder: GateDefinition<BuildOutput> = {
  editsFiles: true,
  begin: async (task) => {
    const { request, earlier } = task;
    return {
      patch: null,
      inputs: presentInputs({ request, context: earlier.context, job: earlier.job, plan: earlier.plan }),
      observed: NOTHING_OBSERVED,
      judge: async (output, checkout) => {
        const patch = await checkout.diff();
        return {
          findings: [...(await judgeBuilt(task, patch)), ...judgeBuild(criteriaOf(task), output)],
          artifacts: await publishChange(task, patch, output),
        };
      },
    };
  },
};
