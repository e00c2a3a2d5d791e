import { join } from 'node:path';
import { PromptOsError } from '../../../contracts/errors.js';
import { type Content, digestOf } from '../../../contracts/long-bytes.js';
import type { Inventory } from '../../../contracts/run/inventory.js';
import type { LaidUnder } from '../../../ports/laid-under.js';
import type { CheckoutSetup, ProvidedSetup } from '../../../ports/workspace.js';
import { inventoryFor } from '../inventory/inventory.js';
import type { Mirror } from '../repository/mirror.js';
import type { BytePath } from '../tree/tree-survey.js';
import { type Copy, type CopyOrder, createCopies, inNewFolder, removeInBackground } from './copies.js';
import type { FreshTree } from './fresh-tree.js';
import { createLeasedCache, type Lease } from './leased-cache.js';
import { createSetupLayers, type MountedLayer, mountLayer } from './setup-layers.js';
import { makeOverlay, makeTemplate, type Overlay, type OverlayOptions, type Template } from './template.js';

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
  /** As in `Checkout`. */
  readonly withheld: readonly BytePath[];
  readonly absent: readonly BytePath[];
  readonly setup?: ProvidedSetup;
  readonly laidUnder?: LaidUnder;
  /** Waits until it is known that nothing wrote to what is laid under the checkout. @throws PromptOsError GIT_FAILED */
  requireUnwritten(): Promise<void>;
  /** Empties the directory, and fills it again. */
  refill(): Promise<FreshTree>;
  /** To be called when the checkout is not used any more. */
  release(): void;
}

interface TemplateOrder {
  readonly mirror: Mirror;
  readonly commit: string;
  readonly signal: AbortSignal | undefined;
}

export interface CheckoutOrder extends CopyOrder, TemplateOrder {
  readonly patch: Content;
  readonly withholdAgentFiles: boolean;
  /** As in `InventoryOptions`. */
  readonly followsImports: boolean;
  readonly setup?: CheckoutSetup | undefined;
  /** As in `CheckoutOptions`. */
  readonly showsLaidUnder?: boolean | undefined;
}

export interface Templates {
  /** @throws PromptOsError PATCH_NOT_APPLICABLE, GIT_FAILED; the signal's reason */
  take(order: CheckoutOrder): Promise<PreparedCheckout>;
  /** The files of a commit that steer agents. @throws PromptOsError GIT_FAILED; the signal's reason */
  inventory(order: TemplateOrder & Pick<CheckoutOrder, 'followsImports'>): Promise<Inventory>;
}

/**
 * Checkouts as copies of a template, which is made once for each commit, and of an overlay for each patch on it. A copy
 * starts no git. A worker keeps a few templates, removes them when they are not used for a while, and uses one only as long
 * as none of its files was written since it was made. A checkout in which nothing was written serves another gate too.
 */
