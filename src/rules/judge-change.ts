import { SEVERITIES } from '../contracts/names.js';
import type { Patch, PatchFile } from '../contracts/record/patch.js';
import type { Finding, RuleFinding } from '../contracts/run/findings.js';
import { countedByRules } from '../contracts/sentences.js';
import { blockingFinding, type JudgedFinding } from './outputs/judged-output.js';
import { fileChanges } from './patch/file-changes.js';
import type { ParsedPatch } from './patch/parse-patch.js';
import type { JudgedPatch, PatchRule } from './patch/patch-rule.js';
import { PATCH_RULE_IDS, PATCH_RULES, type PatchRuleId } from './patch-rules.js';
import { printable } from './paths/path-names.js';

/** Findings of one rule that are listed in full; one more counts the rest. */
export const FINDINGS_PER_RULE = 200;

const READERS = Object.values<PatchRule>(PATCH_RULES).flatMap(({ reads }) => reads ?? []);

export interface PatchJudgement {
  /** With ids such as `scope-1`, in the order of the rules. */
  readonly findings: readonly Finding[];
  /** Whether a rule was violated that raises a P08. */
  readonly escalates: boolean;
}

export function judgePatch(input: JudgedPatch): PatchJudgement {
  const changes = fileChanges(input.patch, READERS);
  const judged = PATCH_RULE_IDS.map((id) => {
    const rule: PatchRule = PATCH_RULES[id];
    return { id, rule, findings: rule.judge(input, changes) };
  });
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

const ESCALATING: ReadonlySet<string> = new Set(
  Object.entries(PATCH_RULES).flatMap(([id, { escalates }]) => (escalates ? [id] : [])),
);

/** The rule that a patch's text says what git makes of it. */
export const PATCH_FORM_RULE = 'patch_form';

/** Whether a blocking finding of a rule on patches raises a P08. */
export const patchRuleEscalates = (rule: string): boolean => ESCALATING.has(rule) || rule === PATCH_FORM_RULE;

/** Every rule on patches, with what raises a P08. P05, P06 and the verifier judge with this one function. */
export const judgeChange = (judged: JudgedPatch): readonly JudgedFinding[] =>
  judgePatch(judged).findings.map(({ id: _, ...finding }) =>
    finding.blocking && patchRuleEscalates(finding.rule) ? { ...finding, escalates: 'rule_violation' } : finding,
  );

/** Which files a change touches and how, a rename being a deletion and an addition: another detection of renames agrees. */
function touches(files: readonly PatchFile[], known: (file: PatchFile) => boolean): ReadonlyMap<string, string> {
  const places = new Map<string, string>();
  for (const file of files) {
    const { path, old_path, status, old_mode, new_mode, binary } = file;
    const content = known(file) ? `${new_mode}${binary ? ' binary' : ''}` : 'content';
    if (status === 'renamed' && old_path !== null) places.set(old_path, 'gone');
    places.set(path, status === 'deleted' ? `gone` : status === 'modified' ? `${old_mode} ${content}` : content);
  }
  return places;
}

/**
 * P06: a patch whose text says something else than what git makes of it was not written by an engine, and was written so
 * that a reader does not see what it does.
 */
export function judgeForm(parsed: ParsedPatch, seen: Patch): readonly JudgedFinding[] {
  const violation = (message: string, path?: string) =>
    blockingFinding(PATCH_FORM_RULE, message, {
      severity: 'critical',
      escalates: 'rule_violation',
      ...(path === undefined ? {} : { path }),
    });
  if (parsed.problem !== null) return [violation(`The patch is not written as git writes it: ${parsed.problem}.`)];
  // Where nothing of the content is shown, the text does not say everything.
  const silent = new Set(parsed.files.flatMap(({ path, shown }) => (shown === 'none' ? [path] : [])));
  const known = ({ path }: PatchFile): boolean => !silent.has(path);
  const [said, done] = [touches(parsed.files, known), touches(seen.files, known)];
  const paths = [...new Set([...said.keys(), ...done.keys()])].filter((path) => said.get(path) !== done.get(path));
  return paths
    .slice(0, 20)
    .map((path) =>
      violation(
        `The patch says "${said.get(path) ?? 'nothing'}" of a file to which git does "${done.get(path) ?? 'nothing'}".`,
        path,
      ),
    );
}

const same = (one: JudgedFinding, other: Omit<Finding, 'id'>): boolean =>
  one.rule === other.rule &&
  one.severity === other.severity &&
  one.blocking === other.blocking &&
  one.message === other.message &&
  one.path === other.path &&
  one.line === other.line;

/**
 * Whether a person has seen a finding at P05 already: the writer's record has it too, word for word. One that blocks
 * can have been passed over by a waiver only, so its rule must be one that the policy calls waivable.
 */
export const isKnown = (finding: JudgedFinding, writers: readonly Finding[], waivable: readonly string[]): boolean =>
  (!finding.blocking || waivable.includes(finding.rule)) && writers.some((other) => same(finding, other));
