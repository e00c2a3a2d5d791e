import { constants } from 'node:fs';
import { lstat, open, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { TestCounts } from '../../contracts/gate-outputs.js';
import type { TestReport } from '../../contracts/policy.js';
import { counted } from '../../contracts/sentences.js';
import { countJunit } from './junit.js';
import { countCargo, countGoTestJson, countJestJson, countTap } from './line-reports.js';

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
export async function readTestReport(directory: string, report: TestReport, stdout: Uint8Array): Promise<ReadReport> {
  try {
    const bytes = report.path === undefined ? stdout : await readReportFile(directory, report.path);
    if (bytes.byteLength > MAX_REPORT_BYTES)
      throw new Error(`it has ${counted(bytes.byteLength, 'byte')}, ${MAX_REPORT_BYTES} at most`);
    return { ok: true, tests: COUNTERS[report.format](new TextDecoder().decode(bytes)) };
  } catch (error) {
    // The report comes from a program that may be hostile: whatever a parser makes of it is no fault of the engine's.
    const why = error instanceof Error ? error.message : String(error);
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
