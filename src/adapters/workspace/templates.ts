import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { PromptOsError } from '../../contracts/errors.js';
import { isRefused, makeMarkedFolder, openFolders, removeFolder } from '../platform/leftovers.js';
import { awaitLaterClock } from './copy-tree.js';
import { copyTemplate, type FreshTree, isUntouched, layOver, type TemplateCopy } from './fresh-tree.js';
import { createLeasedCache, type Lease } from './leased-cache.js';
import type { Mirror } from './mirror.js';
import { makeOverlay, makeTemplate, type Overlay, type Template } from './template.js';
import { bytePath, bytesOf } from './tree-survey.js';

/** How the folders of checkouts begin, so that leftovers of dead processes are known by name. */
export const CHECKOUT_PREFIX = 'promptos-checkout';

/** Where a worker keeps templates, and how their names begin. */
export const templatePlace = (stateDir: string): { readonly parent: string; readonly prefix: string } => ({
  parent: join(stateDir, 'templates'),
  prefix: 'template',
});

/** What is kept without being used, and for how long. */
const TEMPLATES = { idle: 4, idleMs: 30 * 60_000 };
const OVERLAYS = { idle: 8, idleMs: 30 * 60_000 };
/** When a copy takes longer than this, the next one is made before a gate asks for it. */
const SLOW_COPY_MS = 250;

/** A checkout that a gate has to itself. */
interface PreparedCheckout {
  /** What is to be removed. */
  readonly holder: string;
  readonly directory: string;
  readonly tree: FreshTree;
  /** Object folders that have what the mirror lacks. */
  readonly objects: readonly string[];
  /** Empties the directory, and fills it again. */
  refill(): Promise<FreshTree>;
  /** To be called when the checkout is not used any more; removes it in the background. */
  release(): Promise<void>;
}

export interface CheckoutOrder {
  readonly mirror: Mirror;
  readonly commit: string;
  readonly patch: Uint8Array;
  /** Names the folder that the executor sees. */
  readonly repository: string;
  /** Where checkouts are made. */
  readonly temporaryDir: string;
  readonly signal: AbortSignal | undefined;
}

export interface Templates {
  /** @throws PromptOsError PATCH_NOT_APPLICABLE, GIT_FAILED; the signal's reason */
  take(order: CheckoutOrder): Promise<PreparedCheckout>;
}

interface Copy {
  readonly holder: string;
  readonly directory: string;
  readonly tree: TemplateCopy;
}

/**
 * Checkouts as copies of a template, which is made once for each commit, and of an overlay for each patch on it. A copy
 * starts no git. A worker keeps a few templates, removes them when they are not used for a while, and uses one only as long
 * as none of its files was written since it was made.
 */
