import { findSecretPatterns } from '../rules/secret-patterns.js';
import type { LintFinding } from './lint-finding.js';

/** A home folder of Linux, macOS or Windows, but not the path of a URL nor a word such as `/root-cause`. */
const HOME_PATH =
  /(?<![\w.~/-])\/(?:Users|home|root)(?![\w-])|file:\/\/\/(?:Users|home|root)\b|\b[A-Za-z]:[\\/]{1,2}Users\b/;

/** A line that a reader of the rendered prompt would take for the border of a block of data. */
const DATA_MARKER = /^<<<(?:END )?PROMPTOS-DATA\b/;

/** What no file of a pack may hold: secrets, paths of somebody's machine, the markers of the rendered prompt. */
export function lintText(path: string, text: string): LintFinding[] {
  const secrets = findSecretPatterns(text).map(
    ({ rule, line, message }): LintFinding => ({
      severity: 'error',
      code: 'SECRET',
      path,
      line,
      message: `${message} (${rule})`,
    }),
  );
  const lines = text.split(/\r\n|[\n\r]/).flatMap((content, index): LintFinding[] => {
    const finding = (code: 'ABSOLUTE_PATH' | 'DATA_MARKER', message: string): LintFinding => ({
      severity: 'error',
      code,
      path,
      line: index + 1,
      message,
    });
    const home = HOME_PATH.exec(content);
    return [
      ...(home === null ? [] : [finding('ABSOLUTE_PATH', `"${home[0]}" is a path of one machine`)]),
      ...(DATA_MARKER.test(content) ? [finding('DATA_MARKER', 'a prompt must not write the markers of its data')] : []),
    ];
  });
  return [...secrets, ...lines];
}
