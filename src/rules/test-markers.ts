import type { ChangedText } from './file-changes.js';

/** What a line of a test does, as far as its own text shows. */
export type TestMarker = 'test' | 'assertion' | 'skip' | 'conditional_skip' | 'focus';

type Row = readonly [marker: TestMarker, pattern: RegExp];

/** Markers begin their line: what a test says in a string, or a rule about tests in a table, is none. */
const JAVASCRIPT: readonly Row[] = [
  ['skip', /^\s*(?:it|test|describe|suite|context|specify)(?:\.\w{1,20}){0,3}\.(?:skip|todo|fails|failing|fixme)\b/],
  ['skip', /^\s*x(?:it|describe|test|context|specify)\s{0,2}[(.`]/],
  ['conditional_skip', /^\s*(?:it|test|describe|suite)(?:\.\w{1,20}){0,3}\.(?:skipIf|runIf)\b/],
  ['conditional_skip', /^\s*(?:this|t|ctx|context)\.skip\(/],
  ['focus', /^\s*(?:it|test|describe|suite|context|specify)(?:\.\w{1,20}){0,3}\.only\b/],
  ['focus', /^\s*f(?:it|describe|context)\s{0,2}\(/],
  ['test', /^\s*[fx]?(?:it|test|specify)(?:\.\w{1,20}){0,4}\s{0,2}[(`<]/],
  [
    'assertion',
    /\b(?:expect|assert)(?:\.\w{1,30}){0,2}\s{0,2}\(|\.should\b|\bt\.(?:is|true|false|deepEqual|throws|not)\w{0,20}\(/g,
  ],
];
const PYTHON: readonly Row[] = [
  ['conditional_skip', /^\s*@(?:pytest\.mark\.skipif|unittest\.skip(?:If|Unless))\b/],
  ['skip', /^\s*@(?:pytest\.mark\.(?:skip|xfail)|unittest\.(?:skip|expectedFailure)|skip)\b/],
  ['skip', /^(?: {4}|\t)?(?:pytestmark\s{0,2}=.{0,40}\.skip\b|pytest\.skip\(|raise (?:unittest\.)?SkipTest)/],
  ['conditional_skip', /^\s*(?:pytest\.skip\(|self\.skipTest\(|raise (?:unittest\.)?SkipTest)/],
  ['test', /^\s*(?:async )?def test/],
  ['assertion', /^\s*assert\b|\bself\.assert\w{1,40}\(|\bpytest\.raises\(/g],
];
const GO: readonly Row[] = [
  ['skip', /^\t[tb]\.Skip(?:f|Now)?\(/],
  ['conditional_skip', /^\s*[tb]\.Skip(?:f|Now)?\(/],
  ['focus', /^\s*F(?:It|Describe|Context)\(/],
  ['test', /^func (?:Test|Benchmark|Fuzz|Example)\w{0,100}\(|^\s*t\.Run\(/],
  ['assertion', /\bt\.(?:Error|Fatal)f?\(|\b(?:assert|require)\.\w{1,40}\(|\bExpect\(/g],
];
const RUST: readonly Row[] = [
  ['skip', /^\s*#\[ignore\b/],
  ['test', /^\s*#\[(?:\w{1,30}::){0,2}(?:test|rstest)\b/],
  ['assertion', /\b(?:debug_)?assert(?:_\w{1,30})?!/g],
];
const CLASSES: readonly Row[] = [
  ['conditional_skip', /^\s*@(?:DisabledIf|DisabledOn|EnabledIf|EnabledOn)\w{0,40}|\bassume(?:True|False|That)\(/],
  ['skip', /^\s*@(?:Disabled|Ignore)\b|^\s*\[(?:Ignore|Explicit)\b|\[(?:Fact|Theory)\s{0,2}\(\s{0,2}Skip\b/],
  ['skip', /^\s*(?:\$this->|self::)markTest(?:Skipped|Incomplete)\(|^\s*throw XCTSkip\(/],
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

const LANGUAGES: readonly (readonly [extension: RegExp, rows: readonly Row[]])[] = [
  [/\.(?:[cm]?[jt]sx?|vue|svelte)$/, JAVASCRIPT],
  [/\.py$/, PYTHON],
  [/\.go$/, GO],
  [/\.rs$/, RUST],
  [/\.(?:java|kt|kts|groovy|scala|cs|fs|php|swift|dart)$/, CLASSES],
  [/\.rb$/, RUBY],
];

/** A line of a test is read up to here: markers begin it. */
const LINE_LIMIT = 2_000;

type MarkerCounts = Readonly<Record<TestMarker, number>>;

export interface CountedMarkers {
  readonly counts: MarkerCounts;
  /** The lines that skip or focus, with their texts. */
  readonly lines: readonly (ChangedText & { readonly marker: TestMarker })[];
}

/** Counts the tests, the assertions and what turns tests off in lines of a file. */
export function countMarkers(path: string, texts: readonly ChangedText[]): CountedMarkers {
  const counts = { test: 0, assertion: 0, skip: 0, conditional_skip: 0, focus: 0 };
  const lines: (ChangedText & { readonly marker: TestMarker })[] = [];
  const rows = LANGUAGES.find(([extension]) => extension.test(path.toLowerCase()))?.[1] ?? [];
  for (const { line, text } of texts) {
    const start = text.slice(0, LINE_LIMIT);
    if (/^\s*(?:\/\/|#(?!\[)|\*)/.test(start)) continue;
    const turnsOff = rows.find(
      ([marker, pattern]) => marker !== 'test' && marker !== 'assertion' && pattern.test(start),
    );
    if (turnsOff !== undefined) {
      counts[turnsOff[0]] += 1;
      lines.push({ line, text: start.trim(), marker: turnsOff[0] });
    }
    if (rows.some(([marker, pattern]) => marker === 'test' && pattern.test(start))) counts.test += 1;
    for (const [, pattern] of rows.filter(([marker]) => marker === 'assertion')) {
      counts.assertion += start.match(pattern)?.length ?? 0;
    }
  }
  return { counts, lines };
}
