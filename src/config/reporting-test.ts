import type { TestReport } from '../contracts/policy.js';

/** Where checks of first policies write their reports: in the checkout, at a path that no tree has. */
export const REPORT_FILE = 'promptos-test-report.xml';
const JSON_REPORT_FILE = 'promptos-test-report.json';

/** A test command that reports its tests. */
interface ReportingTest {
  /** For `sh -c`. */
  readonly command: string;
  readonly report: TestReport;
}

/**
 * How the `test` script of a package.json is made to report its tests, when the runner is known: node's by its
 * variables, vitest and jest by arguments, which reach the last command of the script.
 * @param run the command of the package manager, such as `npm test`
 */
export function reportingTest(script: string, run: readonly string[]): ReportingTest | null {
  const command = run.join(' ');
  const last = script.split(/&&|\|\||;|\|/).at(-1) ?? '';
  if (/(?:^|[\s;&])node\s(?:[^&|;]*\s)?--test(?:\s|$)/.test(script)) {
    const options = `--test-reporter=junit --test-reporter-destination=${REPORT_FILE}`;
    return { command: `NODE_OPTIONS="${options}" ${command}`, report: { format: 'node', path: REPORT_FILE } };
  }
  // Only npm keeps arguments for itself unless `--` comes first.
  const withArguments = run[0] === 'npm' ? `${command} --` : command;
  const runner = /^\s*(?:\w+=\S*\s+)*(?:npx\s+|cross-env\s+(?:\w+=\S*\s+)*)?(vitest|jest)(?:\s|$)/.exec(last)?.[1];
  if (runner === 'vitest') {
    const reporters = `--reporter=default --reporter=junit --outputFile.junit=${REPORT_FILE}`;
    return { command: `${withArguments} ${reporters}`, report: { format: 'junit', path: REPORT_FILE } };
  }
  if (runner === 'jest') {
    const report: TestReport = { format: 'jest-json', path: JSON_REPORT_FILE };
    return { command: `${withArguments} --json --outputFile=${JSON_REPORT_FILE}`, report };
  }
  return null;
}
