import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { endLeftovers, SCRATCH_PREFIX, withPassingFolder } from './leftovers.js';
import type { ProgramStarter } from './program-starter.js';

/** The look for programs that were left before this process: where none leaves any, no other look is needed. */
let firstLook: Promise<void> | undefined;

/** Folders of one execution, fresh and empty. */
export interface Scratch {
  /** The folder that holds the others, and that goes at the end. */
  readonly root: string;
  readonly home: string;
  /** Where the command may leave files, its answer among them. */
  readonly files: string;
}

/**
 * Makes scratch folders under `parent`, and removes them whatever the work does. When a worker is killed its launcher
 * removes them, and ends the programs. What is left when that was killed too goes here: programs before any work, so that
 * none runs on beside the next try of its gate, and folders when a process first works under the same parent.
 * @param programs what starts the programs of the work
 */
export async function withScratch<T>(
  parent: string,
  { leavesNothing = false }: Pick<ProgramStarter, 'leavesNothing'>,
  work: (scratch: Scratch) => Promise<T>,
): Promise<T> {
  // Before the folders go: what still runs in one would create it again.
  if (!leavesNothing || firstLook === undefined) {
    firstLook = endLeftovers();
    firstLook.catch(() => {
      firstLook = undefined;
    });
  }
  await firstLook;
  return withPassingFolder(parent, SCRATCH_PREFIX, (root) => {
    const scratch = { root, home: join(root, 'home'), files: join(root, 'files') };
    mkdirSync(scratch.home);
    mkdirSync(scratch.files);
    return work(scratch);
  });
}
