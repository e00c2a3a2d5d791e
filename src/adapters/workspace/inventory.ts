import { createHash } from 'node:crypto';
import { createReadStream, lstatSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { posix } from 'node:path';
import { INVENTORY_FILES, type Inventory } from '../../contracts/inventory.js';
import { agentFileOf } from '../../rules/agent-files.js';
import { pathText } from '../git/read-diff.js';
import { nextTurn, SMALL_BYTES, timeIsUp } from '../platform/time-slices.js';
import { type BytePath, bytePath, bytesOf, type KnownTree } from './tree-survey.js';

/** Links that are followed one after the other. */
const HOPS = 20;

/**
 * The files of a checked out commit that steer agents, with their digests. Links come first, so that where they lead is
 * listed however many files there are.
 * @param known all files of the tree: no folder is read again
 */
export async function readInventory(top: string, known: KnownTree): Promise<Inventory> {
  const tree = bytePath(top);
  const found: BytePath[] = [];
  for (const path of known.files.keys()) {
    if (timeIsUp()) await nextTurn();
    if (agentFileOf(pathText(path)) !== null) found.push(path);
  }
  const links = new Map<BytePath, readonly BytePath[]>();
  for (const path of found) {
    if (isLink(tree, path)) links.set(path, placesBehind(tree, path));
  }
  const places = [...links.values()].flat();
  const isBehind = (path: BytePath): boolean => places.some((place) => path === place || path.startsWith(`${place}/`));
  const behind = places.length === 0 ? [] : [...known.files.keys()].filter(isBehind);
  const others = new Set([...found, ...behind].filter((path) => !links.has(path)));
  const all = [...[...links.keys()].sort(), ...[...others].sort()];
  const files: Inventory['files'] = [];
  for (const path of all.slice(0, INVENTORY_FILES)) {
    const leadsTo = links.get(path)?.map(pathText) ?? [];
    const sha256 = await digestOf(tree, path);
    files.push({ path: pathText(path), sha256, ...(leadsTo.length === 0 ? {} : { leads_to: leadsTo }) });
  }
  return { files, more: all.length - files.length };
}

const isLink = (tree: BytePath, path: BytePath): boolean => lstatSync(bytesOf(`${tree}/${path}`)).isSymbolicLink();

async function digestOf(tree: BytePath, path: BytePath): Promise<string> {
  if (timeIsUp()) await nextTurn();
  const place = bytesOf(`${tree}/${path}`);
  const hash = createHash('sha256');
  const stat = lstatSync(place);
  if (stat.isSymbolicLink()) hash.update(readlinkSync(place, { encoding: 'buffer' }));
  else if (stat.size <= SMALL_BYTES) hash.update(readFileSync(place));
  else for await (const chunk of createReadStream(place)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Every path below the top through which a link leads, whether or not there is a file. */
function placesBehind(tree: BytePath, link: BytePath): readonly BytePath[] {
  const places = new Set<BytePath>();
  const add = (path: string): boolean => {
    const inside = path !== '.' && path !== '' && path !== '..' && !path.startsWith('../') && !path.startsWith('/');
    if (inside && path !== link) places.add(path);
    return inside;
  };
  let path = link;
  for (let hop = 0; hop < HOPS - 1; hop += 1) {
    const target = targetOf(tree, path);
    if (target === null) break;
    path = posix.join(posix.dirname(path), target).replace(/\/+$/, '');
    if (!add(path)) break;
  }
  const end = whereItEnds(tree, link);
  if (end !== null) add(end);
  return [...places];
}

function targetOf(tree: BytePath, path: BytePath): BytePath | null {
  try {
    const target = readlinkSync(bytesOf(`${tree}/${path}`), { encoding: 'buffer' }).toString('latin1');
    return posix.isAbsolute(target) ? null : target;
  } catch {
    return null;
  }
}

const realPath = (path: BytePath): BytePath | null => {
  try {
    return realpathSync(bytesOf(path), { encoding: 'buffer' }).toString('latin1');
  } catch {
    return null;
  }
};

/** The end of a link, from the top, also where a folder on the way is a link; null where there is none inside. */
function whereItEnds(tree: BytePath, path: BytePath): BytePath | null {
  const [top, end] = [realPath(tree), realPath(`${tree}/${path}`)];
  return top === null || end === null ? null : posix.relative(top, end);
}
