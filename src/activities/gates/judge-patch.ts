import type { PatchJudgement } from '../../contracts/patch-judgement.js';
import { prettyJson } from '../../contracts/pretty-json.js';
import { RULES_VERSION } from '../../contracts/rules-version.js';
import { addedTexts } from '../../rules/added-texts.js';
import { isKnown, judgeChange, judgeForm, PATCH_FORM_RULE } from '../../rules/judge-change.js';
import { parsePatch } from '../../rules/parse-patch.js';
import { PATCH_RULE_IDS } from '../../rules/patch-rule.js';
import { plannedFiles } from '../../rules/plan-output.js';
import { protectedPaths } from '../../rules/what-holds.js';
import type { EarlierPatch } from '../earlier-outputs.js';
import { type GateTask, type Judgement, scopesOf } from './gate-definition.js';

/**
 * P06: the verifier's own worker judges the patch again, from its bytes and from what git makes of them, with nothing of
 * what the writer's worker says. What the writer's record has too is not raised twice.
 * @throws PromptOsError PATCH_NOT_APPLICABLE, PATCH_TOO_LARGE, and what the workspace and the scanner throw
 */
export async function judgePatchAgain(task: GateTask, { bytes, sha256, findings }: EarlierPatch): Promise<Judgement> {
  const { policy, ports, earlier, input } = task;
  const { target_repo, base_commit } = input.run;
  const empty = bytes.byteLength === 0;
  const seen = empty
    ? { bytes, files: [], added_lines: [] }
    : await ports.workspace.readPatch(target_repo, base_commit, bytes);
  const judged = [
    ...judgeForm(parsePatch(bytes), seen),
    ...judgeChange({
      patch: seen,
      rules_version: input.rules_version,
      applies: { ok: true },
      scopes: scopesOf(task),
      protected_paths: protectedPaths(policy),
      protected_tests: policy.protected_tests,
      planned_files: earlier.plan === null ? null : plannedFiles(earlier.plan),
      limits: policy.limits,
      secret_hits: await ports.secrets.scan(addedTexts(seen)),
    }),
  ].map((finding) => ({ finding, known: isKnown(finding, findings, policy.waivable) }));
  const said: PatchJudgement = {
    schema_version: 1,
    rules_version: RULES_VERSION,
    base_commit,
    patch_sha256: sha256,
    rules: [PATCH_FORM_RULE, ...PATCH_RULE_IDS],
    findings: judged.map(({ finding: { escalates: _, ...finding }, known }) => ({ ...finding, known })),
  };
  return {
    findings: judged.flatMap(({ finding, known }) => (known ? [] : [finding])),
    artifacts: [await task.putArtifact('evidence/patch_judgement.json', prettyJson(said), 'application/json')],
  };
}
