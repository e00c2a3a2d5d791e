import type { Finding, RuleFinding } from '../contracts/findings.js';
import { SEVERITIES } from '../contracts/names.js';
import { countedByRules } from '../contracts/sentences.js';
import { appliesRule } from './patch-applies.js';
import { attributesRule } from './patch-attributes.js';
import { binaryRule } from './patch-binary.js';
import { emptyRule } from './patch-empty.js';
import { homePathsRule } from './patch-home-paths.js';
import { linksRule } from './patch-links.js';
import { modesRule } from './patch-modes.js';
import { pathsRule } from './patch-paths.js';
import { planRule } from './patch-plan.js';
import { protectedTestsRule } from './patch-protected-tests.js';
import { type JudgedPatch, PATCH_RULE_IDS, type PatchRule, type PatchRuleId } from './patch-rule.js';
import { scopeRule } from './patch-scope.js';
import { secretCandidatesRule, secretsRule } from './patch-secrets.js';
import { sizeRule } from './patch-size.js';
import { submodulesRule } from './patch-submodules.js';
import { printable } from './path-names.js';

/** Every rule on patches. */
export const PATCH_RULES = {
  applies: appliesRule,
  empty: emptyRule,
  scope: scopeRule,
  plan: planRule,
  protected_tests: protectedTestsRule,
  paths: pathsRule,
  links: linksRule,
  submodules: submodulesRule,
  modes: modesRule,
  attributes: attributesRule,
  binary: binaryRule,
  size: sizeRule,
  secrets: secretsRule,
  secret_candidates: secretCandidatesRule,
  home_paths: homePathsRule,
} satisfies Record<PatchRuleId, PatchRule>;

/** Findings of one rule that stand in full; one more counts the rest. */
export const FINDINGS_PER_RULE = 200;

export interface PatchJudgement {
  /** With ids such as `scope-1`, in the order of the rules. */
  readonly findings: readonly Finding[];
  /** Whether a rule was violated that raises a P08. */
  readonly escalates: boolean;
}

/** Runs every rule and keeps every reason. */
export function judgePatch(input: JudgedPatch): PatchJudgement {
  const judged = PATCH_RULE_IDS.map((id) => ({ id, rule: PATCH_RULES[id], findings: PATCH_RULES[id].judge(input) }));
  return {
    findings: judged.flatMap(({ id, findings }) =>
      bounded(findings, input.rules_version).map((finding, index) => numbered(id, index, finding)),
    ),
    escalates: judged.some(({ rule, findings }) => rule.escalates && findings.some(({ blocking }) => blocking)),
  };
}

function bounded(findings: readonly RuleFinding[], rulesVersion: number): readonly RuleFinding[] {
  if (findings.length <= FINDINGS_PER_RULE) return findings;
  const rest = findings.slice(FINDINGS_PER_RULE);
  const worst = Math.min(...new Set(rest.map(({ severity }) => SEVERITIES.indexOf(severity))));
  return [
    ...findings.slice(0, FINDINGS_PER_RULE),
    {
      severity: SEVERITIES[worst] ?? 'critical',
      blocking: rest.some(({ blocking }) => blocking),
      message: `${countedByRules(rulesVersion, rest.length, 'more finding')} of this rule ${rest.length === 1 && rulesVersion >= 2 ? 'is' : 'are'} not listed.`,
    },
  ];
}

/** `path` is bounded and printable: a finding goes into history, tables and terminals. */
const numbered = (rule: PatchRuleId, index: number, { path, ...finding }: RuleFinding): Finding => ({
  id: `${rule}-${index + 1}`,
  rule,
  ...finding,
  ...(path === undefined ? {} : { path: printable(path, 900) || '(no name)' }),
});
