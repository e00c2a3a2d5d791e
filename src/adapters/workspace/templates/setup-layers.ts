import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PromptOsError } from '../../../contracts/errors.js';
import type { LaidUnder } from '../../../ports/laid-under.js';
import type { CheckoutSetup } from '../../../ports/workspace.js';
import { agentFileOf, createAgentPaths } from '../../../rules/agent-files/agent-files.js';
import { pathText } from '../../git/read-diff.js';
import { createKeptFolders, type Drops, type KeptLimits, TooLarge } from '../../platform/kept-folders.js';
import { copyTree } from '../tree/copy-tree.js';
import { GITLINK_MODE, missingIn } from '../tree/git-index.js';
import { besides, type SetupLayer, type SetupPaths } from '../tree/setup-paths.js';
import {
  type BytePath,
  bytePath,
  bytesOf,
  folderIdentity,
  type KnownTree,
  knownTree,
  look,
  surveyTree,
} from '../tree/tree-survey.js';
import { CHECKOUT_PREFIX, type Copies, type CopyOrder, inNewFolder, removeInBackground } from './copies.js';
import { createLeasedCache, type Lease } from './leased-cache.js';
import type { Overlay, Template } from './template.js';

interface LayerOrder extends CopyOrder {
  readonly setup: CheckoutSetup;
}

export interface SetupLayers {
  /**
   * The layer for the commands and the key files of a commit with a patch; made where none is kept.
   * @throws PromptOsError SETUP_FAILED, GIT_FAILED, and what `make` of the set-up throws
   */
  lease(template: Template, overlay: Overlay | null, order: LayerOrder): Promise<Lease<SetupLayer>>;
}

/** Larger than those of downloads: a result that is not kept cannot be used. */
const LIMITS: KeptLimits = {
  folderBytes: 8 * 1_024 ** 3,
  folderFiles: 1_000_000,
  totalBytes: 24 * 1_024 ** 3,
  unusedMs: 30 * 24 * 3_600_000,
};
/** What this process knows of kept results without using them, and for how long. */
const KNOWN = { idle: 8, idleMs: 30 * 60_000 };

/** @param copies makes the checkouts that set-up commands work in */
export function createSetupLayers(
  stateDir: string,
  copies: Pick<Copies, 'take' | 'drop'>,
  limits: KeptLimits = LIMITS,
): SetupLayers {
  const kept = createKeptFolders(join(stateDir, 'setups'), limits);
  const layers = createLeasedCache<SetupLayer>(KNOWN, (layer) => copies.drop((source) => source.layer === layer));

  const make = async (key: string, template: Template, overlay: Overlay | null, order: LayerOrder): Promise<void> => {
    const copy = await copies.take({ template, overlay: null, layer: null }, order);
    try {
      const changed = await layKeyFiles(copy.directory, template, overlay, order.setup);
      await order.setup.make(copy.directory, !changed);
      order.signal?.throwIfAborted();
      await kept.keep(key, copy.directory, dropsOf(template, overlay));
    } catch (error) {
      if (!(error instanceof TooLarge)) throw error;
      throw new PromptOsError('SETUP_FAILED', 'The set-up made more files, or larger ones, than can be kept.', {
        hint: 'Let it install less: 8 GiB and 1,000,000 files are kept of one set-up.',
      });
    } finally {
      removeInBackground(copy.holder);
    }
  };
  const find = async (key: string): Promise<SetupLayer | null> => {
    const found = await kept.use(key);
    if (found === null) return null;
    const files = await knownTree(bytePath(found.folder));
    // One that another process removes meanwhile is listed in part, without an error.
    const isWhole = files.files.size + files.folders.size === found.files;
    if (!isWhole) return null;
    const discard = async (): Promise<void> => {
      const now = look(Buffer.from(found.folder));
      // Another gate may have had it made again already.
      if (now !== null && folderIdentity(now) === files.folders.get('')) await kept.discard(key);
    };
    return { sha256: key, tree: found.folder, files, pin: () => kept.pin(key), discard };
  };
  const findOrMake = async (key: string, ...parts: Parameters<SetupLayers['lease']>): Promise<SetupLayer> => {
    const found = await find(key);
    if (found !== null) return found;
    await make(key, ...parts);
    const made = await find(key);
    if (made !== null) return made;
    throw new PromptOsError('GIT_FAILED', 'What the set-up made was removed from the state folder at once.', {
      hint: 'It is made again for the next attempt. Find out which program of this user works in the state folder.',
    });
  };
  return {
    lease: async (template, overlay, order) => {
      const key = keyOf(template, overlay, order);
      for (;;) {
        order.signal?.throwIfAborted();
        let own = false;
        try {
          const lease = await layers.lease(key, () => {
            own = true;
            return findOrMake(key, template, overlay, order);
          });
          // It counts as used now. Another worker of the same state folder may have removed it since it was known.
          if (own || (await kept.use(key)) !== null) return lease;
          lease.retire();
          lease.release();
        } catch (error) {
          // Another gate's, which was cancelled: this gate goes on. A set-up that failed fails for all who wait for it.
          if (own || error instanceof PromptOsError) throw error;
        }
      }
    },
  };
}

