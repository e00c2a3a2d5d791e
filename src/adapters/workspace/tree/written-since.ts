import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecord, readJson } from '../../../contracts/json.js';
import { nextTurn, timeIsUp, writeLocalFile } from '../../platform/time-slices.js';
import { writePast } from './copy-tree.js';
import { type BytePath, bytePath, bytesOf, look } from './tree-survey.js';

/** In it is when the folder was complete, and what it had in it then. */
const SEAL = '.promptos-made.json';

/** Git writes its index anew when it is only asked what has changed. */
const INDEX = /^[^/]+\/\.git(?:\/index)?$/;

interface Entry {
  readonly path: BytePath;
  readonly folder: boolean;
  /** Nanoseconds. */
  readonly modified: bigint;
  readonly changed: bigint;
}

/** Everything in a folder, links not followed, its seal left out. */
async function entriesOf(top: BytePath): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  const pending: BytePath[] = [''];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    for (const name of readdirSync(bytesOf(folder === '' ? top : `${top}/${folder}`), { encoding: 'latin1' })) {
      if (timeIsUp()) await nextTurn();
      const path = folder === '' ? name : `${folder}/${name}`;
      const stat = path === SEAL ? null : look(bytesOf(`${top}/${path}`));
      if (stat === null) continue;
      entries.push({ path, folder: stat.isDirectory(), modified: stat.mtimeNs, changed: stat.ctimeNs });
      if (stat.isDirectory()) pending.push(path);
    }
  }
  return entries;
}

/** Notes in a folder that it is complete now, so that whatever is written to it later can be found. */
export async function sealFolder(folder: string): Promise<void> {
  const entries = await entriesOf(bytePath(folder));
  const newest = entries.reduce((latest, { changed }) => (changed > latest ? changed : latest), 0n);
  const path = join(folder, SEAL);
  const at = (await writePast(path, new Uint8Array(), newest))?.ctimeNs ?? newest;
  const names = entries.flatMap(({ path }) => (path.includes('/') ? [] : [path]));
  await writeLocalFile(path, new TextEncoder().encode(JSON.stringify({ at: String(at), names })));
}

/**
 * What was written, added or removed in a folder since it was sealed, by path. What git alone writes when it is asked for the
 * state of a checkout does not count.
 * @returns null for a folder that was never sealed
 * @throws Error as node:fs does
 */
export async function writtenSince(folder: string): Promise<readonly string[] | null> {
  const seal = readJson(await readFile(join(folder, SEAL), 'utf8').catch(() => ''));
  if (!isRecord(seal) || typeof seal.at !== 'string' || !Array.isArray(seal.names)) return null;
  const { names } = seal;
  const at = BigInt(seal.at);
  const isWritten = ({ path, folder: isFolder, modified, changed }: Entry): boolean => {
    if (INDEX.test(path)) return false;
    if (modified >= at) return true;
    if (!path.includes('/')) return !names.includes(path);
    // The time of modification can be set. Entries of the folder itself were moved there, which changes their other time.
    return !isFolder && changed >= at;
  };
  const written = (await entriesOf(bytePath(folder))).filter(isWritten);
  const files = written.filter((entry) => !entry.folder);
  const said = files.length > 0 ? files : written;
  return said.map(({ path }) => bytesOf(path).toString('utf8'));
}
