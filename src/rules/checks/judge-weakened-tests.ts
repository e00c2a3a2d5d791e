import type { Severity } from '../../contracts/names.js';
import type { RuleFinding } from '../../contracts/run/findings.js';
import { counted } from '../../contracts/sentences.js';
import { addedTo, type ChangedText, type FileChange, nameOf, removedFrom } from '../patch/file-changes.js';
import type { HunkLine } from '../patch/parse-patch.js';
import { DEEDS, type JudgedPatch, remark } from '../patch/patch-rule.js';
import { printable } from '../paths/path-names.js';
import { createGlobMatcher } from '../paths/scope-matching.js';
import { quotedLine } from '../secrets/quoted-line.js';

const CODE = /\.(?:[cm]?[jt]sx?|py|go|rs|java|kt|kts|groovy|scala|cs|fs|rb|php|swift|dart|ex|exs|c|cc|cpp|vue|svelte)$/;
const TEST_NAME =
  /[._-](?:test|tests|spec|specs|cy|e2e)\.[a-z]{1,5}$|^test_|^(?:test|tests)\.[a-z]{1,5}$|_(?:test|spec)\.[a-z]{1,4}$/;
const TEST_CLASS = /(?:Test|Tests|Spec|IT)\.(?:java|kt|groovy|scala|cs|fs|php|swift)$/;
const TEST_FOLDER = /(?:^|\/)(?:tests?|__tests__|specs?|e2e|cypress)\//;
/** What tests are given, in folders of tests. */
const SUPPORT = /(?:^|\/)(?:fixtures?|__fixtures__|support|helpers?|mocks?|__mocks__|testdata|data|vectors)\//;

const SNAPSHOT =
  /(?:^|\/)__snapshots?__\/|(?:^|\/)__image_snapshots__\/|\.(?:snap|snapshot|ambr|golden)$|\.approved\.[a-z]{1,5}$/;

/** Whether a path is that of a program's source. */
export const isCode = (path: string): boolean => CODE.test(path.toLowerCase());

/** Whether a path is that of a file of tests, by the conventions of common test runners. */
function isTestFile(path: string): boolean {
  const lower = path.toLowerCase();
  if (!CODE.test(lower) || SUPPORT.test(lower)) return false;
  return TEST_NAME.test(nameOf(lower)) || TEST_CLASS.test(path) || TEST_FOLDER.test(lower);
}

/** Whether a file holds what tests are compared with, as a test runner wrote it. */
const isSnapshot = (path: string): boolean => SNAPSHOT.test(path.toLowerCase());

/** Rust has tests beside the code that they test. */
export const mayHoldTests = (path: string): boolean => isTestFile(path) || path.endsWith('.rs');

/** What a line of a test does, as far as its own text shows. */
type TestMarker = 'test' | 'assertion' | 'skip' | 'conditional_skip' | 'focus';

type Row = readonly [marker: TestMarker, pattern: RegExp];

