import { createHash } from 'node:crypto';
import { createReadStream, lstatSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { posix } from 'node:path';
import { INVENTORY_FILES, type Inventory } from '../../../contracts/run/inventory.js';
import { agentFileOf } from '../../../rules/agent-files/agent-files.js';
import { pathText } from '../../git/read-diff.js';
import { nextTurn, SMALL_BYTES, timeIsUp } from '../../platform/time-slices.js';
import { type BytePath, bytePath, bytesOf, type KnownTree } from '../tree/tree-survey.js';
import { followImports } from './follow-imports.js';

/** Links that are followed one after the other. */
const HOPS = 20;

/** The files of a commit that steer agents, with what they import, and as runs know them that follow no imports. */
export interface Inventories {
  readonly whole: Inventory;
  readonly withoutImports: Inventory;
}

export const inventoryFor = ({ whole, withoutImports }: Inventories, followsImports: boolean): Inventory =>
  followsImports ? whole : withoutImports;

/**
 * The files of a checked out commit that steer agents, with their digests.
 * @param known all files of the tree: no folder is read again
 */
export async function readInventories(top: string, known: KnownTree): Promise<Inventories> {
  const tree = bytePath(top);
  const found: BytePath[] = [];
  for (const path of known.files.keys()) {
    if (timeIsUp()) await nextTurn();
    if (agentFileOf(pathText(path)) !== null) found.push(path);
  }
  const plain = withLinks(tree, known, found);
  const withoutImports = await describe(tree, plain, new Map());
  const written = await followImports([...plain.links.keys(), ...plain.others], (path) => textOf(tree, known, path));
  if (written.size === 0) return { whole: withoutImports, withoutImports };
  const imports = new Map([...written].map(([path, targets]) => [path, withEnds(tree, targets)]));
  const imported = [...imports.values()].flat().filter((path) => known.files.has(path));
  const all = withLinks(tree, known, [...new Set([...found, ...imported])]);
  return { whole: await describe(tree, all, imports), withoutImports };
}

/** Paths, and where they end: a folder on the way may be a link. */
const withEnds = (tree: BytePath, paths: readonly BytePath[]): readonly BytePath[] => [
  ...new Set(paths.flatMap((path) => [path, insideEnd(tree, path) ?? path])),
];

/** Files that steer agents, and where those that are links lead. */
interface SteeringFiles {
  readonly links: ReadonlyMap<BytePath, readonly BytePath[]>;
  readonly others: ReadonlySet<BytePath>;
}

function withLinks(tree: BytePath, known: KnownTree, found: readonly BytePath[]): SteeringFiles {
  const links = new Map<BytePath, readonly BytePath[]>();
  for (const path of found) {
    if (isLink(tree, path)) links.set(path, placesBehind(tree, path));
  }
  const places = [...links.values()].flat();
  const isBehind = (path: BytePath): boolean => places.some((place) => path === place || path.startsWith(`${place}/`));
  const behind = places.length === 0 ? [] : [...known.files.keys()].filter(isBehind);
  return { links, others: new Set([...found, ...behind].filter((path) => !links.has(path))) };
}

/** Links and importing files come first, so that what they lead to is listed however many files there are. */
async function describe(
  tree: BytePath,
  { links, others }: SteeringFiles,
  imports: ReadonlyMap<BytePath, readonly BytePath[]>,
): Promise<Inventory> {
  const importing = [...others].filter((path) => imports.has(path));
  const rest = [...others].filter((path) => !imports.has(path));
  const all = [...[...links.keys()].sort(), ...importing.sort(), ...rest.sort()];
  const files: Inventory['files'] = [];
  for (const path of all.slice(0, INVENTORY_FILES)) {
    const named = imports.get(path)?.map(pathText) ?? [];
    const leadsTo = links.get(path)?.map(pathText) ?? [];
    files.push({
      path: pathText(path),
      sha256: await digestOf(tree, path),
      ...(named.length === 0 ? {} : { imports: named }),
      ...(leadsTo.length === 0 ? {} : { leads_to: leadsTo }),
    });
  }
  return { files, more: all.length - files.length };
}

/** Where a path of the tree ends; null where there is no file, or one outside. */
function insideEnd(tree: BytePath, path: BytePath): BytePath | null {
  const end = whereItEnds(tree, path);
  return end === null || end === '' || /^\.\.(?:\/|$)/.test(end) ? null : end;
}

/** The bytes of a file of the tree, or of the one in the tree that a link leads to. */
async function textOf(tree: BytePath, known: KnownTree, path: BytePath): Promise<Buffer | null> {
  if (timeIsUp()) await nextTurn();
  const end = insideEnd(tree, path);
  if (end === null || !known.files.has(end)) return null;
  const place = bytesOf(`${tree}/${end}`);
  const stat = lstatSync(place);
  return stat.isFile() && stat.size <= SMALL_BYTES ? readFileSync(place) : null;
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
