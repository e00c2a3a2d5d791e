import type { PatchFile } from '../contracts/record/patch.js';
import type { RuleFinding } from '../contracts/run/findings.js';
import { judgeAgentFiles } from './agent-files/judge-agent-files.js';
import { judgeCheckDefinitions, readsThresholds } from './checks/judge-check-definitions.js';
import { judgeWeakenedTests, mayHoldTests } from './checks/judge-weakened-tests.js';
import { dependencyFileOf } from './dependencies/dependency-files.js';
import { HEAD_LINES, judgeDependencies, judgeGeneratedFiles } from './dependencies/judge-dependencies.js';
import { linkTargets } from './patch/patch-lines.js';
import {
  DEEDS,
  type JudgedPatch,
  type PatchRule,
  plannedIn,
  plannedPaths,
  remark,
  sinceVersion3,
  touchedPaths,
  unplannedBy,
  violation,
} from './patch/patch-rule.js';
import { linkTargetProblems, pathProblems, printable } from './paths/path-names.js';
import { createGlobMatcher, createScopeJudgement, type GlobMatcher } from './paths/scope-matching.js';
import { homePathsIn } from './secrets/home-paths.js';
import { judgeInjection } from './texts/judge-injection.js';
import {
  judgeConflictMarkers,
  judgeHiddenText,
  judgeLicences,
  judgeSecretCandidates,
  judgeSecrets,
} from './texts/judge-texts.js';

/**
 * The other direction of the rule `plan`: the patch touches every file that the plan names. The plan may have named a file
 * to be careful, so this does not block; a component of which nothing was built is one that was agreed on and is missing.
 */
function judgePlanFiles({ patch, components }: JudgedPatch): readonly RuleFinding[] {
  // Said by the rule on empty patches.
  if (patch.files.length === 0) return [];
  const touched = new Set(patch.files.flatMap(touchedPaths));
  return (components ?? []).flatMap(({ name, files }) => {
    const planned = [...plannedPaths(files)];
    const missing = planned.filter((path) => !touched.has(path));
    const none = missing.length === planned.length && missing.length > 0;
    const why = none ? ' The patch touches no file of this component.' : '';
    return missing.map((path) =>
      remark(
        none ? 'high' : 'medium',
        `The plan names ${printable(path)} for the component "${printable(name, 120)}", and the patch does not touch it.${why}`,
        { path },
      ),
    );
  });
}

/** What git knows: no file, a file, an executable file, a symbolic link, a submodule (which has a rule of its own). */
const KNOWN_MODES = new Set(['000000', '100644', '100755', '120000', '160000']);

const GITLINK_MODE = '160000';

/** The path of the file as it was before the patch; null for one that the patch adds. A copy leaves its source alone. */
const existingPath = ({ status, path, old_path }: PatchFile): string | null =>
  status === 'added' || status === 'copied' ? null : (old_path ?? path);

/** Why a path is protected, for a person; null when it is not. A glob that cannot be judged protects all. */
function protectionOf(path: string, { match, unreadable }: GlobMatcher): string | null {
  const glob = match(path) ?? unreadable[0]?.glob;
  return glob === undefined ? null : `it existed before and matches "${printable(glob)}"`;
}

/** Lines longer than this are looked at up to here. */
const LINE_LIMIT = 200_000;

