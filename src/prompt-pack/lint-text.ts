import { homePathsIn } from '../rules/home-paths.js';
import { findSecretPatterns } from '../rules/secret-patterns.js';
import { allowancesOf, type PlacedAllowance } from './lint-allowances.js';
import type { LintFinding } from './lint-finding.js';

/** A line that a reader of the rendered prompt would take for the border of a block of data. */
const DATA_MARKER = /^<<<(?:END )?PROMPTOS-DATA\b/;

/** A word that says of itself that it is a sample, or one that a provider's documentation has. */
const SAMPLE =
  /[A-Za-z0-9_+-]{0,200}(?:example|sample|placeholder|dummy|not-a-real|fake[-_]|x{6}|0{8}|1234567890|abcdefgh|4eC39HqLyjWDarj|SflKxwRJSMeKKF2QT4)[A-Za-z0-9_+-]{0,200}/gi;

const linesOf = (text: string): readonly string[] => text.split(/\r\n|[\n\r]/);

/** What no file of a pack may hold: secrets, paths of somebody's machine, the markers of the rendered prompt. */
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

export const findSecrets = (path: string, text: string): readonly LintFinding[] =>
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

export const findDataMarkers = (path: string, text: string): readonly LintFinding[] =>
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