/** Markers begin their line: what a test says in a string, or a rule about tests in a table, is none. */
const JAVASCRIPT: readonly Row[] = [
  ['skip', /^\s*\.(?:skip|todo|fails|failing|fixme)\s{0,4}\(\s{0,4}["'`]/],
  ['focus', /^\s*\.only\s{0,4}\(\s{0,4}["'`]/],
  ['skip', /^\s*(?:it|test|describe|suite|context|specify)\s{0,4}\[\s{0,4}["'`](?:skip|todo|fails|failing|fixme)\b/],
  ['focus', /^\s*(?:it|test|describe|suite|context|specify)\s{0,4}\[\s{0,4}["'`]only\b/],
  ['focus', /^\s*(?:it|test|describe|suite)\s{0,4}\(.{0,300}\{\s{0,4}only\s{0,4}:\s{0,4}true\b/],
  [
    'skip',
    /^\s*(?:it|test|describe|suite|Deno\.test)\s{0,4}\(.{0,300}\{\s{0,4}(?:skip|todo|ignore)\s{0,4}:\s{0,4}(?!false\b)/,
  ],
  ['skip', /^\s*(?:if\s{0,4}\(\s{0,4}(?:false|0|!1|!true)\s{0,4}\)|false\s{0,4}&&)/],
  [
    'skip',
    /^\s*(?:it|test|describe|suite|context|specify)(?:\s{0,4}\.\s{0,4}\w{1,20}){0,3}\s{0,4}\.\s{0,4}(?:skip|todo|fails|failing|fixme|ignore)\b/,
  ],
  ['skip', /^\s*x(?:it|describe|test|context|specify)\s{0,2}[(.`]/],
  ['conditional_skip', /^\s*(?:it|test|describe|suite)(?:\.\w{1,20}){0,3}\.(?:skipIf|runIf)\b/],
  ['conditional_skip', /^\s*(?:this|t|ctx|context)\.skip\(/],
  ['focus', /^\s*(?:it|test|describe|suite|context|specify)(?:\s{0,4}\.\s{0,4}\w{1,20}){0,3}\s{0,4}\.\s{0,4}only\b/],
  ['focus', /^\s*f(?:it|describe|context)\s{0,2}\(/],
  ['test', /^\s*[fx]?(?:it|test|specify)(?:\s{0,4}\.\s{0,4}\w{1,20}|\[["'`]\w{1,20}["'`]\]){0,4}\s{0,2}[(`<]/],
  [
    'assertion',
    /\b(?:expect|assert)(?:\.\w{1,30}){0,2}\s{0,2}\(|\.should\b|\bt\.(?:is|true|false|deepEqual|throws|not)\w{0,20}\(/g,
  ],
];
const PYTHON: readonly Row[] = [
  ['conditional_skip', /^\s*@(?:(?:pytest\.)?mark\.skipif|skip(?:If|Unless)|unittest\.skip(?:If|Unless))\b/],
  ['skip', /^\s*@(?:(?:pytest\.)?mark\.(?:skip|xfail)|unittest\.(?:skip|expectedFailure)|skip|expectedFailure)\b/],
  ['skip', /^\s*__test__\s{0,2}=\s{0,2}False\b|^\s*pytest\.xfail\(|^\s*if (?:False|0)\s{0,2}:/],
  ['skip', /^(?: {4}|\t)?(?:pytestmark\s{0,2}=.{0,40}\.skip\b|pytest\.skip\(|raise (?:unittest\.)?SkipTest)/],
  ['conditional_skip', /^\s*(?:pytest\.skip\(|self\.skipTest\(|raise (?:unittest\.)?SkipTest)/],
  ['test', /^\s*(?:async )?def test/],
  ['assertion', /^\s*assert\b|\bself\.assert\w{1,40}\(|\bpytest\.raises\(/g],
];
const GO: readonly Row[] = [
  ['skip', /^\/\/(?:go:build| ?\+build)\s{1,4}(?:ignore|never|false)\b/],
  ['skip', /^\t[tb]\.Skip(?:f|Now)?\(/],
  ['conditional_skip', /^\s*[tb]\.Skip(?:f|Now)?\(/],
  ['focus', /^\s*F(?:It|Describe|Context)\(/],
  ['test', /^func (?:Test|Benchmark|Fuzz|Example)\w{0,100}\(|^\s*t\.Run\(/],
  ['assertion', /\bt\.(?:Error|Fatal)f?\(|\b(?:assert|require)\.\w{1,40}\(|\bExpect\(/g],
];
const RUST: readonly Row[] = [
  ['skip', /^\s*#!?\[(?:ignore\b|cfg\((?:any\(\)|FALSE|false)\)|cfg_attr\(.{1,100}\bignore\b)/],
  ['test', /^\s*#\[(?:\w{1,30}::){0,2}(?:test|rstest)\b/],
  ['assertion', /\b(?:debug_)?assert(?:_\w{1,30})?!/g],
];
const CLASSES: readonly Row[] = [
  ['conditional_skip', /^\s*@(?:DisabledIf|DisabledOn|EnabledIf|EnabledOn)\w{0,40}|\bassume(?:True|False|That)\(/],
  ['skip', /^\s*@(?:[\w.]{1,80}\.)?(?:Disabled|Ignore)\b|^\s*\[(?:Ignore|Explicit)\b/],
  ['skip', /\[(?:Fact|Theory)\s{0,2}\(.{0,200}\bSkip\s{0,2}=|@Test\s{0,2}\(.{0,100}\benabled\s{0,2}=\s{0,2}false\b/],
  ['skip', /^\s*(?:test|group|testWidgets)\(.{0,300}\bskip:\s{0,2}(?!false\b)/],
  ['skip', /^\s*(?:\$this->|self::)markTest(?:Skipped|Incomplete)\(|^\s*(?:throw|try) XCTSkip\w{0,10}\(/],
  [
    'test',
    /^\s*@(?:Test|ParameterizedTest|RepeatedTest|TestFactory)\b|^\s*\[(?:Fact|Theory|Test|TestMethod|TestCase)\b/,
  ],
  ['test', /\bfunc(?:tion)?\s{1,4}test\w{0,100}\(|^\s*#\[Test\b/],
  [
    'assertion',
    /\bassert\w{0,40}\s{0,2}\(|\bAssert\.\w{1,40}\(|\bXCTAssert\w{0,30}\(|\bverify\(|\.should\w{0,30}\(|\bexpect\(/gi,
  ],
];
const RUBY: readonly Row[] = [
  ['skip', /^\s*x(?:it|describe|context|specify)\b|^\s*(?:skip|pending)\b/],
  ['focus', /^\s*f(?:it|describe|context)\b|\bfocus: true\b|, :focus\b/],
  ['test', /^\s*[fx]?(?:it|test|specify|scenario)\b|^\s*def test_/],
  ['assertion', /\bexpect\b|\bassert\w{0,40}\b|\brefute\w{0,40}\b/g],
];

const ELIXIR: readonly Row[] = [
  ['skip', /^\s*@(?:module)?(?:tag|describetag) (?::skip\b|skip:)/],
  ['test', /^\s*(?:test|property)\s{1,4}"/],
  ['assertion', /\b(?:assert|refute)\w{0,30}\b/g],
];
const CPP: readonly Row[] = [
  ['skip', /^\s*(?:TEST|TEST_F|TEST_P|TYPED_TEST)\s{0,2}\(.{0,120}\bDISABLED_|^\s*GTEST_SKIP\(|^\s*#\s{0,2}if 0\b/],
  ['test', /^\s*(?:TEST|TEST_F|TEST_P|TYPED_TEST|TEST_CASE|BOOST_AUTO_TEST_CASE)\s{0,2}\(/],
  [
    'assertion',
    /\b(?:EXPECT|ASSERT|CHECK|REQUIRE|BOOST_CHECK|BOOST_REQUIRE)(?:_\w{1,30})?\s{0,2}\(|\bassert\s{0,2}\(/g,
  ],
];

const LANGUAGES: readonly (readonly [extension: RegExp, rows: readonly Row[]])[] = [
  [/\.(?:[cm]?[jt]sx?|vue|svelte)$/, JAVASCRIPT],
  [/\.py$/, PYTHON],
  [/\.go$/, GO],
  [/\.rs$/, RUST],
  [/\.(?:java|kt|kts|groovy|scala|cs|fs|php|swift|dart)$/, CLASSES],
  [/\.rb$/, RUBY],
  [/\.exs?$/, ELIXIR],
  [/\.(?:c|cc|cpp)$/, CPP],
];

/** A comment says nothing, but for the constraint of a build of Go and the conditions of a C preprocessor. */
const COMMENT = /^\s*(?:\/\/(?!go:build| ?\+build)|#(?!!?\[|\s{0,2}if 0\b)|\*)/;

/** An assertion that holds whatever the program does. */
const HOLDS_ALWAYS =
  /\b(?:expect|assert)\s{0,2}\(\s{0,2}(true|1)\s{0,2}\)(?:\.(?:toBe|toEqual|to\.equal)\(\1\)|\.toBeTruthy\(\)|;|\s{0,4}$)|^\s*assert (?:True|1|1 ?== ?1)\s{0,4}(?:,|$)|\bassert_?True\s{0,2}\(\s{0,2}true\s{0,2}\)|\bassert!\(\s{0,2}true\s{0,2}\)/i;

/** A line of a test is read up to here: markers begin it. */
const LINE_LIMIT = 2_000;

type MarkerCounts = Readonly<Record<TestMarker, number>>;

interface CountedMarkers {
  readonly counts: MarkerCounts;
  /** The lines that skip or focus, with their texts. */
  readonly lines: readonly (ChangedText & { readonly marker: TestMarker })[];
}

/** Counts the tests, the assertions and what turns tests off in lines of a file. */
function countMarkers(path: string, texts: readonly ChangedText[]): CountedMarkers {
  const counts = { test: 0, assertion: 0, skip: 0, conditional_skip: 0, focus: 0 };
  const lines: (ChangedText & { readonly marker: TestMarker })[] = [];
  const rows = LANGUAGES.find(([extension]) => extension.test(path.toLowerCase()))?.[1] ?? [];
  for (const { line, text } of texts) {
    const start = text.slice(0, LINE_LIMIT);
    if (COMMENT.test(start)) continue;
    const turnsOff = rows.find(
      ([marker, pattern]) => marker !== 'test' && marker !== 'assertion' && pattern.test(start),
    );
    if (turnsOff !== undefined) {
      counts[turnsOff[0]] += 1;
      lines.push({ line, text: start.trim(), marker: turnsOff[0] });
    }
    if (rows.some(([marker, pattern]) => marker === 'test' && pattern.test(start))) counts.test += 1;
    if (HOLDS_ALWAYS.test(start)) continue;
    for (const [, pattern] of rows.filter(([marker]) => marker === 'assertion')) {
      counts.assertion += start.match(pattern)?.length ?? 0;
    }
  }
  return { counts, lines };
}

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