/** Every rule on patches, in the order in which they are judged and reported. */
export const PATCH_RULES = {
  /** `git apply --check` takes the patch on the base commit. */
  applies: {
    escalates: false,
    judge: ({ applies }) =>
      applies.ok
        ? []
        : [violation('high', `The patch does not apply to the base commit: ${printable(applies.reason, 1_500)}`)],
  },
  /** A patch that changes nothing delivers nothing. */
  empty: {
    escalates: false,
    judge: ({ patch }) =>
      patch.files.length > 0 && patch.bytes.length > 0
        ? []
        : [violation('high', 'The patch is empty: no file was changed.')],
  },
  /** Every path that the patch touches is in the scope of the request and of the job. */
  scope: {
    escalates: true,
    judge: ({ patch, scopes, protected_paths, rules_version }) => {
      const judgement = createScopeJudgement(scopes, protected_paths, rules_version);
      return patch.files.flatMap(touchedPaths).flatMap((path) => {
        const reason = judgement(path);
        if (reason === null) return [];
        return [violation('critical', `${printable(path)} is out of scope: ${printable(reason, 800)}.`, { path })];
      });
    },
  },
  /** Every path that the patch touches is named by the plan. */
  plan: {
    escalates: true,
    judge: (input) => {
      const { patch, components } = input;
      if (components === null) return [];
      const planned = plannedIn(input);
      const unplanned = patch.files.flatMap(touchedPaths).filter((path) => !planned.has(path));
      return unplanned.map((path) =>
        violation('high', `${printable(path)} is not among the files that the plan names.`, { path }),
      );
    },
  },
  /** The patch touches every path that the plan names. */
  plan_files: { escalates: false, judge: sinceVersion3(judgePlanFiles) },
  /**
   * Tests that existed before are no writer's to bend: new ones may be added; to change, rename or delete one takes the
   * plan, and then the approver still has to acknowledge it. Without a plan to name it, it fails and escalates.
   */
  protected_tests: {
    escalates: true,
    judge: (input) => {
      const { patch, protected_tests, rules_version } = input;
      if (protected_tests.length === 0) return [];
      const matcher = createGlobMatcher(protected_tests, true, rules_version);
      const planned = plannedIn(input);
      return patch.files.flatMap((file): readonly RuleFinding[] => {
        const path = existingPath(file);
        const protection = path === null ? null : protectionOf(path, matcher);
        if (path === null || protection === null) return [];
        const what = `The patch ${DEEDS[file.status]} ${printable(path)}: ${protection}.`;
        if (!planned.has(path)) return [violation('high', `${what} ${unplannedBy(input)}`, { path })];
        const consequence = 'whoever approves acknowledges that this test may say less than before.';
        return [remark('high', `${what} The plan names it; ${consequence}`, { path })];
      });
    },
  },
  /** Tests that are gone, turned off or emptied, with what was there before. */
  weakened_tests: {
    escalates: false,
    reads: (path) => (mayHoldTests(path) ? Number.POSITIVE_INFINITY : 0),
    judge: sinceVersion3(judgeWeakenedTests),
  },
  /** What decides whether a change counts as good, with what it was before. */
  check_definitions: {
    escalates: false,
    reads: (path) => (readsThresholds(path) ? Number.POSITIVE_INFINITY : 0),
    judge: sinceVersion3(judgeCheckDefinitions),
  },
  /** Manifests and lock files are planned, and each package that changes is named. */
  dependencies: {
    escalates: true,
    reads: (path) => (dependencyFileOf(path) === null ? 0 : Number.POSITIVE_INFINITY),
    judge: sinceVersion3(judgeDependencies),
  },
  /** Generated files and copies of the code of others are reported. */
  generated_files: { escalates: false, reads: () => HEAD_LINES, judge: sinceVersion3(judgeGeneratedFiles) },
  /** Licence notices that are removed, and files of licences that change, are reported. */
  licences: { escalates: false, reads: () => HEAD_LINES, judge: sinceVersion3(judgeLicences) },
  /** No file that steers coding agents is changed, unless both plan and policy name it: the judged never steers its judge. */
  agent_files: { escalates: true, judge: judgeAgentFiles },
  /** No path leaves the tree or reaches a `.git`, on any file system, and no symbolic link leads there. */
  paths: {
    escalates: true,
    judge: ({ patch }) => [
      ...patch.files
        .flatMap(touchedPaths)
        .flatMap((path) =>
          pathProblems(path).map((problem) =>
            violation('critical', `The path "${printable(path)}" ${problem}.`, { path }),
          ),
        ),
      ...linkTargets(patch).flatMap(({ file: { path }, target }) => {
        const shown = target === null ? '' : `: "${printable(target)}"`;
        const problems = target === null ? ['points where the patch does not show'] : linkTargetProblems(path, target);
        return problems.map((problem) =>
          violation('critical', `The symbolic link "${printable(path)}" ${problem}${shown}.`, { path }),
        );
      }),
    ],
  },
  /** Symbolic links are reported, so that a person looks at where they lead; those that leave the tree belong to `paths`. */
  links: {
    escalates: false,
    judge: ({ patch }) =>
      linkTargets(patch).map(({ file: { path }, target }) => {
        const to = target === null ? '' : ` to "${printable(target)}"`;
        return remark('medium', `${printable(path)} is a symbolic link${to}.`, { path });
      }),
  },
  /** A patch neither adds, moves nor removes a submodule, nor says where submodules come from. */
  submodules: {
    escalates: true,
    judge: ({ patch }) =>
      patch.files.flatMap((file) => {
        const { path, old_mode, new_mode } = file;
        const gitlink = old_mode === GITLINK_MODE || new_mode === GITLINK_MODE;
        if (!gitlink && !touchedPaths(file).some((touched) => touched.toLowerCase() === '.gitmodules')) return [];
        const what = gitlink
          ? 'is a submodule or a nested repository: a run cannot vouch for what is in it'
          : 'says where submodules come from';
        return [violation('critical', `${printable(path)} ${what}.`, { path })];
      }),
  },
  /** Odd file modes fail; files that become executable are reported. */
  modes: {
    escalates: false,
    judge: ({ patch }) =>
      patch.files.flatMap(({ path, old_mode, new_mode }) => {
        if (!KNOWN_MODES.has(new_mode)) {
          return [violation('high', `${printable(path)} has the odd mode ${new_mode}.`, { path })];
        }
        const becomesExecutable = new_mode === '100755' && old_mode !== '100755';
        return becomesExecutable ? [remark('low', `${printable(path)} becomes executable.`, { path })] : [];
      }),
  },
  /** What is committed is clean in a normal checkout: the bytes of every file are what its attributes make of them. */
  attributes: {
    escalates: false,
    judge: ({ patch }) =>
      (patch.unclean ?? []).map(({ path, reason }) => {
        const why = printable(reason);
        return violation('high', `${printable(path)} would not be clean once it is committed: ${why}.`, { path });
      }),
  },
  /** Binary files are reported: no person can read them in a diff, and no rule looks into them. */
  binary: {
    escalates: false,
    judge: ({ patch }) =>
      patch.files
        .filter(({ binary, status }) => binary && status !== 'deleted')
        .map(({ path }) =>
          remark('medium', `${printable(path)} is binary: its content was not looked into.`, { path }),
        ),
  },
  /** No line has characters that hide what it says. */
  hidden_text: { escalates: true, judge: judgeHiddenText },
  /** No added line instructs an agent that judges the change. */
  prompt_injection: { escalates: true, judge: sinceVersion3(judgeInjection) },
  /** No file is left half merged. */
  conflict_markers: { escalates: false, judge: judgeConflictMarkers },
  /** The patch stays within the policy's limits. */
  size: {
    escalates: true,
    judge: ({ patch, limits }) => {
      const over = (what: string, limit: number, actual: number) =>
        actual <= limit ? [] : [violation('high', `The patch has ${actual} ${what}; the policy allows ${limit}.`)];
      return [
        ...over('bytes', limits.patch_bytes, patch.bytes.length),
        ...over('files', limits.patch_files, patch.files.length),
      ];
    },
  },
  /** No credential is added: neither one that the scanner knows nor one of our own table. */
  secrets: {
    escalates: true,
    judge: judgeSecrets,
  },
  /** A value that may be a credential: an integrator looks, and waives it by its fingerprint with a reason. */
  secret_candidates: { escalates: true, judge: judgeSecretCandidates },
  /** Nothing that is added names a person's home folder. What may be a URL or a container's path is reported only. */
  home_paths: {
    escalates: false,
    judge: ({ patch }) =>
      patch.added_lines.flatMap(({ path, line, text }) => {
        const found = homePathsIn(text.slice(0, LINE_LIMIT), path);
        if (found.length === 0) return [];
        const unsure = 'The line may name a home folder; it is more likely a URL or a path in a container.';
        return found.some(({ certain }) => certain)
          ? [violation('high', 'The line names an absolute path in a home folder.', { path, line })]
          : [remark('info', unsure, { path, line })];
      }),
  },
} satisfies Record<string, PatchRule>;

export type PatchRuleId = keyof typeof PATCH_RULES;
export const PATCH_RULE_IDS = Object.keys(PATCH_RULES) as readonly PatchRuleId[];
