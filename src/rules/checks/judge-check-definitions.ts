import type { Severity } from '../../contracts/names.js';
import type { RuleFinding } from '../../contracts/run/findings.js';
import { counted } from '../../contracts/sentences.js';
import { addedTo, type FileChange, nameOf, removedFrom } from '../patch/file-changes.js';
import { DEEDS, type JudgedPatch, remark, touchedPaths } from '../patch/patch-rule.js';
import { printable } from '../paths/path-names.js';
import { quotedLine } from '../secrets/quoted-line.js';

/** What decides whether a change counts as good: `ci` runs checks, `runner` tests, `lint` judges code, `task` has commands. */
type CheckDefinition = 'ci' | 'runner' | 'lint' | 'task';

const ROWS: readonly (readonly [kind: CheckDefinition, pattern: RegExp])[] = [
  ['ci', /(?:^|\/)\.(?:github|gitea|forgejo)\/(?:workflows|actions)\//],
  ['ci', /(?:^|\/)\.(?:circleci|buildkite|tekton|woodpecker|teamcity|azure-pipelines|gitlab\/ci)\//],
  [
    'ci',
    /(?:^|\/)(?:\.gitlab-ci|\.travis|\.drone|\.appveyor|appveyor|\.woodpecker|bitbucket-pipelines|buildspec|cloudbuild)\.ya?ml$/,
  ],
  [
    'ci',
    /(?:^|\/)(?:azure-pipelines[\w.-]{0,60}\.ya?ml|jenkinsfile[\w.-]{0,60}|\.pre-commit-config\.yaml|lefthook\.ya?ml)$/,
  ],
  ['ci', /(?:^|\/)\.(?:husky|githooks)\/|(?:^|\/)codeowners$|^(?:.*\/)?action\.ya?ml$/],
  [
    'runner',
    /(?:^|\/)(?:vitest|jest|playwright|cypress|karma|ava|wdio|nightwatch|jasmine)[\w.-]{0,40}\.(?:config|conf|setup|workspace|projects)\.[a-z]{1,5}$/,
  ],
  ['runner', /(?:^|\/)(?:vitest|jest)\.[\w-]{1,20}\.[cm]?[jt]s$/],
  ['runner', /(?:^|\/)(?:\.mocharc|\.nycrc|\.c8rc|\.taprc|nyc\.config|jasmine)[\w.-]{0,12}$/],
  [
    'runner',
    /(?:^|\/)(?:pytest\.ini|tox\.ini|noxfile\.py|conftest\.py|\.coveragerc|phpunit(?:\.dist)?\.xml(?:\.dist)?|\.rspec|nextest\.toml)$/,
  ],
  [
    'runner',
    /(?:^|\/)\.?codecov\.ya?ml$|(?:^|\/)(?:sonar-project\.properties|\.simplecov|tarpaulin\.toml|stryker\.conf[\w.-]{1,12})$/,
  ],
  [
    'runner',
    /(?:^|\/)vite\.config\.[cm]?[jt]s$|(?:^|\/)(?:\.config\/nextest\.toml|karma\.conf\.[a-z]{1,5}|testng\.xml)$/,
  ],
  [
    'task',
    /(?:^|\/)(?:(?:gnu)?makefile|[\w.-]{1,40}\.mk|\.?justfile|taskfile\.ya?ml|rakefile|turbo\.json|nx\.json|magefile\.go)$/,
  ],
  [
    'lint',
    /(?:^|\/)(?:biome\.jsonc?|tsconfig[\w.-]{0,40}\.json|knip\.jsonc?|\.?oxlintrc\.json|tslint\.json|\.pylintrc|ruff\.toml|\.ruff\.toml|mypy\.ini|\.flake8|pyrightconfig\.json)$/,
  ],
  [
    'lint',
    /(?:^|\/)(?:\.?eslint(?:rc|\.config|ignore)[\w.-]{0,12}|\.golangci\.ya?ml|\.?clippy\.toml|\.rubocop\.ya?ml|phpstan[\w.-]{0,20}\.neon(?:\.dist)?)$/,
  ],
];

/** What a path is to whoever judges changes; null for any other file. */
function checkDefinitionOf(path: string): CheckDefinition | null {
  const lower = path.toLowerCase();
  return ROWS.find(([, pattern]) => pattern.test(lower))?.[0] ?? null;
}

const KINDS: Readonly<Record<CheckDefinition, readonly [severity: Severity, what: string]>> = {
  ci: ['high', 'decides what runs on every change'],
  runner: ['medium', 'decides which tests run and how'],
  lint: ['low', 'decides what the code is checked for'],
  task: ['low', 'has the commands by which people and CI run checks'],
};

/** Files beside check definitions in which thresholds of coverage are written. */
const ALSO_THRESHOLDS = /^(?:package\.json|pyproject\.toml|setup\.cfg|build\.gradle(?:\.kts)?|pom\.xml)$/;

export const readsThresholds = (path: string): boolean =>
  checkDefinitionOf(path) !== null || ALSO_THRESHOLDS.test(nameOf(path).toLowerCase());

/** The first line on each side: what was there, and what is there now. */
function firstLines(change: FileChange): string {
  const shown = [['before', removedFrom(change)] as const, ['now', addedTo(change)] as const].flatMap(
    ([side, lines]) => {
      const first = lines.find(({ text }) => /[\w"'-]/.test(text));
      return first === undefined ? [] : [`${side} ${quotedLine(first.text)}`];
    },
  );
  return shown.length === 0 ? '' : `; first ${shown.join(', ')}`;
}

function judgeFile(change: FileChange): readonly RuleFinding[] {
  const { file } = change;
  return touchedPaths(file).flatMap((path) => {
    const kind = checkDefinitionOf(path);
    if (kind === null) return [];
    const [severity, what] = KINDS[kind];
    const size = `${counted(file.added, 'line')} added, ${file.deleted} removed`;
    const message = `The patch ${DEEDS[file.status]} ${printable(path)}, which ${what}: ${size}${firstLines(change)}.`;
    return [remark(file.status === 'deleted' && kind === 'runner' ? 'high' : severity, message, { path })];
  });
}

/** Scripts by whose names people and CI run checks. */
const CHECKS = /test|check|lint|verify|coverage|audit|type|e2e|^ci\b|^pre|^post/i;

function judgeScripts(change: FileChange, rulesVersion: number): readonly RuleFinding[] {
  const { path, status } = change.file;
  if (nameOf(path).toLowerCase() !== 'package.json' || status === 'added' || status === 'deleted') return [];
  return scriptChanges(change, rulesVersion).map(({ name, from, to, line }) => {
    const now = to === null ? 'is removed' : `is ${quotedLine(to)}`;
    const before = from === null ? 'there was none before' : `it was ${quotedLine(from)}`;
    const isCheck = CHECKS.test(name);
    const severity = from === null ? (/^(?:pre|post)/.test(name) ? 'medium' : 'info') : isCheck ? 'high' : 'low';
    return remark(severity, `The script "${printable(name, 80)}" of ${printable(path)} ${now}; ${before}.`, {
      path,
      line,
    });
  });
}

function judgeThresholds(change: FileChange): readonly RuleFinding[] {
  const { path, status } = change.file;
  if (!readsThresholds(path) || status === 'deleted') return [];
  return loweredThresholds(change).map(({ name, from, to, line }) => {
    const now = to === null ? 'removed' : `lowered to ${to}`;
    return remark('high', `The threshold "${name}" of ${printable(path)} was ${from} and is ${now}.`, { path, line });
  });
}

/**
 * What the writer did to what judges changes, named with what was there before. A policy refuses such changes with
 * `protected_paths` and `protected_tests`.
 */
export const judgeCheckDefinitions = (
  { rules_version }: JudgedPatch,
  changes: readonly FileChange[],
): readonly RuleFinding[] =>
  changes.flatMap((change) => [
    ...judgeFile(change),
    ...judgeScripts(change, rules_version),
    ...judgeThresholds(change),
  ]);

interface LoweredThreshold {
  readonly name: string;
  readonly from: number;
  /** Null where the threshold is gone. */
  readonly to: number | null;
  readonly line: number;
}

/** How much of the code must be covered, as coverage tools spell it, with its percentage. */
const THRESHOLD =
  /["']?(?<![\w-])(branches|functions|lines|statements|perFile|fail_under|fail-under|cov-fail-under|minimum_coverage|minimum|coverage_threshold|target|threshold)["']?\s{0,4}[:= ]\s{0,4}["']?(\d{1,3}(?:\.\d{1,4})?)(?![\w.])/gi;

const LINE_LIMIT = 2_000;

const thresholds = (text: string): readonly (readonly [name: string, value: number])[] =>
  [...text.slice(0, LINE_LIMIT).matchAll(THRESHOLD)].map(([, name = '', value = '']) => [name, Number(value)]);

/** Thresholds of coverage that the patch lowers or removes in a file; by name, and in their order where there are several. */
function loweredThresholds(change: FileChange): readonly LoweredThreshold[] {
  const now = new Map<string, { readonly value: number; readonly line: number }[]>();
  for (const { text, line } of addedTo(change)) {
    for (const [name, value] of thresholds(text)) now.set(name, [...(now.get(name) ?? []), { value, line }]);
  }
  return removedFrom(change).flatMap(({ text, line }) =>
    thresholds(text).flatMap(([name, from]): readonly LoweredThreshold[] => {
      const after = now.get(name)?.shift();
      if (after === undefined) return [{ name, from, to: null, line }];
      return after.value < from ? [{ name, from, to: after.value, line: after.line }] : [];
    }),
  );
}

interface ScriptChange {
  readonly name: string;
  /** Null where the script is new, or gone. */
  readonly from: string | null;
  readonly to: string | null;
  readonly line: number;
}

const OPENS = /"([^"\\]{1,100})"\s{0,8}:\s{0,8}\{/;
const PAIR = /^\s*"([^"\\]{1,100})"\s{0,8}:\s{0,8}"((?:[^"\\]|\\.){0,2000})"/;
/** Without the head of the section in view: a command has a space, or is the name of a hook. */
const COMMAND = /^\S{1,200} \S|^(?:vitest|jest|mocha|ava|tap|eslint|biome|tsc|true|exit 0|:)$/;
const OTHER = /^(?:description|author|license|homepage|name|version|repository|url|email)$/;

/** What opens an object, what closes one, and a pair: enough of JSON for a file that is written on one line. */
const TOKEN = /"[^"\\]{1,100}"\s{0,8}:\s{0,8}(?:\{|"(?:[^"\\]|\\.){0,2000}")|\}/g;

/** A line with several of them, as one line each. Before version 3 of the rules such a line was read as it is. */
function linesOf(text: string, rulesVersion: number): readonly string[] {
  const tokens = rulesVersion < 3 || !text.includes('{') ? [] : (text.match(TOKEN) ?? []);
  return tokens.length > 1 ? tokens : [text];
}

function scripts(
  { hunks }: FileChange,
  sign: '+' | '-',
  rulesVersion: number,
): ReadonlyMap<string, { readonly value: string; readonly line: number }> {
  const found = new Map<string, { readonly value: string; readonly line: number }>();
  for (const hunk of hunks) {
    let section: string | null = null;
    for (const { sign: own, text, line } of hunk) {
      if (own !== sign && own !== ' ') continue;
      for (const part of linesOf(text, rulesVersion)) {
        const opened = OPENS.exec(part)?.[1];
        if (opened !== undefined) section = opened;
        else if (/^\s*\}/.test(part)) section = null;
        const [, name = '', value = ''] = PAIR.exec(part) ?? [];
        if (own !== sign || name === '') continue;
        const isScript = section === null ? COMMAND.test(value) && !OTHER.test(name) : section === 'scripts';
        if (isScript) found.set(name, { value, line });
      }
    }
  }
  return found;
}

/** The scripts of a `package.json` that a patch adds, changes or removes. */
function scriptChanges(change: FileChange, rulesVersion: number): readonly ScriptChange[] {
  const [before, after] = [scripts(change, '-', rulesVersion), scripts(change, '+', rulesVersion)];
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((name) => {
    const [old, now] = [before.get(name), after.get(name)];
    if (old?.value === now?.value) return [];
    return [{ name, from: old?.value ?? null, to: now?.value ?? null, line: now?.line ?? old?.line ?? 1 }];
  });
}
