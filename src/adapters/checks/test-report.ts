import { constants } from 'node:fs';
import { lstat, open, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { type FinalResults, Parser } from 'tap-parser';
import type { TestCounts } from '../../contracts/answers/gate-outputs.js';
import { messageOf } from '../../contracts/errors.js';
import { isRecord, parseJson, readJson } from '../../contracts/json.js';
import { type Content, wholeOf } from '../../contracts/long-bytes.js';
import type { TestReport } from '../../contracts/policy/policy-checks.js';
import { counted } from '../../contracts/sentences.js';

/** Larger reports are not parsed: some 100,000 test cases fit. */
const MAX_REPORT_BYTES = 32 * 1_024 * 1_024;

export type ReadReport =
  | { readonly ok: true; readonly tests: TestCounts }
  | { readonly ok: false; readonly problem: string };

const COUNTERS: Readonly<Record<TestReport['format'], (text: string) => TestCounts>> = {
  junit: (text) => countJunit(text, { filesAreTests: true }),
  node: (text) => countJunit(text, { filesAreTests: false }),
  tap: countTap,
  'go-test-json': countGoTestJson,
  cargo: countCargo,
  'jest-json': countJestJson,
};

/**
 * Why a check cannot be trusted to write its report, or null when it can: a file that is there before the check runs
 * would be the work's own word about its tests.
 */
export async function reportIsThere(directory: string, { path }: TestReport): Promise<string | null> {
  if (path === undefined) return null;
  const there = await lstat(join(directory, path)).catch(() => null);
  return there === null
    ? null
    : `its report "${path}" is in the tree before the check runs, so the check proves nothing`;
}

/** Takes the counts from a check's report: the file that it wrote in its checkout, or what it printed. */
export async function readTestReport(directory: string, report: TestReport, stdout: Content): Promise<ReadReport> {
  try {
    const bytes = report.path === undefined ? stdout : await readReportFile(directory, report.path);
    if (bytes.byteLength > MAX_REPORT_BYTES)
      throw new Error(`it has ${counted(bytes.byteLength, 'byte')}, ${MAX_REPORT_BYTES} at most`);
    return { ok: true, tests: COUNTERS[report.format](new TextDecoder().decode(await wholeOf(bytes))) };
  } catch (error) {
    // The report comes from a program that may be hostile: whatever a parser makes of it is no fault of the engine's.
    const why = messageOf(error);
    const name = report.path === undefined ? 'on its standard output' : `"${report.path}"`;
    return { ok: false, problem: `its ${report.format} report ${name} cannot be counted: ${why}` };
  }
}

async function readReportFile(directory: string, path: string): Promise<Uint8Array> {
  const folder = join(directory, dirname(path));
  // A folder on the way that is a link would lead out of the checkout.
  const real = await realpath(folder).catch(() => null);
  if (real === null) throw new Error('it is missing');
  if (real !== join(await realpath(directory), dirname(path))) throw new Error('a folder on its path is a link');
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(join(directory, path), flags).catch(() => null);
  if (file === null) throw new Error('it is missing, or a link');
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw new Error('it is not a file');
    if (stat.size > MAX_REPORT_BYTES)
      throw new Error(`it has ${counted(stat.size, 'byte')}, ${MAX_REPORT_BYTES} at most`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

type TestOutcome = 'passed' | 'failed' | 'skipped';

function countOutcomes(outcomes: readonly TestOutcome[]): TestCounts {
  const count = (wanted: TestOutcome): number => outcomes.filter((outcome) => outcome === wanted).length;
  const [passed, failed, skipped] = [count('passed'), count('failed'), count('skipped')];
  return { executed: passed + failed, passed, failed, skipped };
}

/** Elements in order, so that suites of any depth are walked without knowing the writer's layout. */
const PARSER = new XMLParser({ preserveOrder: true, ignoreAttributes: false, processEntities: false });
/** No report needs a document type, and one may define entities that grow or name files. */
const DOCUMENT_TYPE = /<!(?:DOCTYPE|ENTITY)/i;
const SCRIPT_NAME = /\.[cm]?[jt]sx?$/;

type Element = Readonly<Record<string, unknown>>;

const childrenOf = (element: Element, name: string): readonly Element[] => {
  const children = element[name];
  return Array.isArray(children) ? (children as Element[]) : [];
};

const has = (children: readonly Element[], ...names: readonly string[]): boolean =>
  children.some((child) => names.some((name) => Object.hasOwn(child, name)));

function outcomeOf(children: readonly Element[]): TestOutcome {
  if (has(children, 'failure', 'error')) return 'failed';
  return has(children, 'skipped') ? 'skipped' : 'passed';
}

/** Node's runner reports a test file in which no test ran as a test that is named like the file and passed. */
function isFileItself(element: Element): boolean {
  const attributes = element[':@'];
  if (attributes === null || typeof attributes !== 'object') return false;
  const name: unknown = (attributes as Element)['@_name'];
  return typeof name === 'string' && SCRIPT_NAME.test(name);
}

/**
 * Counts the test cases of a JUnit XML report.
 * @throws Error when the text is no such report
 */
function countJunit(text: string, options: { readonly filesAreTests: boolean }): TestCounts {
  if (DOCUMENT_TYPE.test(text)) throw new Error('it declares a document type or entities');
  const valid = XMLValidator.validate(text);
  if (valid !== true) throw new Error(`it is not well-formed XML: ${valid.err.msg}`);
  const roots = PARSER.parse(text) as Element[];
  if (!has(roots, 'testsuites', 'testsuite')) throw new Error('it has neither <testsuites> nor <testsuite>');
  const outcomes: TestOutcome[] = [];
  const open: Element[] = [...roots];
  for (let element = open.pop(); element !== undefined; element = open.pop()) {
    if (Object.hasOwn(element, 'testcase')) {
      if (options.filesAreTests || !isFileItself(element)) outcomes.push(outcomeOf(childrenOf(element, 'testcase')));
      continue;
    }
    // One by one: a suite may have more children than a call may have arguments.
    for (const name of ['testsuites', 'testsuite']) for (const child of childrenOf(element, name)) open.push(child);
  }
  return countOutcomes(outcomes);
}

const GO_ACTIONS: Readonly<Record<string, TestOutcome>> = { pass: 'passed', fail: 'failed', skip: 'skipped' };

/** What a build prints between the events is no event. */
function parseLine(line: string): Readonly<Record<string, unknown>> {
  const value = readJson(line);
  return isRecord(value) ? value : {};
}

/** Counts the events of `go test -json` that end a test; packages end with events without a test's name. */
function countGoTestJson(text: string): TestCounts {
  const outcomes = text.split('\n').flatMap((line) => {
    const { Action: action, Test: name } = parseLine(line);
    if (typeof action !== 'string' || typeof name !== 'string' || !Object.hasOwn(GO_ACTIONS, action)) return [];
    return GO_ACTIONS[action] ?? [];
  });
  return countOutcomes(outcomes);
}

const LIBTEST_SUMMARY = /^test result: (?:ok|FAILED)\. (\d{1,9}) passed; (\d{1,9}) failed; (\d{1,9}) ignored;/gm;

/** Adds up libtest's summary lines: one for each test binary that ran to its end. */
function countCargo(text: string): TestCounts {
  const summaries = [...text.matchAll(LIBTEST_SUMMARY)];
  if (summaries.length === 0) throw new Error('it has no line that begins with "test result:"');
  const sum = (group: number): number => summaries.reduce((total, match) => total + Number(match[group]), 0);
  const [passed, failed, skipped] = [sum(1), sum(2), sum(3)];
  return { executed: passed + failed, passed, failed, skipped };
}

/** Streams within streams; the parser's time grows with the square of their depth. */
const MAX_TAP_DEPTH = 64;

/**
 * Counts the innermost points of a TAP stream.
 * @throws Error when the stream has no plan, breaks it, bails out, or is nested too deeply
 */
function countTap(text: string): TestCounts {
  const outcomes: TestOutcome[] = [];
  let planned = false;
  const follow = (parser: Parser): void => {
    if (parser.level > MAX_TAP_DEPTH) throw new Error(`its streams are nested more than ${MAX_TAP_DEPTH} deep`);
    parser.on('child', follow);
    parser.on('plan', () => {
      planned = true;
    });
    // A point that sums up the stream below it would count its tests twice.
    let subtest = false;
    parser.on('child', () => {
      subtest = true;
    });
    parser.on('assert', ({ ok, skip, todo }) => {
      const sumsUp = subtest;
      subtest = false;
      if (sumsUp) return;
      outcomes.push(skip || todo ? 'skipped' : ok ? 'passed' : 'failed');
    });
    parser.on('complete', ({ bailout, failures }: FinalResults) => {
      if (bailout !== false) throw new Error('it bails out');
      // Fewer points than planned are what a program that ended early leaves.
      const problem = failures.find(({ tapError }) => typeof tapError === 'string')?.tapError;
      if (problem !== undefined) throw new Error(`it is not complete: ${problem}`);
    });
  };
  const parser = new Parser();
  follow(parser);
  parser.end(text);
  if (!planned) throw new Error('it has no plan such as "1..3"');
  return countOutcomes(outcomes);
}

const JEST_STATUSES: Readonly<Record<string, TestOutcome>> = { passed: 'passed', failed: 'failed' };

const listAt = (value: unknown, key: string): readonly unknown[] => {
  const list = isRecord(value) ? value[key] : undefined;
  return Array.isArray(list) ? list : [];
};

/** Counts the assertion results of the JSON that `jest --json` and vitest's json reporter write. */
function countJestJson(text: string): TestCounts {
  const report = parseJson(text);
  if (!isRecord(report) || !Object.hasOwn(report, 'testResults')) {
    throw new Error('it has no "testResults"');
  }
  const outcomes = listAt(report, 'testResults').flatMap((file) =>
    listAt(file, 'assertionResults').map((result): TestOutcome => {
      const status = (result as { readonly status?: unknown } | null)?.status;
      return typeof status === 'string' && Object.hasOwn(JEST_STATUSES, status)
        ? (JEST_STATUSES[status] ?? 'skipped')
        : 'skipped';
    }),
  );
  return countOutcomes(outcomes);
}
