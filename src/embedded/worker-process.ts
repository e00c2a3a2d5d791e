import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  type BackgroundProcess,
  backgroundProcessSchema,
  findProcess,
  recordProcess,
  stopProcess,
} from './background-process.js';
import { stateFiles } from './state-files.js';

/** Time for the worker to hand its gates back; a gate that is cut off is tried again by the next worker. */
const STOP_GRACE_MS = 20_000;

/**
 * Writes down the worker that was left running in the background of a state folder.
 * @returns null when it has ended already.
 */
export const recordWorker = (stateDir: string, pid: number): BackgroundProcess | null =>
  recordProcess(stateFiles(resolve(stateDir)).worker, { pid, log: stateFiles(resolve(stateDir)).workerLog });

/** The worker in the background, or null. */
export const findWorker = (stateDir: string): Promise<BackgroundProcess | null> =>
  findProcess(stateFiles(resolve(stateDir)).worker, backgroundProcessSchema);

/**
 * Ends the worker in the background.
 * @returns the worker that was ended, or null when none ran.
 * @throws PromptOsError PROCESS_NOT_STOPPED
 */
export async function stopWorker(stateDir: string): Promise<BackgroundProcess | null> {
  const worker = await findWorker(stateDir);
  const result = worker === null ? 'gone' : await stopProcess(worker, STOP_GRACE_MS);
  await rm(stateFiles(resolve(stateDir)).worker, { force: true });
  return result === 'gone' ? null : worker;
}
