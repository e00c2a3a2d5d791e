import { access, chmod, chown, constants, lstat, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolders } from '../adapters/platform/make-folders.js';
import { PromptOsError, systemCode } from '../contracts/errors.js';
import { ensureStateFolder, type ProjectFiles } from './project-files.js';

/** A line of the user or the group database: name, and its number. Null where neither the system nor the file has it. */
async function findAccount(database: 'passwd' | 'group', wanted: string): Promise<{ name: string; id: number } | null> {
  // Users may come from a directory service, which only the system's own program asks; macOS has no such program.
  const { execa } = await import('execa');
  const { exitCode, stdout } = await execa('getent', [database, wanted], { reject: false, stdin: 'ignore' });
  const text = exitCode === 0 ? stdout : await readFile(`/etc/${database}`, 'utf8').catch(() => '');
  for (const line of text.split('\n')) {
    const [name = '', , id = ''] = line.split(':');
    if (name === wanted || id === wanted) return { name, id: Number(id) };
  }
  return null;
}

/** @param group its name, or its number, which need not have a name @returns the group's number, or null */
async function findGroupId(group: string): Promise<number | null> {
  const found = await findAccount('group', group);
  return found?.id ?? (/^\d{1,9}$/.test(group) ? Number(group) : null);
}

/** A user's name, or its number where it has none. */
const userName = async (uid: number): Promise<string> =>
  (await findAccount('passwd', String(uid)))?.name ?? `user ${uid}`;

/** Owner and group may do all; new files get the group of the folder. */
const SHARED_FOLDER = 0o2770;

/** Gives a folder and all below it to a group. Links are not followed; what is read-only stays so. */
async function shareAll(path: string, gid: number): Promise<void> {
  const found = await lstat(path);
  if (found.isSymbolicLink()) return;
  await chown(path, found.uid, gid);
  if (!found.isDirectory()) return chmod(path, (found.mode & 0o777) | 0o040);
  await chmod(path, SHARED_FOLDER);
  for (const name of await readdir(path)) await shareAll(join(path, name), gid);
}

/**
 * Makes a project's state and store usable by a group: folders get the group, and hand it on to what is made in them.
 * Keys are elsewhere, and stay their owner's.
 * @param store its folder; null for a store that is not on this machine
 * @param group name or number
 * @returns what is shared now
 * @throws PromptOsError USAGE for a group that is not known; STORE_NOT_WRITABLE
 */
export async function shareState(files: ProjectFiles, store: string | null, group: string): Promise<readonly string[]> {
  const gid = await findGroupId(group);
  if (gid === null) {
    throw new PromptOsError('USAGE', `This system knows no group "${group}".`, {
      hint: 'Name a group that you are a member of; `id -Gn` lists them.',
    });
  }
  const state = await ensureStateFolder(files);
  try {
    // The server's database and its log stay their owner's: others reach the server, not its files.
    const { uid } = await stat(state);
    await chown(state, uid, gid);
    await chmod(state, SHARED_FOLDER);
    for (const name of await readdir(state)) if (name.endsWith('.json')) await shareAll(join(state, name), gid);
    if (store !== null) {
      await makeFolders(store);
      await shareAll(store, gid);
    }
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    throw new PromptOsError('STORE_NOT_WRITABLE', `${state} cannot be shared with ${group} (${code}).`, {
      cause: error,
      hint: 'Only the owner can share it, and only with a group that the owner is a member of; `id -Gn` lists them.',
    });
  }
  return store === null || store.startsWith(state) ? [state] : [state, store];
}

/**
 * Refuses a state folder that another user keeps to themselves, before anything reads it as if nothing were there.
 * @throws PromptOsError STATE_NOT_SHARED
 */
export async function requireUsableState(state: string): Promise<void> {
  try {
    await access(state, constants.R_OK | constants.X_OK);
  } catch (error) {
    if (systemCode(error) !== 'EACCES') return;
    const { folder, owner } = await deniedAt(state);
    throw new PromptOsError(
      'STATE_NOT_SHARED',
      folder === state
        ? `The state folder ${state} belongs to ${owner}, who does not share it with you.`
        : `The state folder ${state} cannot be reached: ${folder} belongs to ${owner}, who does not let you in.`,
      {
        cause: error,
        hint:
          folder === state
            ? `${owner} can share it with a group that you are in: \`promptos init --share-with GROUP\`.`
            : `Keep the repository where both of you can reach it, or ask ${owner} for access to ${folder}.`,
      },
    );
  }
}

/** The folder that denies access: the deepest one on the way that can still be looked at. */
async function deniedAt(path: string): Promise<{ readonly folder: string; readonly owner: string }> {
  for (let folder = path; ; folder = dirname(folder)) {
    const found = await stat(folder).catch(() => null);
    if (found !== null) return { folder, owner: await userName(found.uid) };
  }
}
