import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type ReadReport, readTestReport } from '../../../src/adapters/checks/test-report.js';
import type { TestReport } from '../../../src/contracts/policy/policy-checks.js';

/** A folder with these files, which goes at the end of the test. */
export async function folderWith(files: Readonly<Record<string, string>> = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'promptos-report-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

/** Reads a text as what a check printed. */
export const readPrinted = (format: TestReport['format'], text: string): Promise<ReadReport> =>
  readTestReport('/', { format }, new TextEncoder().encode(text));
