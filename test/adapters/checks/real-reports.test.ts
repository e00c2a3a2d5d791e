import { readFile, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { readTestReport } from '../../../src/adapters/checks/test-report.js';
import type { TestReport } from '../../../src/contracts/policy/policy-checks.js';
import { folderWith, readPrinted } from './report-files.js';

const runs = (program: string, ...args: readonly string[]): Promise<boolean> =>
  execa(program, args, { reject: false, extendEnv: true }).then(({ exitCode }) => exitCode === 0);

const PYTEST = await runs('python3', '-m', 'pytest', '--version');
const GO = await runs('go', 'version');
const CARGO = await runs('cargo', '--version');

/** Runs a suite of which one test fails, and reads what it reported. */
async function reported(files: Readonly<Record<string, string>>, argv: readonly string[], report: TestReport) {
  const directory = await folderWith(files);
  const [program = '', ...args] = argv;
  // The variables of this test run would make node's runner report to its parent.
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined, NODE_OPTIONS: undefined, VITEST: undefined };
  const result = await execa(program, args, { cwd: directory, reject: false, env, extendEnv: false, timeout: 120_000 });
  expect(result.exitCode).not.toBe(0);
  return readTestReport(directory, report, new TextEncoder().encode(result.stdout));
}

const counts = (passed: number, failed: number, skipped: number) => ({
  ok: true,
  tests: { executed: passed + failed, passed, failed, skipped },
});

const NODE_SUITE = `
const { test, describe, it } = require('node:test');
test('adds', () => {});
test('fails', () => { throw new Error('no'); });
test('later', { skip: true }, () => {});
test('some day', { todo: true }, () => {});
describe('parent', () => { it('a', () => {}); it('b', () => {}); });
`;
const NODE_FILES = { 'a.test.js': NODE_SUITE, 'empty.test.js': '', 'early.test.js': `process.exit(0);${NODE_SUITE}` };

test('node --test, junit: files in which no test ran are not counted', async () => {
  const argv = [process.execPath, '--test', '--test-reporter=junit', '--test-reporter-destination=r.xml'];
  expect(await reported(NODE_FILES, argv, { format: 'node', path: 'r.xml' })).toEqual(counts(3, 1, 2));
});

test('node --test, tap: the innermost points are counted', async () => {
  const argv = [process.execPath, '--test', '--test-reporter=tap', 'a.test.js'];
  expect(await reported({ 'a.test.js': NODE_SUITE }, argv, { format: 'tap' })).toEqual(counts(3, 1, 2));
});

const PYTHON_SUITE = `
import pytest
@pytest.mark.parametrize('n', [1, 2])
def test_a(n): pass
def test_b(): assert False, '<failure> & ]]>'
@pytest.mark.skip
def test_c(): pass
@pytest.mark.xfail
def test_d(): assert False
@pytest.fixture
def broken(): raise ValueError('no')
def test_e(broken): pass
`;

test.skipIf(!PYTEST)('pytest, junit: skipped and expected failures did not run, an error is a failure', async () => {
  const argv = ['python3', '-m', 'pytest', '--junitxml=r.xml'];
  expect(await reported({ 'test_a.py': PYTHON_SUITE }, argv, { format: 'junit', path: 'r.xml' })).toEqual(
    counts(2, 2, 2),
  );
});

const GO_SUITE = `package x
import ("fmt"; "testing")
func TestA(t *testing.T) {
	fmt.Println("{\\"Action\\":\\"pass\\",\\"Test\\":\\"Printed\\"}")
	t.Run("one", func(t *testing.T) {})
	t.Run("two", func(t *testing.T) {})
}
func TestB(t *testing.T) { t.Skip("later") }
func TestC(t *testing.T) { t.Error("wrong") }
`;

test.skipIf(!GO)('go test -json: what a test prints is no event', async () => {
  const files = { 'go.mod': 'module x\n\ngo 1.20\n', 'a_test.go': GO_SUITE };
  expect(await reported(files, ['go', 'test', '-json', './...'], { format: 'go-test-json' })).toEqual(counts(3, 1, 1));
});

const RUST_SUITE = `
#[test] fn a() { println!("test result: ok. 99 passed; 0 failed; 0 ignored; 0 measured"); }
#[test] fn b() { assert!(false) }
#[test] #[ignore] fn c() {}
`;

test.skipIf(!CARGO)('cargo test: the summary is counted', async () => {
  const manifest = '[package]\nname = "x"\nversion = "0.1.0"\nedition = "2021"\n[lib]\npath = "lib.rs"\n';
  const files = { 'Cargo.toml': manifest, 'lib.rs': RUST_SUITE };
  expect(await reported(files, ['cargo', 'test', '--offline'], { format: 'cargo' })).toEqual(counts(1, 1, 1));
});

test('cargo test: the summaries of all test binaries are added up, and a doctest without tests counts none', async () => {
  const summary = (passed: number, failed: number, ignored: number) =>
    `test result: ok. ${passed} passed; ${failed} failed; ${ignored} ignored; 0 measured; 0 filtered out; finished in 0.00s`;
  const text = ['running 3 tests', summary(3, 0, 1), '', 'running 2 tests', summary(2, 0, 0), summary(0, 0, 0)];
  expect(await readPrinted('cargo', text.join('\n'))).toEqual(counts(5, 0, 1));
});

const VITEST_SUITE = `
import { describe, expect, it } from 'vitest';
describe('parent', () => { it('a', () => {}); it('b', () => expect(1).toBe(2)); it.skip('c', () => {}); it.todo('d'); });
it.each([1, 2])('e %i', () => {});
`;

test.each([
  ['json', { format: 'jest-json', path: 'r.out' }],
  ['junit', { format: 'junit', path: 'r.out' }],
] as const)('vitest, %s: each case is counted', async (reporter, report) => {
  const argv = [resolve('node_modules/.bin/vitest'), 'run', `--reporter=${reporter}`, '--outputFile=r.out'];
  const files = { 'a.test.mjs': VITEST_SUITE, 'vitest.config.mjs': `export default { cacheDir: '.cache' };` };
  const directory = await folderWith(files);
  // The suite imports vitest by its name, which is found from the folder of this project alone.
  await symlink(resolve('node_modules'), join(directory, 'node_modules'));
  const [program = '', ...args] = argv;
  const result = await execa(program, args, { cwd: directory, reject: false, timeout: 120_000 });
  expect(result.exitCode).toBe(1);
  expect(await readFile(join(directory, 'r.out'), 'utf8')).toContain('parent');
  expect(await readTestReport(directory, report, new Uint8Array())).toEqual(counts(3, 1, 2));
});
