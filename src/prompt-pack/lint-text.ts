import type { LintAllowance } from '../contracts/prompt-pack.js';
import { findSecretPatterns } from '../rules/secrets/find-secrets.js';
import { homePathsIn } from '../rules/secrets/home-paths.js';
import { type FrontMatterProblemCode, parseFrontMatter } from './front-matter.js';

/** What the linter can find. Stable: people filter by it. */
type LintCode =
  | FrontMatterProblemCode
  | 'ABSOLUTE_PATH'
  | 'ALLOWANCE_UNUSED'
  | 'BODY_EMPTY'
  | 'DATA_MARKER'
  | 'FILE_MISSING'
  | 'FILE_UNLISTED'
  | 'GATE_MISMATCH'
  | 'INDEX_INVALID'
  | 'INDEX_MALFORMED'
  | 'INDEX_MISMATCH'
  | 'INDEX_MISSING'
  | 'LOCK_INVALID'
  | 'LOCK_MALFORMED'
  | 'LOCK_MISMATCH'
  | 'LOCK_MISSING'
  | 'PATH_DUPLICATE'
  | 'PROMPT_DUPLICATE'
  | 'PROMPT_MISSING'
  | 'SECRET';

export interface LintFinding {
  /** A pack with an error does not pass; a warning is only reported. */
  readonly severity: 'error' | 'warning';
  readonly code: LintCode;
  /** Relative to the pack's folder. */
  readonly path: string;
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

export interface LintResult {
  readonly passed: boolean;
  readonly findings: readonly LintFinding[];
}

/** An allowance with the line of the file at which it is written. */
interface PlacedAllowance extends LintAllowance {
  readonly line: number;
}

/** The allowances of a prompt, and the lines of its front matter that hold them; none for any other file. */
function allowancesOf(text: string): {
  readonly allowances: readonly PlacedAllowance[];
  readonly lines: ReadonlySet<number>;
} {
  const parsed = parseFrontMatter(text);
  const allowed = parsed.ok ? (parsed.frontMatter.lint_allow ?? []) : [];
  if (!parsed.ok || allowed.length === 0) return { allowances: [], lines: new Set() };
  const line = parsed.lineOf('lint_allow');
  const fileLines = text.split(/\r?\n/);
  const quoted = allowed.map((one) => JSON.stringify(one.text).slice(1, -1));
  const lines = fileLines.flatMap((content, index) => {
    const inFrontMatter = index + 1 >= line && index + 1 < parsed.bodyLine;
    const names = allowed.some((one, at) => content.includes(one.text) || content.includes(quoted[at] ?? one.text));
    return inFrontMatter && /^\s*(?:- )?\s*text:/.test(content) && names ? [index + 1] : [];
  });
  return { allowances: allowed.map((one) => ({ ...one, line })), lines: new Set(lines) };
}

/** A line that a reader of the rendered prompt would take for the border of a block of data. */
const DATA_MARKER = /^<<<(?:END )?PROMPTOS-DATA\b/;

/** A word that says of itself that it is a sample, or one that a provider's documentation has. */
const SAMPLE =
  /[A-Za-z0-9_+-]{0,200}(?:example|sample|placeholder|dummy|not-a-real|fake[-_]|x{6}|0{8}|1234567890|abcdefgh|4eC39HqLyjWDarj|SflKxwRJSMeKKF2QT4)[A-Za-z0-9_+-]{0,200}/gi;

const linesOf = (text: string): readonly string[] => text.split(/\r\n|[\n\r]/);

/** What no file of a pack may hold: secrets, paths of a person's machine, the markers of the rendered prompt. */
export function lintText(path: string, text: string): readonly LintFinding[] {
  const { allowances, lines } = allowancesOf(text);
  const found = [...findSecrets(path, text), ...findHomePaths(path, text)].filter(({ line }) => !lines.has(line));
  const left = allowances.map((allowance) => ({ allowance, ...withoutTexts(path, text, [allowance.text]) }));
  const used = new Set<PlacedAllowance>();
  const judged = found.map((finding): LintFinding => {
    const key = keyOf(finding);
    const by = left.find(({ allowance, keys }) => allowance.code === finding.code && !keys.has(key));
    if (by === undefined) return finding;
    used.add(by.allowance);
    return { ...finding, severity: 'warning', message: `${finding.message}; allowed: ${by.allowance.reason}` };
  });
  const unused = allowances
    .filter((allowance) => !used.has(allowance))
    .map(({ code, line }): LintFinding => {
      const message = `lint_allow: the linter finds no ${code} in this text; remove the entry`;
      return { severity: 'warning', code: 'ALLOWANCE_UNUSED', path, line, message };
    });
  return [...demoteSamples(path, text, judged), ...unused, ...findDataMarkers(path, text)];
}

/** A sample token that says that it is one is reported, and is no error. */
function demoteSamples(path: string, text: string, findings: readonly LintFinding[]): readonly LintFinding[] {
  if (!findings.some(({ code, severity }) => code === 'SECRET' && severity === 'error')) return findings;
  const { keys } = withoutTexts(path, text, text.match(SAMPLE) ?? []);
  return findings.map((finding) =>
    finding.code !== 'SECRET' || finding.severity === 'warning' || keys.has(keyOf(finding))
      ? finding
      : { ...finding, severity: 'warning', message: `${finding.message}; it looks like a documented sample` },
  );
}

const keyOf = ({ code, line, message }: LintFinding): string => `${code} ${line} ${message}`;

/** What the linter still finds where some texts are blanked out. */
function withoutTexts(path: string, text: string, texts: readonly string[]): { readonly keys: ReadonlySet<string> } {
  const blanked = texts.reduce((left, one) => left.replaceAll(one, ' '.repeat(one.length)), text);
  return { keys: new Set([...findSecrets(path, blanked), ...findHomePaths(path, blanked)].map(keyOf)) };
}

const findSecrets = (path: string, text: string): readonly LintFinding[] =>
  findSecretPatterns(text)
    .filter(({ confidence }) => confidence === 'known')
    .map(({ rule, line, message }) => ({
      severity: 'error',
      code: 'SECRET',
      path,
      line,
      message: `${message} (${rule})`,
    }));

const findHomePaths = (path: string, text: string): readonly LintFinding[] =>
  linesOf(text).flatMap((content, index): readonly LintFinding[] => {
    const found = homePathsIn(content, path);
    const home = found.find(({ certain }) => certain) ?? found[0];
    if (home === undefined) return [];
    const at = { code: 'ABSOLUTE_PATH', path, line: index + 1 } as const;
    return home.certain
      ? [{ severity: 'error', ...at, message: `"${home.text}" is a path of one machine` }]
      : [{ severity: 'warning', ...at, message: `"${home.text}" may be a path of one machine` }];
  });

const findDataMarkers = (path: string, text: string): readonly LintFinding[] =>
  linesOf(text).flatMap((content, index): readonly LintFinding[] =>
    DATA_MARKER.test(content)
      ? [
          {
            severity: 'error',
            code: 'DATA_MARKER',
            path,
            line: index + 1,
            message: 'a prompt must not write the markers of its data',
          },
        ]
      : [],
  );

/** A home folder of Linux, macOS or Windows, but not the path of a URL nor a word such as `/root-cause`. */
const HOME_PATH =
  /(?<![\w.~/-])\/(?:Users|home|root)(?![\w-])|file:\/\/\/(?:Users|home|root)\b|\b[A-Za-z]:[\\/]{1,2}Users\b/;

/** `lintText` as runs with rules version 1 had it: every home path is an error, and nothing is allowed. */
export const lintTextBefore2 = (path: string, text: string): readonly LintFinding[] => [
  ...findSecrets(path, text),
  ...text.split(/\r\n|[\n\r]/).flatMap((content, index): LintFinding[] => {
    const home = HOME_PATH.exec(content);
    if (home === null) return [];
    const message = `"${home[0]}" is a path of one machine`;
    return [{ severity: 'error', code: 'ABSOLUTE_PATH', path, line: index + 1, message }];
  }),
  ...findDataMarkers(path, text),
];
