import type { RuleFinding } from '../contracts/findings.js';
import type { PatchFile } from '../contracts/patch.js';
import { linkTargets } from './patch-lines.js';
import { type PatchRule, touchedPaths } from './patch-rule.js';
import { linkTargetProblems, pathProblems, printable } from './path-names.js';
import { createGlobMatcher, createScopeJudgement, type GlobMatcher } from './scope-matching.js';

/** `git apply --check` takes the patch on the base commit. */
export const appliesRule: PatchRule = {
  title: 'The patch applies to the base commit',
  escalates: false,
  judge: ({ applies }) =>
    applies.ok
      ? []
      : [
          {
            severity: 'high',
            blocking: true,
            message: `The patch does not apply to the base commit: ${printable(applies.reason, 1_500)}`,
          },
        ],
};

/** A patch that changes nothing delivers nothing. */
export const emptyRule: PatchRule = {
  title: 'The patch changes something',
  escalates: false,
  judge: ({ patch }) =>
    patch.files.length > 0 && patch.bytes.length > 0
      ? []
      : [{ severity: 'high', blocking: true, message: 'The patch is empty: no file was changed.' }],
};

/** The patch stays within the policy's limits. */
export const sizeRule: PatchRule = {
  title: "The patch is within the policy's limits",
  escalates: true,
  judge: ({ patch, limits }) => {
    const over = (what: string, limit: number, actual: number): readonly RuleFinding[] =>
      actual <= limit
        ? []
        : [
            {
              severity: 'high',
              blocking: true,
              message: `The patch has ${actual} ${what}; the policy allows ${limit}.`,
            },
          ];
    return [
      ...over('bytes', limits.patch_bytes, patch.bytes.length),
      ...over('files', limits.patch_files, patch.files.length),
    ];
  },
};

/** No path leaves the tree or reaches a `.git`, on any file system, and no symbolic link leads there. */
export const pathsRule: PatchRule = {
  title: 'No path leaves the tree or reaches into .git',
  escalates: true,
  judge: ({ patch }) => [
    ...patch.files.flatMap((file) =>
      touchedPaths(file).flatMap((path) =>
        pathProblems(path).map((problem) => ({
          severity: 'critical' as const,
          blocking: true,
          message: `The path "${printable(path)}" ${problem}.`,
          path,
        })),
      ),
    ),
    ...linkTargets(patch).flatMap(({ file: { path }, target }) =>
      (target === null ? ['points where the patch does not show'] : linkTargetProblems(path, target)).map(
        (problem) => ({
          severity: 'critical' as const,
          blocking: true,
          message: `The symbolic link "${printable(path)}" ${problem}${target === null ? '' : `: "${printable(target)}"`}.`,
          path,
        }),
      ),
    ),
  ],
};

/** What git knows: no file, a file, an executable file, a symbolic link, a submodule (which has a rule of its own). */
const KNOWN_MODES = new Set(['000000', '100644', '100755', '120000', '160000']);

function judgeMode({ path, old_mode, new_mode }: PatchFile): readonly RuleFinding[] {
  if (!KNOWN_MODES.has(new_mode)) {
    return [{ severity: 'high', blocking: true, message: `${printable(path)} has the odd mode ${new_mode}.`, path }];
  }
  if (new_mode === '100755' && old_mode !== '100755') {
    return [{ severity: 'low', blocking: false, message: `${printable(path)} becomes executable.`, path }];
  }
  return [];
}

/** Odd file modes fail; files that become executable are reported. */
export const modesRule: PatchRule = {
  title: 'File modes are ordinary',
  escalates: false,
  judge: ({ patch }) => patch.files.flatMap(judgeMode),
};

/** Symbolic links are reported, so that a person looks at where they lead; those that leave the tree belong to `paths`. */
export const linksRule: PatchRule = {
  title: 'Symbolic links are looked at',
  escalates: false,
  judge: ({ patch }) =>
    linkTargets(patch).map(({ file: { path }, target }) => ({
      severity: 'medium',
      blocking: false,
      message: `${printable(path)} is a symbolic link${target === null ? '' : ` to "${printable(target)}"`}.`,
      path,
    })),
};

const GITLINK_MODE = '160000';

/** A patch neither adds, moves nor removes a submodule, nor says where submodules come from. */
export const submodulesRule: PatchRule = {
  title: 'No submodule is touched',
  escalates: true,
  judge: ({ patch }) =>
    patch.files.flatMap((file) => {
      const { path, old_mode, new_mode } = file;
      const gitlink = old_mode === GITLINK_MODE || new_mode === GITLINK_MODE;
      if (!gitlink && !touchedPaths(file).some((touched) => touched.toLowerCase() === '.gitmodules')) return [];
      const message = gitlink
        ? `${printable(path)} is a submodule or a nested repository: a run cannot vouch for what is in it.`
        : `${printable(path)} says where submodules come from.`;
      return [{ severity: 'critical' as const, blocking: true, message, path }];
    }),
};

