import type { RuleFinding } from '../contracts/findings.js';
import type { PatchFile } from '../contracts/patch.js';
import { judgeConflictMarkers } from './conflict-markers.js';
import { findSecretPatterns, type SecretPatternHit, secretFingerprint } from './find-secrets.js';
import { judgeHiddenText } from './hidden-text.js';
import { homePathsIn } from './home-paths.js';
import { judgeAgentFiles } from './judge-agent-files.js';
import { addedTexts, linkTargets } from './patch-lines.js';
import {
  DEEDS,
  type JudgedPatch,
  type PatchRule,
  plannedPaths,
  remark,
  touchedPaths,
  violation,
} from './patch-rule.js';
import { linkTargetProblems, pathProblems, printable } from './path-names.js';
import { createGlobMatcher, createScopeJudgement, type GlobMatcher } from './scope-matching.js';

type Place = Pick<RuleFinding, 'path' | 'line'>;

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

type PlacedHit = SecretPatternHit & { readonly path: string };

const NAME = '(a file name)';

/** Every hit of our own table and of the scanners; a scanner's candidate is dropped where our table knows the line. */
function placedHits({ patch, secret_hits }: JudgedPatch): readonly PlacedHit[] {
  const texts = addedTexts(patch);
  const own = texts.flatMap(({ path, text }) => findSecretPatterns(text, path).map((hit) => ({ ...hit, path })));
  // Nothing but known formats: bytes that are no text hold everything that looks generated.
  const hidden = (patch.binary_texts ?? []).flatMap(({ path, text }) =>
    findSecretPatterns(text, path)
      .filter(({ confidence }) => confidence === 'known')
      .map((hit) => ({ ...hit, path })),
  );
  const named = patch.files.flatMap(({ path, status }) =>
    status === 'deleted' ? [] : findSecretPatterns(path).map((hit) => ({ ...hit, line: 0, path: NAME })),
  );
  const lineOf = new Map(patch.added_lines.map(({ path, line, text }) => [`${line} ${path}`, text]));
  const seen = new Set(own.map(({ path, line }) => `${line} ${path}`));
  const scanned = secret_hits.flatMap(({ confidence = 'known', ...hit }): PlacedHit[] => {
    const place = `${hit.line} ${hit.path}`;
    if (confidence === 'candidate' && seen.has(place)) return [];
    const fingerprint = secretFingerprint(hit.rule, hit.path, lineOf.get(place) ?? '');
    return [{ ...hit, confidence, fingerprint }];
  });
  return [...scanned, ...own, ...hidden, ...named];
}

const placeOf = ({ path, line }: PlacedHit) => ({ path, ...(line >= 1 ? { line } : {}) });

/** Candidates that are listed one by one; more are listed by file, so that all of them can travel and be waived. */
const LISTED_SINGLY = 10;

const candidate = (message: string, fingerprint: string, place: Place): RuleFinding => ({
  ...violation('high', `${message} Fingerprint ${fingerprint}.`, place),
  fingerprint,
});

function together(hits: readonly PlacedHit[], where: string, place: Place): RuleFinding {
  const lines = hits.slice(0, 8).map(({ line }) => line);
  const fingerprint = secretFingerprint('together', where, hits.map((hit) => hit.fingerprint).join(' '));
  const shown = `lines ${lines.join(', ')}${hits.length > lines.length ? ' and more' : ''}`;
  return candidate(`${hits.length} possible secrets in ${printable(where)} (${shown}).`, fingerprint, place);
}

function judgeCandidates(input: JudgedPatch): readonly RuleFinding[] {
  const hits = placedHits(input).filter(({ confidence }) => confidence === 'candidate');
  const unique = [...new Map(hits.map((hit) => [hit.fingerprint, hit])).values()];
  if (unique.length <= LISTED_SINGLY) {
    return unique.map((hit) => {
      const what = `A possible secret: ${printable(hit.message)} (${printable(hit.rule, 80)}).`;
      return candidate(what, hit.fingerprint, placeOf(hit));
    });
  }
  const paths = [...new Set(unique.map(({ path }) => path))];
  const byPath = paths.map((path) => [path, unique.filter((hit) => hit.path === path)] as const);
  const [listed, rest] = byPath.length <= LISTED_SINGLY ? [byPath, []] : [byPath.slice(0, 9), byPath.slice(9)];
  const findings = listed.map(([path, inFile]) => together(inFile, path, { path }));
  if (rest.length === 0) return findings;
  const others = rest.flatMap(([, inFile]) => inFile);
  return [...findings, together(others, `${rest.length} more files`, {})];
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
    judge: ({ patch, planned_files }) => {
      if (planned_files === null) return [];
      const planned = plannedPaths(planned_files);
      const unplanned = patch.files.flatMap(touchedPaths).filter((path) => !planned.has(path));
      return unplanned.map((path) =>
        violation('high', `${printable(path)} is not among the files that the plan names.`, { path }),
      );
    },
  },
  /**
   * Tests that existed before are no writer's to bend: new ones may be added; to change, rename or delete one takes the
   * plan, and then the approver still has to acknowledge it. Without a plan to name it, it fails and escalates.
   */
  protected_tests: {
    escalates: true,
    judge: ({ patch, protected_tests, planned_files, rules_version }) => {
      if (protected_tests.length === 0) return [];
      const matcher = createGlobMatcher(protected_tests, true, rules_version);
      const planned = plannedPaths(planned_files ?? []);
      return patch.files.flatMap((file): readonly RuleFinding[] => {
        const path = existingPath(file);
        const protection = path === null ? null : protectionOf(path, matcher);
        if (path === null || protection === null) return [];
        const what = `The patch ${DEEDS[file.status]} ${printable(path)}: ${protection}.`;
        if (!planned.has(path)) return [violation('high', `${what} The plan does not name it.`, { path })];
        const consequence = 'whoever approves acknowledges that this test may say less than before.';
        return [remark('high', `${what} The plan names it; ${consequence}`, { path })];
      });
    },
  },
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
    judge: (input) =>
      placedHits(input)
        .filter(({ confidence }) => confidence === 'known')
        .map((hit) => {
          const what = `A likely secret: ${printable(hit.message)} (${printable(hit.rule, 80)}).`;
          return violation('critical', what, placeOf(hit));
        }),
  },
  /** A value that may be a credential: an integrator looks, and waives it by its fingerprint with a reason. */
  secret_candidates: { escalates: true, judge: judgeCandidates },
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