/** The key files as git has them: mode, object and path. @throws PromptOsError SETUP_FAILED where there is none */
function keyOf(template: Template, overlay: Overlay | null, { repository, setup }: LayerOrder): string {
  const { entries } = (overlay ?? template).index;
  const files = [...entries.values()]
    .filter(({ mode, path }) => mode !== GITLINK_MODE && setup.isKeyFile(pathText(path)))
    .map(({ mode, object, path }) => `${mode.toString(8)} ${object} ${path}`);
  if (files.length === 0) {
    throw new PromptOsError('SETUP_FAILED', 'No file of this commit with its patch is a key file of the set-up.', {
      hint: 'A result would be kept whatever changes. Correct key_files under `setup` in the policy, such as package-lock.json; a key file has to be committed.',
    });
  }
  const parts = [repository, setup.key, ...files.sort()];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/**
 * Gives a checkout of the commit the key files of the patch, and nothing else of it: other code that is only proposed has no
 * part in what is kept.
 * @returns whether there was anything to give
 */
async function layKeyFiles(
  directory: string,
  template: Template,
  overlay: Overlay | null,
  { isKeyFile }: CheckoutSetup,
): Promise<boolean> {
  if (overlay === null) return false;
  const isKey = ({ mode, path }: { readonly mode: number; readonly path: BytePath }) =>
    mode !== GITLINK_MODE && isKeyFile(pathText(path));
  const removed = missingIn(template.index, overlay.index).filter(isKey);
  const written = overlay.changed.filter(isKey);
  const to = bytePath(directory);
  for (const { path } of removed) rmSync(bytesOf(`${to}/${path}`), { force: true });
  const identities = new Map<BytePath, string>();
  for (const { path } of written) {
    const identity = overlay.files.files.get(path);
    if (identity === undefined) continue;
    requireRealParents(to, path);
    mkdirSync(bytesOf(`${to}/${dirname(path)}`), { recursive: true });
    identities.set(path, identity);
  }
  const copied = await copyTree(bytePath(overlay.tree), { files: identities, folders: new Map() }, to);
  if (copied === null) throw new PromptOsError('GIT_FAILED', 'The files of a patch changed while they were copied.');
  return removed.length + written.length > 0;
}

/** A key file in a folder that is a link in the commit would be written elsewhere. */
function requireRealParents(top: BytePath, path: BytePath): void {
  for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) {
    const found = lstatSync(bytesOf(`${top}/${folder}`), { throwIfNoEntry: false });
    if (found === undefined || found.isDirectory()) continue;
    throw new PromptOsError('SETUP_FAILED', `The patch moves the key file ${pathText(path)} to where a file was.`, {
      hint: 'Name fewer key files in the policy, or make this change without a governed run.',
    });
  }
}

/**
 * What is kept is what git does not have. A file that steers agents is never kept: with the key files of a patch, the judged
 * could steer their judges by what a package installs.
 */
const dropsOf =
  (template: Template, overlay: Overlay | null): Drops =>
  (folder, path) => {
    const place = bytePath(path);
    const tracked = template.files.files.has(place) || overlay?.files.files.has(place) === true;
    if (tracked || path === '.git' || agentFileOf(path) !== null) return true;
    return PATHS.folderOf(path) !== null && lstatSync(join(folder, path)).isSymbolicLink();
  };

const PATHS = createAgentPaths();

/** What a set-up made, shown under one checkout in place of a copy. Its folder stays until it is released. */
export interface MountedLayer extends Pick<Lease<unknown>, 'release' | 'retire'> {
  readonly laidUnder: LaidUnder;
  /** What of it shows beside the files of a checkout. */
  pathsBeside(known: KnownTree): SetupPaths;
  /**
   * Looks at every file of it, once, and waits for that: to be begun when the checkout is given away, and to be waited for
   * before what came of the checkout counts.
   * @throws PromptOsError GIT_FAILED when another program has written to it since it was kept
   */
  requireUnwritten(): Promise<void>;
}

/**
 * Prepares a kept result for a mount: as with a copy, nothing counts that was made with one that another program has written to.
 * To look at tens of thousands of files takes as long as many an executor needs to start, so they are looked at while
 * it works. No program in a box can write to them; one outside that does is found as before, and for longer: any time of change
 * that is not the known one counts, also of a write after the checkout was given away.
 * @param leased of the layer
 * @throws PromptOsError GIT_FAILED
 */
export async function mountLayer(
  { value: layer, retire }: Pick<Lease<SetupLayer>, 'value' | 'retire'>,
  { temporaryDir }: { readonly temporaryDir: string },
): Promise<MountedLayer> {
  const unpin = await layer.pin();
  if (unpin === null) throw changed();
  const survey = async (): Promise<void> => {
    const { changed: files, replaced, others, otherFolders } = await surveyTree(bytePath(layer.tree), layer.files);
    if (files.length + replaced.length === 0 && !others && !otherFolders) return;
    retire();
    await layer.discard();
    throw changed();
  };
  let surveyed: Promise<void> | undefined;
  try {
    const work = await inNewFolder(temporaryDir, CHECKOUT_PREFIX, async (folder) => folder);
    return {
      laidUnder: { files: layer.tree, work },
      pathsBeside: (known) => {
        const { files, folders } = besides(layer.files, known);
        return { files: new Set(files.keys()), folders };
      },
      requireUnwritten: () => {
        surveyed ??= survey();
        return surveyed;
      },
      release: () => {
        removeInBackground(work);
        // Once another process may remove it, files would be missing that none has written to.
        void Promise.resolve(surveyed).then(unpin, unpin);
      },
      retire: () => undefined,
    };
  } catch (error) {
    unpin();
    throw error;
  }
}

const changed = (): PromptOsError =>
  new PromptOsError('GIT_FAILED', 'Another program wrote into the folder of a set-up that checkouts are given.', {
    hint: 'It is made again for the next attempt. Find out which program of this user works in the state folder.',
  });
