import type { Dirent } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TreeEntry, TreeLimits } from '../../ports/tree-reader.js';

/** Entries of a folder that are read at once, and files whose size is asked for at once. */
const BATCH = 64;

/** Everything below a folder, in no order. It stops one entry after the limit, so that a huge folder costs no memory. */
export async function walkFolder(root: string, limits: TreeLimits): Promise<readonly TreeEntry[]> {
  const found: TreeEntry[] = [];
  await walk(root, '', 0, { ...limits, found });
  return found.slice(0, limits.entries + 1);
}

interface Walk extends TreeLimits {
  readonly found: TreeEntry[];
}

async function walk(root: string, prefix: string, depth: number, { found, ...limits }: Walk): Promise<void> {
  const before = found.length;
  const isFull = () => found.length > limits.entries;
  const folders: string[] = [];
  let others: Dirent[] = [];
  const addOthers = async () => {
    found.push(...(await Promise.all(others.map((entry) => describe(root, `${prefix}${entry.name}`, entry)))));
    others = [];
  };
  // Closed by the loop, also when it is left early.
  for await (const entry of await opendir(join(root, prefix), { bufferSize: BATCH })) {
    if (entry.isDirectory()) folders.push(`${prefix}${entry.name}`);
    else others.push(entry);
    if (others.length >= BATCH) await addOthers();
    if (isFull() || folders.length > limits.entries) break;
  }
  await addOthers();
  for (const path of folders) {
    if (isFull()) return;
    if (depth < limits.depth) await walk(root, `${path}/`, depth + 1, { found, ...limits });
    else found.push({ path, kind: 'empty_folder', bytes: 0 });
  }
  if (found.length === before && prefix !== '') {
    found.push({ path: prefix.slice(0, -1), kind: 'empty_folder', bytes: 0 });
  }
}

async function describe(root: string, path: string, entry: Dirent): Promise<TreeEntry> {
  const { size } = await lstat(join(root, path));
  return { path, kind: kindOf(entry), bytes: size };
}

const kindOf = (entry: Dirent): TreeEntry['kind'] =>
  entry.isFile() ? 'file' : entry.isSymbolicLink() ? 'link' : 'special';
