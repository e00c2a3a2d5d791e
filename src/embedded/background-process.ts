import { type FileHandle, open, readFile, rename, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { replaceFileSync } from '../adapters/platform/durable-files.js';
import { isRunning, type ProcessIdentity, processStarted } from '../adapters/platform/process-identity.js';
import { PromptOsError } from '../contracts/errors.js';
import { prettyJson, readJsonAs } from '../contracts/json.js';

/** The fields that every state file of a process in the background has. */
export const backgroundProcessSchema = z.object({
  pid: z.int().positive(),
  process_started: z.string().min(1),
  /** For people; the identity is `process_started`. */
  started_at: z.iso.datetime(),
  log: z.string().describe('absolute path of the log file'),
});
export type BackgroundProcess = z.infer<typeof backgroundProcessSchema>;

const POLL_MS = 50;
const KILL_TIMEOUT_MS = 5_000;

/**
 * Records a process that was just started, so that other commands find it: synchronously, since a starter that is killed in
 * between would leave a process without a record.
 * @param file the state file; it appears whole or not at all.
 * @returns what was written, or null when the process has ended already.
 */
export function recordProcess<Details extends object>(
  file: string,
  { pid, log, ...details }: Details & { readonly pid: number; readonly log: string },
): (BackgroundProcess & Omit<Details, 'pid' | 'log'>) | null {
  const process_started = processStarted(pid);
  if (process_started === null) return null;
  const record = { pid, process_started, started_at: new Date().toISOString(), log, ...details };
  // The group of a shared folder may read it; a folder that is not shared admits no other user.
  replaceFileSync({ path: file, text: prettyJson(record), mode: 0o640 });
  return record;
}

/** What a state file says, whether or not that process still runs; null when there is none that can be read. */
export async function readRecord<Record>(file: string, schema: z.ZodType<Record>): Promise<Record | null> {
  const text = await readFile(file, 'utf8').catch(() => null);
  return text === null ? null : readJsonAs(schema, text);
}

/** The process of a state file, or null when it has ended. */
export async function findProcess<Record extends ProcessIdentity>(
  file: string,
  schema: z.ZodType<Record>,
): Promise<Record | null> {
  const record = await readRecord(file, schema);
  return record !== null && isRunning(record) ? record : null;
}

async function ended(process: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (isRunning(process)) {
    if (performance.now() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

function send(target: ProcessIdentity, signal: NodeJS.Signals): void {
  try {
    if (isRunning(target)) process.kill(target.pid, signal);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ESRCH') return;
    throw new PromptOsError('PROCESS_NOT_STOPPED', `Process ${target.pid} took no ${signal}: ${message}.`, { cause });
  }
}

/**
 * Ends a process: SIGTERM, and SIGKILL when it is still there after the grace. Another process that has the same
 * number now is left alone.
 * @param graceMs milliseconds.
 * @returns `gone` when it did not run any more.
 * @throws PromptOsError PROCESS_NOT_STOPPED
 */
export async function stopProcess(target: ProcessIdentity, graceMs: number): Promise<'stopped' | 'killed' | 'gone'> {
  if (!isRunning(target)) return 'gone';
  send(target, 'SIGTERM');
  if (await ended(target, graceMs)) return 'stopped';
  send(target, 'SIGKILL');
  if (await ended(target, KILL_TIMEOUT_MS)) return 'killed';
  throw new PromptOsError('PROCESS_NOT_STOPPED', `Process ${target.pid} did not end, not even by SIGKILL.`);
}

const ROTATE_AT_BYTES = 10_000_000;
const MAX_LINE = 400;

interface OpenLog {
  readonly handle: FileHandle;
  /** What is read from here on was written by the process that is about to start. */
  readonly offset: number;
}

/** Opens a log to append to; one that has grown large is kept once more as `….1`. */
export async function openLog(path: string): Promise<OpenLog> {
  const before = await stat(path).catch(() => null);
  const rotate = before !== null && before.size > ROTATE_AT_BYTES;
  if (rotate) await rename(path, `${path}.1`);
  return { handle: await open(path, 'a', 0o600), offset: rotate ? 0 : (before?.size ?? 0) };
}

/** The last lines that were written after the offset, each cut to a readable length. */
export async function lastLines(path: string, offset: number, count: number): Promise<readonly string[]> {
  const bytes = await readFile(path).catch(() => Buffer.alloc(0));
  const lines = bytes.subarray(offset).toString('utf8').split('\n');
  return lines
    .filter((line) => line.trim() !== '')
    .slice(-count)
    .map((line) => (line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)}…` : line));
}
