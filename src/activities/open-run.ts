import { PromptOsError } from '../contracts/errors.js';
import type { ExecutorRole } from '../contracts/names.js';
import type { Policy } from '../contracts/policy.js';
import type { PromptPackBundle } from '../contracts/prompt-pack.js';
import { RULES_VERSION } from '../contracts/rules-version.js';
import { type GovernedRunInput, governedRunInputSchema, type RunPlan } from '../contracts/run-plan.js';
import type { RunRequest } from '../contracts/run-request.js';
import { planRun } from '../governance/plan-run.js';
import type { GovernancePorts } from '../ports/index.js';
import { lintPack } from '../prompt-pack/index.js';
import { checkGateSelection } from '../rules/gate-selection.js';
import { checkPlannedDuties } from './check-separation.js';
import { checkEngineKey } from './engine-key.js';
import { judgeRequestSigner } from './judge-request-signer.js';
import type { PinnedDocuments } from './pinned-documents.js';
import { loadTrustedRun } from './trusted-run.js';

function checkNamesExist(request: RunRequest, policy: Policy): void {
  const named = [...request.checks, ...request.task.acceptance_criteria.flatMap(({ check }) => check ?? [])];
  const unknown = named.find((name) => !Object.hasOwn(policy.checks, name));
  if (unknown === undefined) return;
  const known = Object.keys(policy.checks).join(', ') || 'none';
  throw new PromptOsError('CHECK_UNKNOWN', `The request names the check "${unknown}"; the policy has ${known}.`);
}

/** The version stands in the prompt session, so it is the pack's own and not what a caller says. */
function checkVersion(run: GovernedRunInput, { prompt_os_version }: PromptPackBundle): void {
  if (run.prompt_os_version === prompt_os_version) return;
  throw new PromptOsError(
    'REQUEST_INVALID',
    `The run was started as PromptOS ${run.prompt_os_version}, and its prompt pack is ${prompt_os_version}.`,
  );
}

/** Refuses a start that did not come from our client and lacks something. */
function parseInput(input: GovernedRunInput): GovernedRunInput {
  const parsed = governedRunInputSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'input'}: ${message}`);
  throw new PromptOsError('REQUEST_INVALID', `The run was started with a malformed input: ${problems.join('; ')}.`);
}

/**
 * The engine's first step: judges all that the client judged once more, lints the pack that the run uses, and reads out
 * of the pinned policy what the domain must know.
 * @throws PromptOsError REQUEST_INVALID, POLICY_NOT_TRUSTED, PACK_NOT_TRUSTED, PACK_LOCK_MISMATCH, GATE_ORDER,
 *   GATE_REQUIRED, CHECK_UNKNOWN, DUTIES_CLASH, ENGINE_KEY_MISSING, REQUEST_NOT_SIGNED, DEVELOPER_UNKNOWN, SIGNATURE_INVALID
 */
export async function openRun(
  ports: GovernancePorts,
  documents: PinnedDocuments,
  taskQueues: Readonly<Record<ExecutorRole, string>>,
  given: GovernedRunInput,
): Promise<RunPlan> {
  const run = parseInput(given);
  if ((await ports.store.published(run.run_id)) !== null) {
    throw new PromptOsError('RUN_ALREADY_PUBLISHED', `A tree of run ${run.run_id} is published already.`);
  }
  const { policy, request, pack } = await loadTrustedRun(ports, documents, run);
  checkGateSelection(run.gates, policy);
  checkNamesExist(request, policy);
  const bundle = await documents.packBundle(run.pack_object_sha256);
  checkVersion(run, bundle);
  const plan = planRun(policy, {
    pack_sha256: pack.digest,
    lint_passed: lintPack(bundle.files).passed,
    task_queues: taskQueues,
    request_signed_by: await judgeRequestSigner(ports, run, policy),
    rules_version: RULES_VERSION,
  });
  checkPlannedDuties(ports.executors, policy, plan);
  checkEngineKey(ports, policy, new Date().toISOString());
  return plan;
}