/** What is committed is clean in a normal checkout: the bytes of every file are what its attributes make of them. */
export const attributesRule: PatchRule = {
  title: 'Files have the bytes that their attributes give them',
  escalates: false,
  judge: ({ patch }) =>
    (patch.unclean ?? []).map(({ path, reason }) => ({
      severity: 'high',
      blocking: true,
      message: `${printable(path)} would not be clean once it is committed: ${printable(reason)}.`,
      path,
    })),
};

/** Binary files are reported: no person can read them in a diff, and no rule looks into them. */
export const binaryRule: PatchRule = {
  title: 'Binary files are looked at',
  escalates: false,
  judge: ({ patch }) =>
    patch.files
      .filter(({ binary, status }) => binary && status !== 'deleted')
      .map(({ path }) => ({
        severity: 'medium',
        blocking: false,
        message: `${printable(path)} is binary: its content was not looked into.`,
        path,
      })),
};

/** Every path that the patch touches is in the scope of the request and of the job. */
export const scopeRule: PatchRule = {
  title: 'Only files in scope are touched',
  escalates: true,
  judge: ({ patch, scopes, protected_paths, rules_version }) => {
    const judgement = createScopeJudgement(scopes, protected_paths, rules_version);
    return patch.files.flatMap((file) =>
      touchedPaths(file).flatMap((path) => {
        const reason = judgement(path);
        return reason === null
          ? []
          : [
              {
                severity: 'critical' as const,
                blocking: true,
                message: `${printable(path)} is out of scope: ${printable(reason, 800)}.`,
                path,
              },
            ];
      }),
    );
  },
};

const plain = (path: string): string => path.replace(/^(?:\.\/)+/, '');

/** The files that a plan names, as paths that compare. */
export const plannedPaths = (files: readonly string[]): ReadonlySet<string> => new Set(files.map(plain));

/** Every path that the patch touches is named by the plan. */
export const planRule: PatchRule = {
  title: 'Only files of the plan are touched',
  escalates: true,
  judge: ({ patch, planned_files }) => {
    if (planned_files === null) return [];
    const planned = plannedPaths(planned_files);
    return patch.files.flatMap((file) =>
      touchedPaths(file)
        .filter((path) => !planned.has(path))
        .map((path) => ({
          severity: 'high' as const,
          blocking: true,
          message: `${printable(path)} is not among the files that the plan names.`,
          path,
        })),
    );
  },
};

/** The path of the file as it was before the patch; null for one that the patch adds. A copy leaves its source alone. */
const existingPath = ({ status, path, old_path }: PatchFile): string | null =>
  status === 'added' || status === 'copied' ? null : (old_path ?? path);

const DEEDS: Readonly<Record<PatchFile['status'], string>> = {
  added: 'adds',
  copied: 'adds',
  modified: 'changes',
  type_changed: 'replaces',
  deleted: 'deletes',
  renamed: 'renames',
};

/** Why a path is protected, for a person; null when it is not. A glob that cannot be judged protects all. */
function protectionOf(path: string, { match, unreadable }: GlobMatcher): string | null {
  const glob = match(path) ?? unreadable[0]?.glob;
  return glob === undefined ? null : `it existed before and matches "${printable(glob)}"`;
}

/**
 * Tests that existed before are no writer's to bend: new ones may be added; to change, rename or delete one takes the
 * plan, and then the approver still has to acknowledge it. Without a plan to name it, it fails and escalates.
 */
export const protectedTestsRule: PatchRule = {
  title: 'Existing tests are changed only with the plan and an acknowledgement',
  escalates: true,
  judge: ({ patch, protected_tests, planned_files, rules_version }) => {
    if (protected_tests.length === 0) return [];
    const matcher = createGlobMatcher(protected_tests, true, rules_version);
    const planned = plannedPaths(planned_files ?? []);
    return patch.files.flatMap((file): readonly RuleFinding[] => {
      const path = existingPath(file);
      const protection = path === null ? null : protectionOf(path, matcher);
      if (path === null || protection === null) return [];
      const blocking = !planned.has(path);
      const consequence = blocking
        ? 'The plan does not name it.'
        : 'The plan names it; whoever approves acknowledges that this test may say less than before.';
      const message = `The patch ${DEEDS[file.status]} ${printable(path)}: ${protection}. ${consequence}`;
      return [{ severity: 'high', blocking, message, path }];
    });
  },
};
