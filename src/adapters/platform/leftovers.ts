import { chmod, lstat, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ownMark, PROCESS_MARK_PATTERN, stateOfMark } from './process-identity.js';

/** Leftovers of processes that cannot be asked after (another boot, another container) go after this long. */
const FOREIGN_LEFTOVER_MS = 7 * 24 * 3_600_000;

/** Makes a new folder whose name tells this process: `<prefix>-<mark>-<random>`. */
export async function makeMarkedFolder(parent: string, prefix: string): Promise<string> {
  await mkdir(parent, { recursive: true });
  return mkdtemp(join(parent, `${prefix}-${ownMark()}-`));
}

/** Removes the marked folders that dead processes left. What cannot be removed, such as another user's, is left alone. */
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
      // Somebody else's, or gone already.
    }
  }
}

/** Removes a folder with everything in it, also when folders in it were made read-only. Links are not followed. */
export async function removeFolder(path: string): Promise<void> {
  try {
    await rm(path, REMOVAL);
  } catch (error) {
    if (!hasCode(error, 'EACCES', 'EPERM')) throw error;
    await openFolders(path);
    await rm(path, REMOVAL);
  }
}

const REMOVAL = { recursive: true, force: true, maxRetries: 3 } as const;

const hasCode = (error: unknown, ...codes: readonly string[]): boolean =>
  error instanceof Error && 'code' in error && codes.includes(String(error.code));

/** What is gone already is fine: a removal that failed goes on with the rest while we are here. */
async function openFolders(path: string): Promise<void> {
  try {
    if (!(await lstat(path)).isDirectory()) return;
    await chmod(path, 0o700);
    for (const entry of await readdir(path, { withFileTypes: true })) {
      if (entry.isDirectory()) await openFolders(join(path, entry.name));
    }
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}
