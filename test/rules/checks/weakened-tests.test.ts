import { expect, test } from 'vitest';
import { findingsOf } from '../written-patches.js';

const only = (files: Parameters<typeof findingsOf>[1], more = {}) => findingsOf('weakened_tests', files, more);

test.each([
  ['test/a.test.ts', "-it('adds', () => {", "+it.skip('adds', () => {"],
  ['test/a.test.ts', "-test('adds', () => {", "+xtest('adds', () => {"],
  ['src/a.spec.js', "-describe('sum', () => {", "+describe.skip('sum', () => {"],
  ['tests/test_a.py', ' def test_a():', '+@pytest.mark.skip(reason="later")'],
  ['tests/test_a.py', ' def test_a():', '+    @unittest.skip("later")'],
  ['pkg/a_test.go', ' func TestA(t *testing.T) {', '+\tt.Skip("later")'],
  ['src/lib.rs', ' #[test]', '+#[ignore]'],
  ['src/test/java/ATest.java', ' @Test', '+    @Disabled("later")'],
  ['spec/a_spec.rb', "-it 'adds' do", "+xit 'adds' do"],
  ['Tests/ATest.php', ' public function testA()', '+        $this->markTestSkipped();'],
  ['test/a.test.ts', "-it('adds', () => {", "+it . skip ('adds', () => {"],
  ['test/a.test.ts', ' it', "+  .skip('adds', () => {"],
  ['test/a.test.ts', "-it('adds', () => {", "+it['skip']('adds', () => {"],
  ['test/a.test.mjs', "-test('adds', () => {", "+test('adds', { skip: true }, () => {"],
  ['test/a.test.ts', " it('adds', () => {", '+  if (false) {'],
  ['tests/test_a.py', ' def test_a():', '+@mark.skip(reason="later")'],
  ['tests/test_a.py', ' class TestA:', '+    __test__ = False'],
  ['pkg/a_test.go', ' package a', '+//go:build ignore'],
  ['src/lib.rs', ' mod tests {', '+#[cfg(any())]'],
  ['src/test/java/ATest.java', ' @Test', '+    @org.junit.jupiter.api.Disabled'],
  ['src/test/java/ATest.java', '-@Test', '+@Test(enabled = false)'],
  ['Tests/ATest.cs', '-[Fact]', '+[Fact(DisplayName = "a", Skip = "later")]'],
  ['Tests/ATests.swift', ' func testA() throws {', '+    try XCTSkipIf(true)'],
  ['test/a_test.exs', ' test "a" do', '+  @tag :skip'],
  ['tests/a_test.cpp', '-TEST(Sum, Adds) {', '+TEST(Sum, DISABLED_Adds) {'],
])('weakened_tests: a test of %s that is skipped is named (%#)', (path, before, after) => {
  expect(only({ [path]: [before, after] })).toMatchObject([
    { severity: 'high', blocking: false, path, line: expect.any(Number) },
  ]);
});

test.each([
  ['test/a.test.ts', "-it('adds', () => {", "+it.only('adds', () => {"],
  ['test/a.test.ts', "-describe('sum', () => {", "+fdescribe('sum', () => {"],
  ['spec/a_spec.rb', "-it 'adds' do", "+fit 'adds' do"],
  ['test/a.test.ts', ' it', "+  .only('adds', () => {"],
  ['test/a.test.ts', "-it('adds', () => {", "+it[`only`]('adds', () => {"],
  ['test/a.test.ts', "-it('adds', () => {", "+it('adds', { only: true }, () => {"],
])('weakened_tests: a test of %s that is run alone is named (%#)', (path, before, after) => {
  expect(only({ [path]: [before, after] })).toMatchObject([
    { severity: 'high', message: expect.stringContaining('run alone') },
  ]);
});

test('weakened_tests: a deleted test file is named with its tests, and one that moved has a low severity', () => {
  const body = ["-it('adds', () => {", '-  expect(1).toBe(1);', '-});'];
  expect(only({ 'test/a.test.ts': { status: 'deleted', hunks: [body] } })).toMatchObject([
    { severity: 'high', message: 'The patch deletes the test file test/a.test.ts with 1 test.' },
  ]);
  const moved = { status: 'added' as const, hunks: [body.map((line) => line.replace('-', '+'))] };
  expect(only({ 'test/a.test.ts': { status: 'deleted', hunks: [body] }, 'test/b.test.ts': moved })).toMatchObject([
    { severity: 'low' },
  ]);
});

