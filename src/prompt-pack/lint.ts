import type { PromptIndex } from '../contracts/prompt-pack.js';
import { RULES_VERSION } from '../contracts/rules-version.js';
import type { LintFinding, LintResult } from './lint-finding.js';
import { lintIndex } from './lint-index.js';
import { lintPrompt } from './lint-prompt.js';
import { lintText } from './lint-text.js';
import { lintTextBefore2 } from './lint-text-before-2.js';
import { comparePromptLock, parsePromptLock } from './lock.js';
import { INDEX_PATH, LOCK_PATH, type PackFiles, packFile } from './pack-files.js';
import { parsePromptIndex } from './pack-index.js';

function lintLock(files: PackFiles, index: PromptIndex): LintFinding[] {
  const text = packFile(files, LOCK_PATH);
  if (text === undefined) {
    const message = 'the pack has no lock; `promptos prompts lock` writes one';
    return [{ severity: 'warning', code: 'LOCK_MISSING', path: LOCK_PATH, line: 1, message }];
  }
  const parsed = parsePromptLock(text);
  if (!parsed.ok) {
    return parsed.problems.map(({ line, message }) => ({
      severity: 'error',
      code: parsed.code,
      path: LOCK_PATH,
      line,
      message,
    }));
  }
  return comparePromptLock(parsed.lock, files, index).map(({ at, message }) => ({
    severity: 'error',
    code: 'LOCK_MISMATCH',
    path: LOCK_PATH,
    line: parsed.document.lineOf(at),
    message,
  }));
}

/** The engine lints what a run uses, a person lints a folder: what only the folder has must not make them disagree. */
function lintUnlisted(files: PackFiles, index: PromptIndex): LintFinding[] {
  const listed = new Set([INDEX_PATH, LOCK_PATH, ...index.prompts.map(({ path }) => path)]);
  return Object.keys(files)
    .filter((path) => !listed.has(path))
    .map((path) => ({
      severity: 'warning',
      code: 'FILE_UNLISTED',
      path,
      line: 1,
      message: `${INDEX_PATH} does not name this file`,
    }));
}

function lintContents(files: PackFiles): LintFinding[] {
  const text = packFile(files, INDEX_PATH);
  if (text === undefined) {
    const message = 'the pack has no index';
    return [{ severity: 'error', code: 'INDEX_MISSING', path: INDEX_PATH, line: 1, message }];
  }
  const parsed = parsePromptIndex(text);
  if (!parsed.ok) {
    return parsed.problems.map(({ line, message }) => ({
      severity: 'error',
      code: parsed.code,
      path: INDEX_PATH,
      line,
      message,
    }));
  }
  const { index, document } = parsed;
  return [
    ...lintIndex(files, index, document),
    ...index.prompts.flatMap((entry) => lintPrompt(files, entry)),
    ...lintLock(files, index),
    ...lintUnlisted(files, index),
  ];
}

/**
 * Everything wrong with a pack, sorted by file and line. It passes when nothing is an error; no pack at all fails.
 * @param rulesVersion that of a run whose pack is judged again
 */
export function lintPack(files: PackFiles, rulesVersion = RULES_VERSION): LintResult {
  const lintFile = rulesVersion >= 2 ? lintText : lintTextBefore2;
  const found = [...lintContents(files), ...Object.entries(files).flatMap(([path, text]) => lintFile(path, text))];
  const byPlace = (a: LintFinding, b: LintFinding) => (a.path < b.path ? -1 : a.path > b.path ? 1 : a.line - b.line);
  const findings = found.sort(byPlace);
  return { passed: findings.every(({ severity }) => severity !== 'error'), findings };
}