export function createTemplates(stateDir: string, leavesNothing: boolean): Templates {
  const { parent, prefix } = templatePlace(stateDir);
  const copies = createCopies(leavesNothing);
  const layers = createSetupLayers(stateDir, copies);
  const templates = createLeasedCache<Template>(TEMPLATES, (template) => {
    copies.drop((source) => source.template === template);
    removeInBackground(template.folder);
  });
  const overlays = createLeasedCache<Overlay>(OVERLAYS, (overlay) => {
    copies.drop((source) => source.overlay === overlay);
    removeInBackground(overlay.folder);
  });

  const keyOf = ({ mirror, commit }: TemplateOrder): string => `${mirror.gitDir} ${commit}`;
  const leaseTemplate = (order: TemplateOrder): Promise<Lease<Template>> => {
    const make = () => inNewFolder(parent, prefix, (folder) => makeTemplate(order.mirror, order.commit, folder));
    return unlessAborted(templates.lease(keyOf(order), make), order.signal);
  };
  const leaseOverlay = async (template: Template, order: CheckoutOrder): Promise<Lease<Overlay> | null> => {
    const { mirror, patch } = order;
    if (patch.byteLength === 0) return null;
    const digest = await digestOf(patch);
    const { whole: followed, withoutImports } = template.inventories;
    // Where nothing is imported, both are the same, and so is the overlay.
    const followsImports = order.followsImports || followed === withoutImports;
    const lease = (options: OverlayOptions) =>
      overlays.lease(`${keyOf(order)} ${digest} ${JSON.stringify(options)}`, () =>
        inNewFolder(parent, prefix, (folder) => makeOverlay(mirror, template, patch, folder, options)),
      );
    const whole = await lease({ withhold: false, followsImports });
    // Nearly every patch touches no such file, and then all gates share one overlay.
    if (!order.withholdAgentFiles || whole.value.agentFiles.length === 0) return whole;
    return lease({ withhold: true, followsImports }).finally(whole.release);
  };

  const leaseSetup = async (template: Template, overlay: Overlay | null, { setup, ...order }: CheckoutOrder) => {
    if (setup === undefined) return { layer: null, setup: null };
    const begun = performance.now();
    let made = false;
    const make: CheckoutSetup['make'] = (...parts) => {
      made = true;
      return setup.make(...parts);
    };
    const leased = layers.lease(template, overlay, { ...order, setup: { ...setup, make } });
    const layer = await unlessAborted(leased, order.signal);
    const duration_ms = Math.round(performance.now() - begun);
    return { layer, setup: { sha256: layer.value.sha256, cached: !made, duration_ms } };
  };

  return {
    inventory: async (order) => {
      order.signal?.throwIfAborted();
      const { value, release } = await leaseTemplate(order);
      release();
      return inventoryFor(value.inventories, order.followsImports);
    },
    take: async (order) => {
      order.signal?.throwIfAborted();
      const lease = await leaseTemplate(order);
      const leases: Pick<Lease<unknown>, 'release' | 'retire'>[] = [lease];
      const release = (): void => {
        for (const one of [...leases].reverse()) one.release();
      };
      try {
        const overlay = await leaseOverlay(lease.value, order);
        if (overlay !== null) leases.push(overlay);
        const { layer, setup } = await leaseSetup(lease.value, overlay?.value ?? null, order);
        if (layer !== null) leases.push(layer);
        const shown = order.showsLaidUnder === true ? layer : null;
        const mounted = shown === null ? null : await mountLayer(shown, order);
        if (mounted !== null) leases.push(mounted);
        const copied = mounted === null ? (layer?.value ?? null) : null;
        const source = { template: lease.value, overlay: overlay?.value ?? null, layer: copied };
        let copy: Copy | null = await copies.take(source, order);
        const { directory } = copy;
        const requireUnwritten = async (): Promise<void> => mounted?.requireUnwritten();
        // It goes on while the executor works.
        requireUnwritten().catch(() => undefined);
        return {
          ...{
            directory,
            tree: withMounted(copy.tree, mounted),
            objects: overlay === null ? [] : [overlay.value.objects],
          },
          withheld: order.withholdAgentFiles ? (overlay?.value.agentFiles ?? []) : [],
          absent: overlay?.value.absent ?? [],
          ...(setup === null ? {} : { setup }),
          ...(mounted === null ? {} : { laidUnder: mounted.laidUnder }),
          requireUnwritten,
          refill: async () => {
            if (copy === null) throw new Error('the checkout was released');
            copy = await copies.refill(copy, order.signal);
            return withMounted(copy.tree, mounted);
          },
          release: () => {
            if (copy === null) return;
            copies.giveBack(copy);
            copy = null;
            release();
          },
        };
      } catch (error) {
        const isOfOrder = error instanceof PromptOsError && error.code !== 'GIT_FAILED' && error.code !== 'DISK_FULL';
        if (order.signal?.aborted !== true && !isOfOrder) {
          // Whatever failed is not tried with the same files again.
          for (const one of leases) one.retire();
        }
        release();
        throw error;
      }
    },
  };
}

/** What the set-up made is no part of the patch, also where it is not in the checkout itself. */
const withMounted = (tree: FreshTree, mounted: MountedLayer | null): FreshTree =>
  mounted === null ? tree : { ...tree, setup: mounted.pathsBeside(tree.known) };

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
