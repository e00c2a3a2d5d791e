import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PromptOsError } from '../contracts/errors.js';
import { isRunning, ownIdentity, type ProcessIdentity } from './process-identity.js';

const POLL_MS = 50;

async function isLive(path: string): Promise<boolean> {
  try {
    if (isRunning(JSON.parse(await readFile(path, 'utf8')) as ProcessIdentity)) return true;
  } catch {
    // Taken back in this moment, or emptied by a power cut: claims appear whole, so nobody is writing it.
  }
  await rm(path, { force: true });
  return false;
}

/** The names of the claims of processes that still run; those of dead ones are removed. */
async function liveClaims(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => name.startsWith('claim-'));
  const live = await Promise.all(names.map((name) => isLive(join(folder, name))));
  return names.filter((_, index) => live[index]);
}

/**
 * Runs the action while no other process of this machine, nor another call here, runs one under the same lock. The lock
 * of a process that died is nobody's: each contender lays a claim of its own into the folder and holds the lock once it
 * sees no other live claim. A claim is laid before the others are looked at, so of two contenders at least one sees the
 * other; the one whose name sorts first stays, the other takes its claim back.
 * @param folder made when it is not there.
 * @param timeoutMs milliseconds to wait for the lock.
 * @throws PromptOsError SERVER_NOT_STARTED when the wait is over
 */
export async function withLock<T>(folder: string, timeoutMs: number, action: () => Promise<T>): Promise<T> {
  await mkdir(folder, { recursive: true });
  const name = `claim-${randomUUID()}`;
  const claim = join(folder, name);
  const deadline = performance.now() + timeoutMs;
  let claimed = false;
  try {
    for (;;) {
      const others = (await liveClaims(folder)).filter((other) => other !== name);
      if (others.length === 0 && claimed) return await action();
      if (others.length === 0) {
        await writeFile(join(folder, `new-${name}`), JSON.stringify(ownIdentity()));
        await rename(join(folder, `new-${name}`), claim);
        claimed = true;
        continue;
      }
      if (claimed && others.some((other) => other < name)) {
        await rm(claim, { force: true });
        claimed = false;
      }
      if (performance.now() > deadline) {
        throw new PromptOsError(
          'SERVER_NOT_STARTED',
          `Another command has held ${folder} for ${timeoutMs / 1_000} seconds.`,
          { hint: 'Wait until it is done, or end it.' },
        );
      }
      await delay(POLL_MS);
    }
  } finally {
    await rm(claim, { force: true });
  }
}
