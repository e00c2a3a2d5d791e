import type { Severity } from '../../contracts/names.js';
import type { RuleFinding } from '../../contracts/run/findings.js';
import { counted } from '../../contracts/sentences.js';
import { addedTo, type FileChange, nameOf, removedFrom } from '../patch/file-changes.js';
import { DEEDS, type JudgedPatch, remark, touchedPaths } from '../patch/patch-rule.js';
import { printable } from '../paths/path-names.js';
import { quotedLine } from '../secrets/quoted-line.js';
import { type CheckDefinition, checkDefinitionOf } from './check-definitions.js';
import { loweredThresholds } from './coverage-thresholds.js';
import { scriptChanges } from './package-scripts.js';

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
