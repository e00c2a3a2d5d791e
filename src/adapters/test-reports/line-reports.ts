import { type FinalResults, Parser } from 'tap-parser';
import type { TestCounts } from '../../contracts/gate-outputs.js';
import { isRecord, parseJson, readJson } from '../../contracts/json.js';
import { countOutcomes, type TestOutcome } from './outcomes.js';

const GO_ACTIONS: Readonly<Record<string, TestOutcome>> = { pass: 'passed', fail: 'failed', skip: 'skipped' };

/** What a build prints between the events is no event. */
function parseLine(line: string): Readonly<Record<string, unknown>> {
  const value = readJson(line);
  return isRecord(value) ? value : {};
}

/** Counts the events of `go test -json` that end a test; packages end with events without a test's name. */
export function countGoTestJson(text: string): TestCounts {
  const outcomes = text.split('\n').flatMap((line) => {
    const { Action: action, Test: name } = parseLine(line);
    if (typeof action !== 'string' || typeof name !== 'string' || !Object.hasOwn(GO_ACTIONS, action)) return [];
    return GO_ACTIONS[action] ?? [];
  });
  return countOutcomes(outcomes);
}

const LIBTEST_SUMMARY = /^test result: (?:ok|FAILED)\. (\d{1,9}) passed; (\d{1,9}) failed; (\d{1,9}) ignored;/gm;

/** Adds up libtest's summary lines: one for each test binary that ran to its end. */
export function countCargo(text: string): TestCounts {
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
export function countTap(text: string): TestCounts {
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
export function countJestJson(text: string): TestCounts {
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
