import type { Baseline, BaselineCheck, GateOutputs } from '../../contracts/answers/gate-outputs.js';
import { GATE_PATHS } from '../../contracts/artifacts.js';
import { PromptOsError } from '../../contracts/errors.js';
import { own, prettyJson } from '../../contracts/json.js';
import { type Content, digestOf, isLong, releaseContent } from '../../contracts/long-bytes.js';
import type { GateId } from '../../contracts/names.js';
import type { Check } from '../../contracts/policy/policy-checks.js';
import { isLongPatch, type LongPatch } from '../../contracts/record/long-patch.js';
import type { Patch } from '../../contracts/record/patch.js';
import { weakestSandbox } from '../../domain/record/sandboxes.js';
import { gateInputs } from '../../prompt-pack/render.js';
import { judgeBaseline } from '../../rules/attempts/observations.js';
import {
  judgeBuild,
  judgeContext,
  judgeJob,
  judgePlan,
  judgeReview,
  patchTerms,
  plannedFiles,
  planTerms,
} from '../../rules/outputs/gate-outputs.js';
import { judgeClaims } from '../../rules/outputs/judge-claims.js';
import { judgeReviewWork } from '../../rules/outputs/judge-review-work.js';
import { type TracedChange, traceChange } from '../../rules/outputs/traceability.js';
import { describePatch } from '../../rules/patch/mask-patch.js';
import { plannedPaths } from '../../rules/patch/patch-rule.js';
import { pathAllowed } from '../../rules/paths/scope-matching.js';
import { maskJson } from '../../rules/secrets/mask-secrets.js';
import { type JudgedChange, judgeChangeApart } from '../apart/judge-change-apart.js';
import type { ChangeTerms } from '../apart/judge-seen.js';
import { readPatchApart } from '../apart/read-patch-apart.js';
import {
  criteriaOf,
  type GateDefinition,
  type GateTask,
  type Judgement,
  NOTHING_OBSERVED,
  patchToJudge,
  publishOutput,
  scopesOf,
} from './gate-definition.js';
import { baselineKey, checkNames, rememberedBase, runOnBase } from './run-check.js';
import { verifyForensics } from './verify-forensics.js';

/**
 * P00: the engine sees what the checks do before any change, and the writer restates the context; a constraint that is
 * lost or reworded fails the gate.
 */
const contextLock: GateDefinition<GateOutputs['P00']> = {
  editsFiles: false,
  runsChecks: true,
  begin: async (task) => ({
    patch: null,
    inputs: gateInputs('P00', { request: task.request }),
    observed: await observeBaseline(task),
    judge: async (output) => ({
      findings: judgeContext(task.request, output),
      artifacts: await publishOutput(task, 'P00', output),
    }),
  }),
};

const unknown = (name: string, argv: readonly string[], reason: string): BaselineCheck => ({
  status: 'not_started',
  exit_code: null,
  tests: null,
  reason,
  name,
  argv: [...argv],
  stdout_tail: '',
  stderr_tail: '',
});

/**
 * What a check does on the base commit, as this worker saw it for an earlier run or sees it now. A failure that was seen
 * before counts for the first attempt only: it may have been the network's or the machine's, and a person had it tried again.
 */
async function observeCheck(task: GateTask, name: string, check: Check): Promise<BaselineCheck> {
  const { baselines } = task.ports;
  const key = baselineKey(task, name);
  const known = rememberedBase(task, name)?.check ?? (await baselines?.recall(key)) ?? null;
  if (known !== null && (known.status === 'passed' || task.input.attempt === 1)) return known;
  try {
    const { check: seen } = await runOnBase(task, name, check);
    if (seen.status === 'passed' || seen.status === 'failed') await baselines?.keep(key, seen);
    return seen;
  } catch (error) {
    // A writer's worker may grant no checks. What that means is for the policy to say.
    if (!(error instanceof PromptOsError) || error.code !== 'CHECK_NOT_GRANTED') throw error;
    return unknown(
      name,
      check.argv,
      `the worker of P00 does not grant it; add ${name} to checks.allow of its worker config`,
    );
  }
}

