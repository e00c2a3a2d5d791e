import type { Dirent } from 'node:fs';
import { access, constants, lstat, readdir, readlink, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { isWithin, type Mount } from './mounts.js';

/** Folders of the system: programs, libraries and their settings. The others of the root folder are not shown. */
const SYSTEM_FOLDERS = [
  '/usr',
  '/bin',
  '/sbin',
  '/lib',
  '/lib32',
  '/lib64',
  '/libx32',
  '/etc',
  '/opt',
  // Not the socket of its daemon: that one fetches what it is asked for, from any host.
  '/nix/store',
  '/nix/var/nix/profiles',
  '/snap',
];
/** What leads out of these folders on some systems: `/usr/local` to /var on ostree, certificates to /var on SUSE. */
const LEADS_OUT = ['/usr/local', '/etc/ssl/certs', '/etc/ssl/ca-bundle.pem'];
/** Settings of the machine, some of which are secrets that root may read. */
const SETTINGS = '/etc';
/** Name servers; on many systems a link to a file outside of the folders above. */
const NAME_SERVERS = '/etc/resolv.conf';
const READABLE_BY_ALL = 0o004;
const ENTERED_BY_ALL = 0o005;

export interface SystemFiles {
  readonly mounts: readonly Mount[];
  /** For a program that has the network of the machine. */
  readonly nameServers: readonly Mount[];
  readonly isShown: (path: string) => boolean;
}

/** The files of the system that every program sees. Of the settings they are those that every user of the machine may read. */
export async function readSystemFiles(): Promise<SystemFiles> {
  const mounts = await showFolders(SYSTEM_FOLDERS, LEADS_OUT);
  const isShown = (path: string): boolean => mounts.some((mount) => isWithin(path, mount.path));
  const servers = await realpath(NAME_SERVERS).catch(() => NAME_SERVERS);
  return {
    mounts: [...mounts, ...(await privateSettings(SETTINGS))],
    nameServers: isShown(servers) ? [] : [{ kind: 'readable', path: servers }],
    isShown,
  };
}

/**
 * Shows folders, the links among them as links, and what a link leads to where no folder has it.
 * @param more paths in the folders that may be links too
 */
export async function showFolders(folders: readonly string[], more: readonly string[]): Promise<readonly Mount[]> {
  const mounts: Mount[] = [];
  for (const path of folders) {
    const found = await lstat(path).catch(() => null);
    if (found?.isSymbolicLink()) mounts.push({ kind: 'link', path, target: await readlink(path) });
    if (found?.isDirectory()) mounts.push({ kind: 'readable', path });
  }
  for (const path of [...folders, ...more]) {
    const real = await realpath(path).catch(() => null);
    const isShown = mounts.some((mount) => mount.kind === 'readable' && isWithin(real ?? '/', mount.path));
    if (real !== null && !isShown) mounts.push({ kind: 'readable', path: real });
  }
  return mounts;
}

/** What this user may read of a folder and not every user may: a program must not read it on this user's behalf. */
async function privateSettings(folder: string): Promise<readonly Mount[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((): Dirent[] => []);
  const found = await Promise.all(entries.map((entry) => privateEntry(join(folder, entry.name), entry)));
  return found.flat();
}

async function privateEntry(path: string, entry: Dirent): Promise<readonly Mount[]> {
  const folder = entry.isDirectory();
  if (!folder && !entry.isFile()) return [];
  const mode = (await lstat(path).catch(() => null))?.mode ?? 0o777;
  const needed = folder ? ENTERED_BY_ALL : READABLE_BY_ALL;
  if ((mode & needed) === needed) return folder ? privateSettings(path) : [];
  const mayRead = await access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
  return mayRead ? [{ kind: 'hidden', path, folder }] : [];
}
