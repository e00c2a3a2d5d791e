import type { CheckResult, TestResults, VerificationOutput } from '../../contracts/gate-outputs.js';
import { blockingFinding, type JudgedFinding } from '../../rules/judged-output.js';
import { judgeVerification } from '../../rules/verification-output.js';
import type { EarlierPatch } from '../earlier-outputs.js';
import { criteriaOf, type GateDefinition, type GateTask, presentInputs, prettyJson } from './gate-definition.js';
import { judgePatchAgain } from './judge-patch.js';
import { patchInput, standingPatch } from './patch-input.js';
import { checkNames, runChecks } from './run-checks.js';

function failedCheck({ name, status, exit_code, signal, reason }: CheckResult): JudgedFinding {
  const why = reason ?? (signal === null ? `exit code ${exit_code ?? 'none'}` : `ended by ${signal}`);
  return blockingFinding('checks', `The check ${name} ${status.replace('_', ' ')}: ${why}.`);
}

/** What the engine says of the checks that it ran itself: none at all proves nothing and fails. */
function judgeChecks(results: readonly CheckResult[]): readonly JudgedFinding[] {
  if (results.length === 0) {
    return [
      blockingFinding('no_checks', 'Neither the request nor any criterion names a check, so nothing was proved.'),
    ];
  }
  return results.filter(({ status }) => status !== 'passed').map(failedCheck);
}

/** Runs the checks, and puts what was seen of them into the store. */
async function observe(task: GateTask, patch: EarlierPatch) {
  const names = checkNames(task);
  const { checks, logs } = await runChecks(task, patch.bytes, names);
  const results: TestResults = {
    schema_version: 1,
    base_commit: task.input.run.base_commit,
    patch_sha256: patch.sha256,
    checks: checks.map(({ result }) => result),
  };
  const artifact = await task.putArtifact('evidence/test_results.json', prettyJson(results), 'application/json');
  return {
    observed: { findings: judgeChecks(results.checks), artifacts: [artifact, ...logs] },
    shown: {
      ...results,
      checks: checks.map(({ result, stdout_tail, stderr_tail }) => ({ ...result, stdout_tail, stderr_tail })),
    },
  };
}

/**
 * P06: the engine runs the checks itself on the base plus the patch, then asks the verifier on another fresh checkout.
 * A verifier's "pass" never overrides a check that failed.
 */
export const verifyForensics: GateDefinition<VerificationOutput> = {
  editsFiles: false,
  begin: async (task) => {
    const { request, earlier, putArtifact } = task;
    const patch = standingPatch(task);
    const again = await judgePatchAgain(task, patch);
    const { observed, shown } = await observe(task, patch);
    return {
      patch: patch.bytes,
      inputs: presentInputs({
        request,
        context: earlier.context,
        job: earlier.job,
        plan: earlier.plan,
        patch: patchInput(patch),
        test_results: shown,
      }),
      observed: {
        findings: [...again.findings, ...observed.findings],
        artifacts: [...again.artifacts, ...observed.artifacts],
      },
      judge: async (output) => ({
        findings: judgeVerification(criteriaOf(task), output),
        artifacts: [await putArtifact('evidence/verification.json', prettyJson(output), 'application/json')],
      }),
    };
  },
};