/**
 * P00: runs the checks that the request names on the base commit, before anybody changes anything. It says what failed
 * before; whether a check passes at the end, P06 sees for itself.
 */
async function observeBaseline(task: GateTask): Promise<Judgement> {
  const { policy, input } = task;
  if (policy.baseline === 'off' || input.rules_version < 2) return NOTHING_OBSERVED;
  const checks: BaselineCheck[] = [];
  for (const name of checkNames(task)) {
    const check = own(policy.checks, name);
    checks.push(
      check === undefined
        ? unknown(name, [], `the policy has no check "${name}"`)
        : await observeCheck(task, name, check),
    );
  }
  const baseline: Baseline = { schema_version: 1, base_commit: input.run.base_commit, checks };
  return {
    findings: judgeBaseline(policy.baseline, checks),
    artifacts: [await task.putArtifact(GATE_PATHS.baseline, prettyJson(baseline))],
    checks_sandbox: weakestSandbox(checks.map(({ sandbox }) => sandbox)),
  };
}

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
const constrainedBuilder: GateDefinition<GateOutputs['P05']> = {
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

/** P01: the writer declares the job; it may narrow the request's scope, never widen it. */
const scopeDeclaration: GateDefinition<GateOutputs['P01']> = {
  editsFiles: false,
  begin: async (task) => ({
    patch: null,
    inputs: gateInputs('P01', { request: task.request, context: task.earlier.context }),
    observed: NOTHING_OBSERVED,
    judge: async (output) => ({
      findings: judgeJob({
        request: task.request,
        output,
        checks: new Set(Object.keys(task.policy.checks)),
        rules_version: task.input.rules_version,
        inRequestScope: (path) => pathAllowed(path, [task.request.scope], [], task.input.rules_version),
      }),
      artifacts: await publishOutput(task, 'P01', output),
    }),
  }),
};

/** P03: the writer plans; files out of scope fail the gate, open questions escalate. */
const designGate: GateDefinition<GateOutputs['P03']> = {
  editsFiles: false,
  begin: async (task) => {
    const { request, earlier, policy } = task;
    const terms = planTerms(policy, request, earlier.job, task.inventory.files, task.input.rules_version);
    return {
      patch: null,
      inputs: gateInputs('P03', { request, context: earlier.context, job: earlier.job }),
      observed: NOTHING_OBSERVED,
      judge: async (output) => ({
        findings: judgePlan(output, terms),
        artifacts: await publishOutput(task, 'P03', output),
      }),
    };
  },
};

/** P07: the reviewer attacks the change, on the base plus the patch. Zero findings is a legal review. */
const adversarialReview: GateDefinition<GateOutputs['P07']> = {
  editsFiles: false,
  begin: async (task) => {
    const { request, earlier } = task;
    const patch = patchToJudge(task);
    const given = await readPatchApart(patch, task.inventory.files, task.signal);
    return {
      patch: patch.bytes,
      inputs: gateInputs('P07', {
        request,
        context: earlier.context,
        job: earlier.job,
        plan: earlier.plan,
        patch: given.input,
        test_results: earlier.testResults,
        withheld_files: given.withheld,
      }),
      observed: NOTHING_OBSERVED,
      judge: async (output) => ({
        findings: [
          ...judgeReview(output),
          ...judgeReviewWork(output, given.paths, task.input.rules_version),
          ...judgeClaims('P07', output, earlier.testResults?.checks ?? [], task.input.rules_version),
        ],
        artifacts: await publishOutput(task, 'P07', output),
      }),
    };
  },
};

/** How each gate differs from the others. */
export const GATE_DEFINITIONS = {
  P00: contextLock,
  P01: scopeDeclaration,
  P03: designGate,
  P05: constrainedBuilder,
  P06: verifyForensics,
  P07: adversarialReview,
} satisfies Record<GateId, GateDefinition>;
