import { randomUUID } from 'node:crypto';
import { lstat, readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { systemCode } from './store-errors.js';

const HOST = hostname().replaceAll(/[^A-Za-z0-9.-]/g, '_');
/** After this long, what another machine left is taken for dead: milliseconds. */
const FOREIGN_AGE_MS = 24 * 3_600_000;

/** A fresh name in the staging folder that tells who writes there. */
export const stagingPath = (staging: string): string => join(staging, `${HOST}~${process.pid}~${randomUUID()}`);

/** Removes what dead processes left in the staging folder. Whatever cannot be judged or removed stays. */
export async function removeStale(staging: string): Promise<void> {
  for (const name of await readdir(staging)) {
    const path = join(staging, name);
    const found = await lstat(path).catch(() => null);
    if (found !== null && isStale(name, found.mtimeMs)) {
      await rm(path, { recursive: true, force: true }).catch(() => undefined);
    }
  }
}

function isStale(name: string, changedAtMs: number): boolean {
  const [host, pid] = name.split('~');
  if (host === HOST && Number(pid) === process.pid) {
    // Older than this process, so of an earlier one with the same number, as the first one in a container has.
    return changedAtMs < Date.now() - process.uptime() * 1_000 - 1_000;
  }
  if (host === HOST && isDead(Number(pid))) return true;
  return changedAtMs < Date.now() - FOREIGN_AGE_MS;
}

function isDead(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return systemCode(error) === 'ESRCH';
  }
}
