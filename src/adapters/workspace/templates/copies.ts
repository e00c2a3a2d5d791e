import { mkdirSync, readdirSync, renameSync, statfsSync } from 'node:fs';
import { readdir, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import process from 'node:process';
import { PromptOsError } from '../../../contracts/errors.js';
import {
  isRefused,
  isWorkedIn,
  makeMarkedFolder,
  markedPath,
  openFolders,
  passing,
  removeFolder,
} from '../../platform/leftovers.js';
import type { SetupLayer } from '../tree/setup-paths.js';
import { bytePath, bytesOf, identityOf, look } from '../tree/tree-survey.js';
import { copyTemplate, type FreshTree, isUntouched, layOver, layUnder, writeIndex } from './fresh-tree.js';
import type { Overlay, Template } from './template.js';

/** How the folders of checkouts begin, so that leftovers of dead processes are known by name. */
export const CHECKOUT_PREFIX = 'promptos-checkout';

/** Copies that wait for a gate. One of a template whose copies take longer than this counts twice. */
const RESERVE = 4;
const SLOW_COPY_MS = 250;

/** What a checkout has: the files of a template, those of a set-up laid under them, and those of a patch over them. */
interface Source {
  readonly template: Template;
  readonly overlay: Overlay | null;
  readonly layer: SetupLayer | null;
}

/** A checkout as it is before any program works in it. */
export interface Copy extends Source {
  /** Holds the directory, and nothing else. */
  readonly holder: string;
  /** What the file system says of the holder; null before all is written. */
  readonly holderIs: string | null;
  readonly directory: string;
  readonly tree: FreshTree;
}

export interface CopyOrder {
  /** Names the folder that the executor sees; the same for all copies of a template. */
  readonly repository: string;
  /** Where checkouts are made. */
  readonly temporaryDir: string;
  readonly signal: AbortSignal | undefined;
}

/** The copies of one worker. */
export interface Copies {
  /** @throws PromptOsError GIT_FAILED; the signal's reason */
  take(source: Source, order: CopyOrder): Promise<Copy>;
  /** Empties the directory of a copy, and fills it again. */
  refill(copy: Copy, signal: AbortSignal | undefined): Promise<Copy>;
  /** Keeps a copy for another gate when nothing was written in it, else removes it in the background. */
  giveBack(copy: Copy): void;
  /** Removes the copies that wait. */
  drop(unwanted: (source: Source) => boolean): void;
}

/** A copy that waits for a gate; null when it could not be made, or was written to. */
interface Spare extends Source {
  readonly copy: Promise<Copy | null>;
}

/** @param leavesNothing as of the starter of the programs that work in checkouts */
export function createCopies(leavesNothing: boolean): Copies {
  /** The oldest first. */
  let spares: readonly Spare[] = [];
  const slow = new WeakSet<Template | SetupLayer>();
  const isSlow = ({ template, layer }: Source): boolean => slow.has(layer ?? template);
  const drop = (unwanted: (spare: Spare) => boolean): void => {
    const dropped = spares.filter(unwanted);
    spares = spares.filter((spare) => !dropped.includes(spare));
    for (const { copy } of dropped) void copy.then((made) => made && removeInBackground(made.holder));
  };
  const isSurplus = (spare: Spare): boolean => {
    const since = spares.slice(spares.indexOf(spare));
    return since.reduce((sum, one) => sum + (isSlow(one) ? 2 : 1), 0) > RESERVE;
  };
  const keep = (source: Source, copy: Promise<Copy | null>): void => {
    const { template, overlay, layer } = source;
    const spare: Spare = { template, overlay, layer, copy: copy.catch(() => null) };
    spares = [...spares, spare];
    void spare.copy.then((made) => {
      if (made === null) spares = spares.filter((other) => other !== spare);
      else drop(isSurplus);
    });
  };
  const takeSpare = async (source: Source): Promise<Copy | null> => {
    for (;;) {
      const spare = spares.find((one) => isSame(one, source));
      if (spare === undefined) return null;
      spares = spares.filter((other) => other !== spare);
      const copy = await spare.copy;
      // The executors of other gates may have found it while it waited.
      if (copy !== null && (leavesNothing || (await isClean(copy)))) return copy;
      if (copy !== null) removeInBackground(copy.holder);
    }
  };

  const make = async (source: Source, { repository, temporaryDir, signal }: CopyOrder): Promise<Copy> => {
    const { template, layer } = source;
    const started = performance.now();
    const copy = await inNewFolder(temporaryDir, CHECKOUT_PREFIX, async (holder) => {
      const directory = join(holder, repository);
      mkdirSync(directory);
      return {
        ...{ template, layer },
        overlay: null,
        holder,
        holderIs: null,
        directory,
        tree: await copyOf(source, directory, signal),
      };
    });
    if (performance.now() - started > SLOW_COPY_MS) slow.add(layer ?? template);
    return copy;
  };
  /** When copies are slow, one is made before a gate asks for it. */
  const makeSpare = (source: Source, order: CopyOrder): void => {
    if (!isSlow(source) || spares.some((spare) => isSame(spare, source))) return;
    const made = Promise.resolve().then(() => make(source, { ...order, signal: undefined }));
    keep(source, made);
  };
  return {
    take: async (source, order) => {
      const { overlay } = source;
      const plain = { ...source, overlay: null };
      const ready = (await takeSpare(source)) ?? (overlay === null ? null : await takeSpare(plain));
      const copy = ready ?? (await make(plain, order));
      makeSpare(plain, order);
      try {
        order.signal?.throwIfAborted();
        return await finished(copy, overlay);
      } catch (error) {
        removeInBackground(copy.holder);
        throw error;
      }
    },
    refill: async ({ overlay, ...copy }, signal) => {
      await emptyFolder(copy.directory);
      const tree = await copyOf({ ...copy, overlay: null }, copy.directory, signal);
      return finished({ ...copy, overlay: null, tree }, overlay);
    },
    giveBack: (copy) => {
      const holder = markedPath(dirname(copy.holder), CHECKOUT_PREFIX);
      const isReusable = identityAt(copy.holder) === copy.holderIs && notesEveryWrite(copy.holder);
      // What still knows the old name finds nothing under it.
      if (!move(copy.holder, holder)) return;
      const holderIs = identityAt(holder);
      const moved = { ...copy, holder, holderIs, directory: join(holder, basename(copy.directory)) };
      // A process that escaped from its executor would go on in the checkout of the next.
      const isEmpty = async () => leavesNothing || !(await isWorkedIn(holder));
      const check = async () => isReusable && (await isEmpty()) && isClean(moved);
      const checked = check().catch(() => false);
      keep(
        copy,
        checked.then((clean) => {
          if (clean) return moved;
          removeInBackground(holder);
          return null;
        }),
      );
    },
    drop,
  };
}

const isSame = (one: Source, other: Source): boolean =>
  one.template === other.template && one.overlay === other.overlay && one.layer === other.layer;

/** Fills an empty folder with the files of a template and of a set-up. */
async function copyOf(
  { template, layer }: Source,
  directory: string,
  signal: AbortSignal | undefined,
): Promise<FreshTree> {
  const tree = unwritten(await copyTemplate(template, directory, signal));
  if (layer === null) return tree;
  const laid = await layUnder(tree, layer, directory, signal);
  if (laid === null) await layer.discard();
  return unwritten(laid);
}

/** Lays an overlay over a copy of the template, and writes the index, where the copy has them not yet. */
async function finished(copy: Copy, overlay: Overlay | null): Promise<Copy> {
  const { directory, template } = copy;
  const isLaid = overlay === copy.overlay;
  if (isLaid && copy.tree.sealed.size > 0) return copy;
  const tree = isLaid || overlay === null ? copy.tree : unwritten(await layOver(copy.tree, overlay, directory));
  const written = await writeIndex(tree, directory, template.hashBytes);
  return { ...copy, overlay, tree: written, holderIs: identityAt(copy.holder) };
}

const identityAt = (path: string): string | null => {
  const stat = look(Buffer.from(path));
  return stat === null ? null : identityOf(stat);
};

/** Whether a copy is as it was made. A file beside the checkout would count too: programs look in the folders above. */
const isClean = async ({ holder, holderIs, directory, tree }: Copy): Promise<boolean> =>
  (holderIs === null || identityAt(holder) === holderIs) &&
  readdirSync(holder).length === 1 &&
  isUntouched(directory, tree);

/** File systems (statfs(2)) whose files show at once that a program wrote through a mapping: ext, XFS, Btrfs, F2FS, overlays. */
const NOTING = new Set([0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x794c7630]);

/** Whether no file can change and show the same times. In memory (tmpfs) one can, and elsewhere later than it was written. */
export function notesEveryWrite(path: string): boolean {
  try {
    return process.platform === 'linux' && NOTING.has(statfsSync(path).type);
  } catch {
    return false;
  }
}

function unwritten<T>(copied: T | null): T {
  if (copied !== null) return copied;
  throw new PromptOsError('GIT_FAILED', 'Another program wrote into the folder that checkouts are copied from.', {
    hint: 'It is made again for the next attempt. Find out which program of this user works in the state folder.',
  });
}

/** Renames a folder that goes with the process. @returns whether it was there */
function move(folder: string, name: string): boolean {
  passing.add(name);
  passing.delete(folder);
  try {
    renameSync(folder, name);
    return true;
  } catch {
    return false;
  }
}

/** Fills a new folder, which is removed when that fails. */
export async function inNewFolder<T>(parent: string, prefix: string, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = makeMarkedFolder(parent, prefix);
  passing.add(folder);
  return work(folder).catch((error: unknown) => {
    removeInBackground(folder);
    throw error;
  });
}

let removals: Promise<void> = Promise.resolve();

/** Takes a folder out of the way now, and removes it after the ones before it. Never throws. */
export function removeInBackground(folder: string): void {
  const aside = `${folder}.removed`;
  move(folder, aside);
  removals = removals.then(() => removeFolder(aside)).catch(() => undefined);
}

/** Moves everything out of a folder, so that its removal is not waited for. */
async function emptyFolder(directory: string): Promise<void> {
  const aside = makeMarkedFolder(dirname(directory), 'reset');
  const moveAll = async (): Promise<void> => {
    // Names as bytes: an executor's need not be UTF-8.
    for (const name of await readdir(directory, { encoding: 'latin1' })) {
      await rename(bytesOf(`${bytePath(directory)}/${name}`), bytesOf(`${bytePath(aside)}/${name}`));
    }
  };
  try {
    await moveAll();
  } catch (error) {
    if (!isRefused(error)) throw error;
    // Entries leave a folder, and a folder leaves its parent, only when it can be written to.
    await openFolders(directory);
    await moveAll();
  }
  removeInBackground(aside);
}
