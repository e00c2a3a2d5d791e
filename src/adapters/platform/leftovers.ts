import { randomUUID } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  unlinkSync,
} from 'node:fs';
import { chmod, lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemCode } from '../../contracts/errors.js';
import { makeFoldersSync } from './make-folders.js';
import { isOfKernel, ownMark, PROCESS_MARK_PATTERN, stateOfMark } from './process-identity.js';
import { HUGE_FOLDER_BYTES, nextTurn, timeIsUp } from './time-slices.js';

/** Leftovers of processes that cannot be looked up (another boot, another container) are removed after this long. */
const FOREIGN_LEFTOVER_MS = 7 * 24 * 3_600_000;

/** A new name `<prefix>-<mark>-<random>` in a folder: it says which process works there. */
export const markedPath = (parent: string, prefix: string): string =>
  join(parent, `${prefix}-${ownMark()}-${randomUUID()}`);

/** Makes a new folder with such a name, for its owner only. */
export function makeMarkedFolder(parent: string, prefix: string): string {
  makeFoldersSync(parent);
  return mkdtempSync(join(parent, `${prefix}-${ownMark()}-`));
}

/** Files and folders that go with the process, also when a signal ends it. After a kill, a later process removes them. */
export const passing = new Set<string>();
process.once('exit', () => {
  for (const path of passing) removeAtExit(path);
});

/** A program that is being ended may still write: what came after Node listed a folder is removed by the next round. */
function removeAtExit(path: string): void {
  for (let round = 0; round < 3; round += 1) {
    try {
      rmSync(path, { recursive: true, force: true, maxRetries: 2, retryDelay: 20 });
      return;
    } catch {
      // After the last round a later process removes it.
    }
  }
}

/** Places that were looked through for what dead processes left: once each in a process. */
const swept = new Map<string, Promise<void>>();

/** Makes a marked folder that goes with the process, where those of dead processes go first. */
export async function makePassingFolder(parent: string, prefix: string): Promise<string> {
  const place = join(parent, prefix);
  const sweep = swept.get(place) ?? removeLeftovers(parent, prefix);
  swept.set(place, sweep);
  await sweep;
  const folder = makeMarkedFolder(parent, prefix);
  passing.add(folder);
  return folder;
}

/** Does some work in such a folder, which goes at its end. */
export async function withPassingFolder<T>(
  parent: string,
  prefix: string,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await makePassingFolder(parent, prefix);
  try {
    return await work(folder);
  } finally {
    // A folder that cannot be removed must not take the result of the work with it.
    await removeFolder(folder).catch(() => undefined);
  }
}

/** Removes the marked files and folders that dead processes left. What cannot be removed, such as another user's, stays. */
export async function removeLeftovers(parent: string, prefix: string): Promise<void> {
  const pattern = new RegExp(`^${prefix}-(${PROCESS_MARK_PATTERN})-[^/]+$`);
  for (const name of await readdir(parent).catch(() => [])) {
    const mark = pattern.exec(name)?.[1];
    if (mark === undefined) continue;
    const path = join(parent, name);
    try {
      const state = stateOfMark(mark);
      const old = state === 'elsewhere' && Date.now() - (await lstat(path)).mtimeMs > FOREIGN_LEFTOVER_MS;
      if (state === 'dead' || old) await removeFolder(path);
    } catch {
      // Another user's, or removed in the meantime.
    }
  }
}

/** Removes a folder with everything in it, also when folders in it were made read-only. Links are not followed. */
export async function removeFolder(path: string): Promise<void> {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) {
    try {
      await removeTree(Buffer.from(path), { left: FEW_FILES });
    } catch {
      // It is no folder, it has many files, something was written to it meanwhile, or the system refused a step.
      await removeAnyhow(path);
    }
  }
  passing.delete(path);
}

/** To remove more files, or a larger one, takes more than a moment. */
const FEW_FILES = 500;
const LARGE_BYTES = 16 * 1_024 * 1_024;
const SLASH = Buffer.from('/');

async function removeTree(folder: Buffer, files: { left: number }): Promise<void> {
  const stat = lstatSync(folder);
  if (!stat.isDirectory() || stat.size > HUGE_FOLDER_BYTES) throw new Error('no folder, or one of many files');
  for (const name of readdirSync(folder, { encoding: 'buffer' })) {
    if (timeIsUp()) await nextTurn();
    files.left -= 1;
    if (files.left < 0) throw new Error('many files');
    const path = Buffer.concat([folder, SLASH, name]);
    const stat = lstatSync(path);
    if (stat.isDirectory()) await removeTree(path, files);
    else if (stat.size > LARGE_BYTES) await rm(path);
    else unlinkSync(path);
  }
  rmdirSync(folder);
}

