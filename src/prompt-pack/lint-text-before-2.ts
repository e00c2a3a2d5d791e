import type { LintFinding } from './lint-finding.js';
import { findDataMarkers, findSecrets } from './lint-text.js';

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
