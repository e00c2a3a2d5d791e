import type { Severity } from '../../contracts/names.js';
import type { RuleFinding } from '../../contracts/run/findings.js';
import { counted } from '../../contracts/sentences.js';
import { addedTo, type FileChange, removedFrom } from '../patch/file-changes.js';
import type { HunkLine } from '../patch/parse-patch.js';
import { DEEDS, type JudgedPatch, remark } from '../patch/patch-rule.js';
import { printable } from '../paths/path-names.js';
import { createGlobMatcher } from '../paths/scope-matching.js';
import { quotedLine } from '../secrets/quoted-line.js';
import { isSnapshot, isTestFile, mayHoldTests } from './test-files.js';
import { type CountedMarkers, countMarkers, type TestMarker } from './test-markers.js';

interface TestChange {
  readonly change: FileChange;
  readonly before: CountedMarkers;
  readonly after: CountedMarkers;
}

const more = ({ before, after }: TestChange, marker: TestMarker): number =>
  after.counts[marker] - before.counts[marker];

const sum = (changes: readonly TestChange[], marker: TestMarker): number =>
  changes.reduce((total, change) => total + more(change, marker), 0);

const OFF: readonly (readonly [marker: TestMarker, what: string, added: Severity, modified: Severity])[] = [
  ['focus', 'is run alone, so that other tests of its file are not run', 'high', 'high'],
  ['skip', 'is skipped', 'medium', 'high'],
  ['conditional_skip', 'is skipped under a condition', 'low', 'low'],
];

const isNew = ({ change }: TestChange): boolean => change.file.status === 'added' || change.file.status === 'copied';

/** Tests that are turned off now and were not. */
function turnedOff(test: TestChange): readonly RuleFinding[] {
  const { file } = test.change;
  return OFF.flatMap(([marker, what, added, modified]) => {
    const count = more(test, marker);
    // A new test that needs a platform takes nothing away.
    if (count <= 0 || (marker === 'conditional_skip' && (isNew(test) || more(test, 'test') > 0))) return [];
    const old = new Set(test.before.lines.map(({ text }) => text));
    const lines = test.after.lines.filter((line) => line.marker === marker && !old.has(line.text)).slice(0, count);
    const severity = isNew(test) ? added : modified;
    return lines.map(({ line, text }) =>
      remark(severity, `A test in ${printable(file.path)} ${what}: ${quotedLine(text)}`, { path: file.path, line }),
    );
  });
}

const OPENS_COMMENT = /^\s*\/\*(?!\*)(?!.*\*\/)/;

/** The next line of a hunk that the file has after the change. */
function lineBelow(hunk: FileChange['hunks'][number], index: number): HunkLine | undefined {
  let below = index + 1;
  while (hunk[below]?.sign === '-') below += 1;
  return hunk[below];
}

/** Lines that were there and are within a comment now, which begins in an added line above them. */
function commentedOut({ change }: TestChange): readonly RuleFinding[] {
  const { path } = change.file;
  return change.hunks.flatMap((hunk) =>
    hunk.flatMap(({ sign, line, text }, index) => {
      if (sign !== '+' || !OPENS_COMMENT.test(text)) return [];
      const below = lineBelow(hunk, index);
      if (below?.sign !== ' ') return [];
      if (/^\s*\*/.test(below.text)) return [];
      const message = `What follows ${quotedLine(text)} in ${printable(path)} is commented out: ${quotedLine(below.text)}`;
      return [remark('high', message, { path, line })];
    }),
  );
}

/** Fewer tests or assertions than before. Where the whole patch has no fewer, they may have moved. */
function fewer(test: TestChange, all: readonly TestChange[]): readonly RuleFinding[] {
  const { path } = test.change.file;
  const rows = [
    ['test', 'test', 'high'],
    ['assertion', 'assertion', 'medium'],
  ] as const;
  for (const [marker, noun, severity] of rows) {
    if (more(test, marker) >= 0) continue;
    const [old, now] = [test.before.counts[marker], test.after.counts[marker]];
    const moved = sum(all, marker) >= 0;
    const elsewhere = moved ? ' The patch adds at least as many elsewhere.' : '';
    const what = `The patch removes ${counted(old, noun)} from ${printable(path)} and adds ${now}.${elsewhere}`;
    return [remark(moved ? 'low' : severity, what, { path })];
  }
  return [];
}

function gone({ change, before }: TestChange, all: readonly TestChange[]): readonly RuleFinding[] {
  const { status, path, old_path } = change.file;
  const old = old_path ?? path;
  if (status === 'deleted') {
    const { test: tests, assertion } = before.counts;
    const what = `The patch deletes the test file ${printable(path)}`;
    const moved = sum(all, 'test') >= 0;
    if (tests > 0 && moved) {
      return [remark('low', `${what} with ${counted(tests, 'test')}. It adds at least as many elsewhere.`, { path })];
    }
    // It is shown whole, and nothing in it is a test.
    if (change.file.deleted > 0 && tests + assertion === 0)
      return [remark('low', `${what}, which has no test.`, { path })];
    return [remark('high', `${what}${tests === 0 ? '' : ` with ${counted(tests, 'test')}`}.`, { path })];
  }
  if (status !== 'renamed' || !isTestFile(old) || isTestFile(path)) return [];
  return [
    remark(
      'high',
      `The patch renames the test file ${printable(old)} to ${printable(path)}, which no test runner takes for a test.`,
      { path },
    ),
  ];
}

function rewrittenSnapshots(changes: readonly FileChange[]): readonly RuleFinding[] {
  return changes.flatMap(({ file: { path, old_path, status, added, deleted } }) => {
    const rewritten = isSnapshot(old_path ?? path) && status !== 'added' && status !== 'copied';
    if (!rewritten || (status === 'renamed' && added + deleted === 0)) return [];
    const lines = `${counted(deleted, 'line')} removed, ${added} added`;
    const what = `The patch ${DEEDS[status]} ${printable(path)}, which tests are compared with: ${lines}.`;
    return [remark('medium', what, { path })];
  });
}

/**
 * What the writer did to tests, named with what was there before: files that are gone, tests that are skipped or run
 * alone, fewer tests or assertions, rewritten snapshots. What the policy protects, `protected_tests` refuses.
 */
export function judgeWeakenedTests(
  { protected_tests, rules_version }: JudgedPatch,
  changes: readonly FileChange[],
): readonly RuleFinding[] {
  const { match } = createGlobMatcher(protected_tests, true, rules_version);
  const tests = changes
    .filter(({ file: { path, old_path } }) => mayHoldTests(path) || (old_path !== null && mayHoldTests(old_path)))
    .map((change): TestChange => {
      const path = change.file.old_path ?? change.file.path;
      return {
        change,
        before: countMarkers(path, removedFrom(change)),
        after: countMarkers(change.file.path, addedTo(change)),
      };
    });
  return [
    ...tests.flatMap((test) => {
      const { path, old_path, status } = test.change.file;
      const isGone = status === 'deleted' || status === 'renamed';
      // Said by the rule on protected tests.
      const isNamed = isGone && match(old_path ?? path) !== undefined;
      const lost = isNamed || !isTestFile(old_path ?? path) ? [] : gone(test, tests);
      return status === 'deleted' ? lost : [...lost, ...turnedOff(test), ...commentedOut(test), ...fewer(test, tests)];
    }),
    ...rewrittenSnapshots(changes),
  ];
}
