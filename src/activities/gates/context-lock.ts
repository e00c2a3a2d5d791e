import type { Baseline, BaselineCheck, GateOutputs } from '../../contracts/answers/gate-outputs.js';
import { GATE_PATHS } from '../../contracts/artifacts.js';
import { PromptOsError } from '../../contracts/errors.js';
import { own, prettyJson } from '../../contracts/json.js';
import type { Check } from '../../contracts/policy/policy-checks.js';
import { weakestSandbox } from '../../domain/record/sandboxes.js';
import { gateInputs } from '../../prompt-pack/render.js';
import { judgeBaseline } from '../../rules/attempts/observations.js';
import { judgeContext } from '../../rules/outputs/gate-outputs.js';
import {
  type GateDefinition,
  type GateTask,
  type Judgement,
  NOTHING_OBSERVED,
  publishOutput,
} from './gate-definition.js';
import { baselineKey, checkNames, rememberedBase, runOnBase } from './run-check.js';

/**
 * P00: the engine sees what the checks do before any change, and the writer restates the context; a constraint that is
 * lost or reworded fails the gate.
 */
export const contextLock: GateDefinition<GateOutputs['P00']> = {
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