test('weakened_tests: a test file that is renamed to something else is named', () => {
  expect(only({ 'src/a.txt': { from: 'src/a.test.ts', hunks: [] } })).toMatchObject([
    { severity: 'high', message: expect.stringContaining('no test runner takes for a test') },
  ]);
  expect(only({ 'src/b.test.ts': { from: 'src/a.test.ts', hunks: [] } })).toEqual([]);
});

test('weakened_tests: what the policy protects is left to its rule', () => {
  const files = { 'test/a.test.ts': { status: 'deleted' as const, hunks: [["-it('a', f);"]] } };
  expect(only(files, { protected_tests: ['test/**'] })).toEqual([]);
});

test('weakened_tests: fewer tests, else fewer assertions, are named with both counts', () => {
  expect(only({ 'test/a.test.ts': ["-it('a', f);", "-it('b', f);", "+it('c', f);"] })).toMatchObject([
    { severity: 'high', message: 'The patch removes 2 tests from test/a.test.ts and adds 1.' },
  ]);
  expect(only({ 'tests/test_a.py': ['-    assert a', '-    assert b', '+    assert a or b'] })).toMatchObject([
    { severity: 'medium', message: 'The patch removes 2 assertions from tests/test_a.py and adds 1.' },
  ]);
});

test.each([
  ['test/a.test.ts', '-  expect(sum(1, 2)).toBe(3);', '+  expect(true).toBe(true);'],
  ['tests/test_a.py', '-    assert total() == 3', '+    assert True'],
  ['src/test/java/ATest.java', '-assertEquals(3, sum());', '+assertTrue(true);'],
  ['src/lib.rs', '-assert_eq!(sum(), 3);', '+assert!(true);'],
])('weakened_tests: an assertion of %s that always holds takes the place of none', (path, before, after) => {
  expect(only({ [path]: [before, after] })).toMatchObject([
    { severity: 'medium', message: `The patch removes 1 assertion from ${path} and adds 0.` },
  ]);
});

test('weakened_tests: a comment that begins above tests turns them off', () => {
  const lines = ['+/*', " it('a', () => {", '   expect(sum()).toBe(3);', ' });', '+*/'];
  expect(only({ 'test/a.test.ts': lines })).toMatchObject([
    { severity: 'high', line: 1, message: expect.stringContaining('is commented out') },
  ]);
  const said = ['+/* What a test is for.', '+ * More of it.', '+ */', " it('a', () => {"];
  expect(only({ 'test/a.test.ts': said })).toEqual([]);
  expect(only({ 'test/a.test.ts': ['+/**', '  * A word.', "+it('b', f);"] })).toEqual([]);
});

test('weakened_tests: rewritten snapshots are named, new ones are not', () => {
  expect(only({ 'test/__snapshots__/a.test.ts.snap': ['-old', '+new'] })).toMatchObject([{ severity: 'medium' }]);
  expect(only({ 'a.snap': { status: 'added', hunks: [['+new']] } })).toEqual([]);
});

test.each([
  ['a new test', { 'test/a.test.ts': ["+it('a', () => {", '+  expect(a).toBe(1);', '+});'] }],
  ['a new test on one platform', { 'test/a.test.ts': ["+test.runIf(linux)('a', () => {});", "+test('b', f);"] }],
  ['another title', { 'test/a.test.ts': ["-it('a', f);", "+it('b', f);"] }],
  ['a string with the word', { 'test/a.test.ts': ["+  ['it.skip(1)', 'a test that is skipped'],"] }],
  ['a comment', { 'test/a.test.ts': ['+// it.skip is refused'] }],
  ['a query in a test', { 'test/a.test.ts': ['+  .skip(10)', '+  .only(fields)'] }],
  ['a list method', { 'src/list.ts': ['+list.skip(1).only(2);'] }],
  ['a skip that goes', { 'test/a.test.ts': ["-it.skip('a', f);", "+it('a', f);"] }],
  ['a deleted source file', { 'src/a.ts': { status: 'deleted' as const, hunks: [['-assert(a);']] } }],
])('weakened_tests: %s is fine', (_, files) => {
  expect(only(files)).toEqual([]);
});
