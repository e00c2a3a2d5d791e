import type { ChangedText } from '../patch/file-changes.js';

/** What a line of a test does, as far as its own text shows. */
export type TestMarker = 'test' | 'assertion' | 'skip' | 'conditional_skip' | 'focus';

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
