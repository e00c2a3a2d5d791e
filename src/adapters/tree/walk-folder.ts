import { type Dirent, lstatSync, opendirSync } from 'node:fs';
import { join } from 'node:path';
import type { TreeEntry, TreeLimits } from '../../ports/tree-reader.js';

/**
 * Everything below a folder, in no order. It stops one entry after the limit, so that a huge folder costs no memory. A
 * call for each entry, without waiting: that takes a tenth of the processor time of the same calls in other threads.
 */
export function walkFolder(root: string, limits: TreeLimits): readonly TreeEntry[] {
  const found: TreeEntry[] = [];
  walk(root, '', 0, { ...limits, found });
  return found.slice(0, limits.entries + 1);
}

interface Walk extends TreeLimits {
  readonly found: TreeEntry[];
}

function walk(root: string, prefix: string, depth: number, { found, ...limits }: Walk): void {
  const before = found.length;
  const isFull = () => found.length > limits.entries;
  const folders: string[] = [];
  const folder = opendirSync(join(root, prefix));
  try {
    for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) {
      const path = `${prefix}${entry.name}`;
      if (entry.isDirectory()) folders.push(path);
      else found.push({ path, kind: kindOf(entry), bytes: lstatSync(join(root, path)).size });
      if (isFull() || folders.length > limits.entries) break;
    }
  } finally {
    folder.closeSync();
  }
  for (const path of folders) {
    if (isFull()) return;
    if (depth < limits.depth) walk(root, `${path}/`, depth + 1, { found, ...limits });
    else found.push({ path, kind: 'empty_folder', bytes: 0 });
  }
  if (found.length === before && prefix !== '') {
    found.push({ path: prefix.slice(0, -1), kind: 'empty_folder', bytes: 0 });
  }
}

const kindOf = (entry: Dirent): TreeEntry['kind'] =>
  entry.isFile() ? 'file' : entry.isSymbolicLink() ? 'link' : 'special';
