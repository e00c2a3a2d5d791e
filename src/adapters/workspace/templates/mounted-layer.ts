import { PromptOsError } from '../../../contracts/errors.js';
import type { LaidUnder } from '../../../ports/laid-under.js';
import { besides, type SetupLayer, type SetupPaths } from '../tree/setup-paths.js';
import { bytePath, type KnownTree, surveyTree } from '../tree/tree-survey.js';
import { CHECKOUT_PREFIX, inNewFolder, removeInBackground } from './copies.js';
import type { Lease } from './leased-cache.js';

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
