import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type Copy, type CopyOrder, createCopies, inNewFolder, removeInBackground } from './copies.js';
import type { FreshTree } from './fresh-tree.js';
import { createLeasedCache, type Lease } from './leased-cache.js';
import type { Mirror } from './mirror.js';
import { makeOverlay, makeTemplate, type Overlay, type Template } from './template.js';

/** Where a worker keeps templates, and how their names begin. */
export const templatePlace = (stateDir: string): { readonly parent: string; readonly prefix: string } => ({
  parent: join(stateDir, 'templates'),
  prefix: 'template',
});

/** What is kept without being used, and for how long. */
const TEMPLATES = { idle: 4, idleMs: 30 * 60_000 };
const OVERLAYS = { idle: 8, idleMs: 30 * 60_000 };

/** A checkout that a gate has to itself. */
interface PreparedCheckout {
  readonly directory: string;
  readonly tree: FreshTree;
  /** Object folders that have what the mirror lacks. */
  readonly objects: readonly string[];
  /** Empties the directory, and fills it again. */
  refill(): Promise<FreshTree>;
  /** To be called when the checkout is not used any more. */
  release(): void;
}

export interface CheckoutOrder extends CopyOrder {
  readonly mirror: Mirror;
  readonly commit: string;
  readonly patch: Uint8Array;
}

export interface Templates {
  /** @throws PromptOsError PATCH_NOT_APPLICABLE, GIT_FAILED; the signal's reason */
  take(order: CheckoutOrder): Promise<PreparedCheckout>;
}

/**
 * Checkouts as copies of a template, which is made once for each commit, and of an overlay for each patch on it. A copy
 * starts no git. A worker keeps a few templates, removes them when they are not used for a while, and uses one only as long
 * as none of its files was written since it was made. A checkout in which nothing was written serves another gate too.
 */
export function createTemplates(stateDir: string): Templates {
  const { parent, prefix } = templatePlace(stateDir);
  const copies = createCopies();
  const templates = createLeasedCache<Template>(TEMPLATES, (template) => {
    copies.drop((source) => source.template === template);
    removeInBackground(template.folder);
  });
  const overlays = createLeasedCache<Overlay>(OVERLAYS, (overlay) => {
    copies.drop((source) => source.overlay === overlay);
    removeInBackground(overlay.folder);
  });

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
        const source = { template: lease.value, overlay: overlay?.value ?? null };
        let copy: Copy | null = await copies.take(source, order);
        const { directory, tree } = copy;
        return {
          ...{ directory, tree, objects: overlay === null ? [] : [overlay.value.objects] },
          refill: async () => {
            if (copy === null) throw new Error('the checkout was released');
            copy = await copies.refill(copy, order.signal);
            return copy.tree;
          },
          release: () => {
            if (copy === null) return;
            copies.giveBack(copy);
            copy = null;
            release();
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