async function removeAnyhow(path: string): Promise<void> {
  const removal = { recursive: true, force: true, maxRetries: 3 } as const;
  try {
    await rm(path, removal);
  } catch (error) {
    if (!isRefused(error)) throw error;
    await openFolders(path);
    await rm(path, removal);
  }
}

/** Whether the system did not allow something, such as a change in a folder that was made read-only. */
export const isRefused = (error: unknown): boolean => ['EACCES', 'EPERM'].includes(systemCode(error) ?? '');

/** Makes a folder and those in it writable. A removal of the same folder may still be at work, so entries may vanish. */
export async function openFolders(path: string): Promise<void> {
  try {
    if (!(await lstat(path)).isDirectory()) return;
    await chmod(path, 0o700);
    for (const entry of await readdir(path, { withFileTypes: true })) {
      if (entry.isDirectory()) await openFolders(join(path, entry.name));
    }
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}

/** How scratch folders of executions begin, so that the environment of a process shows what execution it belongs to. */
export const SCRATCH_PREFIX = 'promptos-exec';

const SCRATCH_OF_EXECUTION = new RegExp(
  `(?:^|\\0)(?:PROMPTOS_SCRATCH|HOME)=(/[^\\0]*/${SCRATCH_PREFIX}-(${PROCESS_MARK_PATTERN})-[^/\\0]+)/(?:files|home)(?:\\0|$)`,
);

/** Numbers of processes are not used again within this time. */
const NUMBERS_MS = 5_000;
/** Of each process that was looked at, whether it is a thread of the kernel. */
const ofKernel = new Map<string, boolean>();
/** Processes whose environment names no execution. */
const strangers = new Set<string>();
let knownSince = 0;

/** The numbers of all processes but the kernel's own threads, on Linux: those never run a program. */
function* userProcesses(): Generator<string> {
  if (performance.now() - knownSince > NUMBERS_MS) {
    ofKernel.clear();
    strangers.clear();
    knownSince = performance.now();
  }
  for (const name of existsSync('/proc') ? readdirSync('/proc') : []) {
    if (!/^\d+$/.test(name)) continue;
    let isThread = ofKernel.get(name);
    if (isThread === undefined) {
      isThread = isOfKernel(Number(name));
      ofKernel.set(name, isThread);
    }
    if (!isThread) yield name;
  }
}

/** Whether a process belongs to an execution that is over: its scratch folder or its worker is gone. */
function isLeftover(pid: string): boolean {
  if (strangers.has(pid)) return false;
  const environ = environmentOf(pid);
  const [, scratch, mark] = SCRATCH_OF_EXECUTION.exec(environ) ?? [];
  if (scratch === undefined || mark === undefined) {
    // A process that is about to start a program of an execution has no environment yet.
    if (environ !== '') strangers.add(pid);
    return false;
  }
  const state = stateOfMark(mark);
  return state === 'dead' || (state === 'alive' && !existsSync(scratch));
}

/** Whether a process works in a folder or in one below, on Linux, as far as this user may see. */
export async function isWorkedIn(folder: string): Promise<boolean> {
  for (const pid of userProcesses()) {
    if (timeIsUp()) await nextTurn();
    try {
      if (`${readlinkSync(`/proc/${pid}/cwd`)}/`.startsWith(`${folder}/`)) return true;
    } catch {
      // It has ended, or it is another user's.
    }
  }
  return false;
}

/** How often what was killed is looked for again, and how long to wait in between: a killed process may wait for a disk. */
const PASSES = 50;
const PASS_MS = 20;

let ending: Promise<void> | undefined;

/**
 * Kills what earlier executors and checks of this machine left running, such as after a worker and its launcher were killed
 * together, as far as their environment still shows whose they are, and waits until they have ended. Callers at the same time
 * share the work. On Linux only, since other systems do not show the environment.
 */
export function endLeftovers(): Promise<void> {
  ending ??= killUntilGone().finally(() => {
    ending = undefined;
  });
  return ending;
}

async function killUntilGone(): Promise<void> {
  // A process that forks while it is looked for leaves a child that only the next pass finds.
  for (let pass = 0; pass < PASSES && (await killLeftovers()); pass += 1) await sleep(PASS_MS);
}

function environmentOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8');
  } catch {
    // Another user's environment cannot be read, and another user's process could not be ended.
    return '';
  }
}

/** @returns whether there were any */
async function killLeftovers(): Promise<boolean> {
  let any = false;
  for (const pid of userProcesses()) {
    if (Number(pid) === process.pid) continue;
    if (timeIsUp()) await nextTurn();
    if (!isLeftover(pid)) continue;
    any = true;
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended in the meantime.
    }
  }
  return any;
}
