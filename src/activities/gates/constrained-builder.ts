import type { GateOutputs } from '../../contracts/answers/gate-outputs.js';
import { GATE_PATHS } from '../../contracts/artifacts.js';
import { prettyJson } from '../../contracts/json.js';
import { type Content, digestOf, isLong, releaseContent } from '../../contracts/long-bytes.js';
import { isLongPatch, type LongPatch } from '../../contracts/record/long-patch.js';
import type { Patch } from '../../contracts/record/patch.js';
import { gateInputs } from '../../prompt-pack/render.js';
import { judgeBuild, patchTerms, plannedFiles } from '../../rules/outputs/gate-outputs.js';
import { type TracedChange, traceChange } from '../../rules/outputs/traceability.js';
import { describePatch } from '../../rules/patch/mask-patch.js';
import { plannedPaths } from '../../rules/patch/patch-rule.js';
import { maskJson } from '../../rules/secrets/mask-secrets.js';
import { type JudgedChange, judgeChangeApart } from '../apart/judge-change-apart.js';
import type { ChangeTerms } from '../apart/judge-seen.js';
import {
  criteriaOf,
  type GateDefinition,
  type GateTask,
  type Judgement,
  NOTHING_OBSERVED,
  publishOutput,
  scopesOf,
} from './gate-definition.js';

type Change = Patch | LongPatch;

/** What holds for the change. */
async function termsOf(task: GateTask, { bytes }: Change): Promise<ChangeTerms> {
  const { policy, ports, earlier, input } = task;
  const { target_repo, base_commit } = input.run;
  // git calls an empty patch an error; a rule of its own reports that nothing was changed.
  const empty = bytes.byteLength === 0;
  return {
    rules_version: input.rules_version,
    applies: empty ? { ok: true } : await ports.workspace.checkPatch(target_repo, base_commit, bytes),
    scopes: scopesOf(task),
    ...patchTerms(policy, earlier.plan),
    inventory: task.inventory.files,
  };
}

/** Which line of the plan each file belongs to. Runs of earlier rules have none. */
async function publishTrace(
  task: GateTask,
  { files }: Change,
  build: GateOutputs['P05'],
  { patch_sha256, blobs, sealed }: Pick<TracedChange, 'patch_sha256' | 'blobs'> & { readonly sealed: boolean },
): Promise<Judgement['artifacts']> {
  const { input, earlier } = task;
  if (input.rules_version < 3) return [];
  const trace = traceChange({
    base_commit: input.run.base_commit,
    patch_sha256,
    files,
    blobs,
    criteria: criteriaOf(task),
    plan: earlier.plan,
    build,
  });
  return [await task.putArtifact(GATE_PATHS.traceability, prettyJson(sealed ? maskJson(trace) : trace))];
}

/** A patch that holds a secret is refused, and the secret is not for readers of the record: it is published masked. */
async function publishChange(
  task: GateTask,
  change: Change,
  output: GateOutputs['P05'],
  { masked, blobs }: JudgedChange,
): Promise<Judgement['artifacts']> {
  const { files, bytes } = change;
  const sealed = masked !== null;
  const patch = await task.putArtifact(GATE_PATHS.patch, streamed(masked ?? bytes));
  const listing = sealed
    ? maskJson(
        describePatch({ files, bytes: bytes.byteLength }, { sha256: await digestOf(bytes), bytes: bytes.byteLength }),
      )
    : describePatch({ files, bytes: bytes.byteLength });
  return [
    patch,
    await task.putArtifact(GATE_PATHS.patchFiles, prettyJson(listing)),
    ...(await publishTrace(task, change, output, { patch_sha256: patch.sha256, blobs, sealed })),
    ...(await publishOutput(task, 'P05', output)),
  ];
}

const streamed = (content: Content): Uint8Array | AsyncIterable<Uint8Array> =>
  isLong(content) ? content.read() : content;

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
        const change = await checkout.diff([...planned], 'long');
        let judged: JudgedChange | null = null;
        try {
          judged = await judgeChangeApart(change, await termsOf(task, change), task.ports.secrets, task.signal);
          const found = [...judged.findings, ...judgeBuild(criteriaOf(task), output, task.input.rules_version)];
          const findings = judged.masked === null ? found : maskJson(found);
          return { findings, artifacts: await publishChange(task, change, output, judged) };
        } finally {
          if (isLongPatch(change)) change.release();
          if (judged?.masked) releaseContent(judged.masked);
        }
      },
    };
  },
};
