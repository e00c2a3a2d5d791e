import { PromptOsError } from '../../contracts/errors.js';
import type { LaidUnder } from '../../ports/laid-under.js';
import { CHECKOUT_PREFIX, inNewFolder, removeInBackground } from './copies.js';
import type { Lease } from './leased-cache.js';
import { besides, type SetupLayer, type SetupPaths } from './setup-paths.js';
import { bytePath, type KnownTree, surveyTree } from './tree-survey.js';

/** What a set-up made, shown under one checkout in place of a copy. Its folder stays until it is released. */
export interface MountedLayer extends Pick<Lease<unknown>, 'release' | 'retire'> {
  readonly laidUnder: LaidUnder;
  /** What of it shows beside the files of a checkout. */
  pathsBeside(known: KnownTree): SetupPaths;
}

/**
 * Prepares a kept result for a mount: as with a copy, one that another program has written to is not used.
 * @throws PromptOsError GIT_FAILED
 */
export async function mountLayer(
  layer: SetupLayer,
  { temporaryDir }: { readonly temporaryDir: string },
): Promise<MountedLayer> {
  const unpin = await layer.pin();
  if (unpin === null) throw changed();
  try {
    const { changed: files, replaced, others, otherFolders } = await surveyTree(bytePath(layer.tree), layer.files);
    if (files.length + replaced.length > 0 || others || otherFolders) {
      unpin();
      await layer.discard();
      throw changed();
    }
    const work = await inNewFolder(temporaryDir, CHECKOUT_PREFIX, async (folder) => folder);
    return {
      laidUnder: { files: layer.tree, work },
      pathsBeside: (known) => {
        const { files, folders } = besides(layer.files, known);
        return { files: new Set(files.keys()), folders };
      },
      release: () => {
        removeInBackground(work);
        unpin();
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