export function createTemplates(stateDir: string): Templates {
  const { parent, prefix } = templatePlace(stateDir);
  const templates = createLeasedCache<Template>(TEMPLATES, (template) => {
    if (spare?.template === template) dropSpare();
    void removeInBackground(template.folder);
  });
  const overlays = createLeasedCache<Overlay>(OVERLAYS, ({ folder }) => void removeInBackground(folder));
  /** One copy that waits for the next gate. */
  let spare: { readonly template: Template; readonly copy: Promise<Copy | null> } | null = null;
  const dropSpare = (): void => {
    void spare?.copy.then((copy) => (copy === null ? undefined : removeInBackground(copy.holder)));
    spare = null;
  };

  const copyOf = async (template: Template, order: CheckoutOrder): Promise<Copy> => {
    const started = performance.now();
    const copy = await inNewFolder(order.temporaryDir, CHECKOUT_PREFIX, async (holder) => {
      const directory = join(holder, order.repository);
      await mkdir(directory);
      return { holder, directory, tree: unwritten(await copyTemplate(template, directory, order.signal)) };
    });
    if (performance.now() - started > SLOW_COPY_MS) prepareSpare(template, order);
    return copy;
  };
  const prepareSpare = (template: Template, order: CheckoutOrder): void => {
    if (spare?.template === template) return;
    dropSpare();
    const copy = Promise.resolve().then(() => copyOf(template, { ...order, signal: undefined }));
    spare = { template, copy: copy.catch(() => null) };
  };
  const takeCopy = async (template: Template, order: CheckoutOrder): Promise<Copy> => {
    if (spare?.template !== template) return copyOf(template, order);
    const { copy } = spare;
    spare = null;
    const taken = await copy;
    prepareSpare(template, order);
    if (taken === null) return copyOf(template, order);
    // The executors of other gates ran while it waited.
    if (await isUntouched(taken.directory, taken.tree)) return taken;
    void removeInBackground(taken.holder);
    return copyOf(template, order);
  };

  const keyOf = ({ mirror, commit }: CheckoutOrder): string => `${mirror.gitDir} ${commit}`;
  const leaseTemplate = (order: CheckoutOrder): Promise<Lease<Template>> =>
    templates.lease(keyOf(order), () =>
      inNewFolder(parent, prefix, (folder) => makeTemplate(order.mirror, order.commit, folder)),
    );
  const leaseOverlay = async (template: Template, order: CheckoutOrder): Promise<Lease<Overlay> | null> => {
    const { mirror, patch } = order;
    if (patch.length === 0) return null;
    const digest = createHash('sha256').update(patch).digest('hex');
    return overlays.lease(`${keyOf(order)} ${digest}`, () =>
      inNewFolder(parent, prefix, (folder) => makeOverlay(mirror, template, patch, folder)),
    );
  };

  const takeFrom = async (
    template: Template,
    overlay: Overlay | null,
    order: CheckoutOrder,
  ): Promise<Omit<PreparedCheckout, 'release'>> => {
    const { holder, directory, tree: fresh } = await takeCopy(template, order);
    const finish = async (tree: FreshTree): Promise<FreshTree> => {
      const whole = overlay === null ? tree : unwritten(await layOver(tree, overlay, directory));
      await writeFile(join(directory, '.git', 'index'), whole.draft.sealed(template.hashBytes));
      await awaitLaterClock(join(holder, '.clock'), whole.newest);
      return whole;
    };
    try {
      order.signal?.throwIfAborted();
      return {
        ...{ holder, directory, objects: overlay === null ? [] : [overlay.objects] },
        tree: await finish(fresh),
        refill: async () => {
          await emptyFolder(directory);
          return finish(unwritten(await copyTemplate(template, directory, order.signal)));
        },
      };
    } catch (error) {
      void removeInBackground(holder);
      throw error;
    }
  };

  return {
    take: async (order) => {
      order.signal?.throwIfAborted();
      const lease = await unlessAborted(leaseTemplate(order), order.signal);
      const overlay = await leaseOverlay(lease.value, order).catch((error: unknown) => {
        lease.release();
        throw error;
      });
      const release = (): void => {
        overlay?.release();
        lease.release();
      };
      try {
        const taken = await takeFrom(lease.value, overlay?.value ?? null, order);
        let removed: Promise<void> | null = null;
        const removeOnce = (): Promise<void> => {
          release();
          return removeInBackground(taken.holder);
        };
        return {
          ...taken,
          release: () => {
            removed ??= removeOnce();
            return removed;
          },
        };
      } catch (error) {
        if (order.signal?.aborted !== true) {
          // Whatever failed is not tried with the same files again.
          overlay?.retire();
          lease.retire();
        }
        release();
        throw error;
      }
    },
  };
}

function unwritten<T>(copied: T | null): T {
  if (copied !== null) return copied;
  throw new PromptOsError('GIT_FAILED', 'Another program wrote into the folder that checkouts are copied from.', {
    hint: 'It is made again for the next attempt. Find out which program of this user works in the state folder.',
  });
}

/** Folders that go with the process. After a kill, the next process removes them. */
const folders = new Set<string>();
process.once('exit', () => {
  for (const folder of folders) {
    try {
      rmSync(folder, { recursive: true, force: true });
    } catch {
      // The next process removes it.
    }
  }
});

/** Fills a new folder, which is removed when that fails. */
async function inNewFolder<T>(parent: string, prefix: string, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await makeMarkedFolder(parent, prefix);
  folders.add(folder);
  return work(folder).catch((error: unknown) => {
    void removeInBackground(folder);
    throw error;
  });
}

let removals: Promise<void> = Promise.resolve();

/** Takes a folder out of the way now, and removes it after the ones before it. Never throws. */
async function removeInBackground(folder: string): Promise<void> {
  const aside = `${folder}.removed`;
  folders.add(aside);
  folders.delete(folder);
  await rename(folder, aside).catch(() => undefined);
  removals = removals
    .then(() => removeFolder(aside))
    .then(
      () => void folders.delete(aside),
      () => undefined,
    );
}

/** Moves everything out of a folder, so that its removal is not waited for. */
async function emptyFolder(directory: string): Promise<void> {
  const aside = await mkdtemp(`${directory}.reset-`);
  const move = async (): Promise<void> => {
    // Names as bytes: an executor's need not be UTF-8.
    for (const name of await readdir(directory, { encoding: 'latin1' })) {
      await rename(bytesOf(`${bytePath(directory)}/${name}`), bytesOf(`${bytePath(aside)}/${name}`));
    }
  };
  try {
    await move();
  } catch (error) {
    if (!isRefused(error)) throw error;
    // Entries leave a folder, and a folder leaves its parent, only when it can be written to.
    await openFolders(directory);
    await move();
  }
  await removeInBackground(aside);
}

/** Waits for a template, which others may wait for too, as long as the signal allows. */
async function unlessAborted<T>(leased: Promise<Lease<T>>, signal: AbortSignal | undefined): Promise<Lease<T>> {
  if (signal === undefined) return leased;
  let abort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([leased, aborted]);
  } catch (error) {
    void leased.then(
      (lease) => lease.release(),
      () => undefined,
    );
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
