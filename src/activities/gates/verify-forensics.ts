import type { TestResults, VerificationOutput } from '../../contracts/gate-outputs.js';
import { prettyJson } from '../../contracts/pretty-json.js';
import { gateInputs, patchInput, shownResults } from '../../prompt-pack/index.js';
import { judgeBothBaselines } from '../../rules/baseline.js';
import { judgeChecks } from '../../rules/check-results.js';
import { judgeVerification } from '../../rules/verification-output.js';
import type { EarlierPatch } from '../earlier-outputs.js';
import { criteriaOf, type GateDefinition, type GateTask, publishOutput } from './gate-definition.js';
import { judgePatchAgain } from './judge-patch.js';
import { standingPatch } from './patch-input.js';
import { checkNames } from './run-check.js';
import { runChecks } from './run-checks.js';

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
  const findings = [
    ...judgeChecks(results.checks),
    ...judgeBothBaselines(results.checks, task.earlier.baseline?.checks ?? []),
  ];
  return {
    observed: { findings, artifacts: [artifact, ...logs] },
    shown: shownResults(
      results,
      checks.map(({ stdout_tail, stderr_tail }) => ({ stdout_tail, stderr_tail })),
    ),
  };
}

/**
 * P06: the engine runs the checks itself on the base plus the patch, then asks the verifier on another fresh checkout.
 * A verifier's "pass" never overrides a check that failed.
 */
export const verifyForensics: GateDefinition<VerificationOutput> = {
  editsFiles: false,
  begin: async (task) => {
    const { request, earlier } = task;
    const patch = standingPatch(task);
    const again = await judgePatchAgain(task, patch);
    const { observed, shown } = await observe(task, patch);
    return {
      patch: patch.bytes,
      inputs: gateInputs('P06', {
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
        artifacts: await publishOutput(task, 'P06', output),
      }),
    };
  },
};
