import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Content } from '../../contracts/long-bytes.js';
import { withPassingFolder } from '../platform/leftovers.js';
import { makeFoldersSync } from '../platform/make-folders.js';
import { type Git, gitWords } from './run-git.js';

/** An index of its own, outside of any repository. */
export interface ScratchIndex {
  readonly folder: string;
  /** Added to git's environment, they make it use the index, and the object folder when there is one. */
  readonly variables: Readonly<Record<string, string>> & { readonly GIT_INDEX_FILE: string };
}

export interface ScratchPlace {
  readonly parent: string;
  /** How the name of the folder begins, by which leftovers of dead processes are found. */
  readonly prefix: string;
  /** The object folders that new objects are kept apart from; null when they go into the repository. */
  readonly objects: readonly string[] | null;
}

/** Runs `work` with an index in a folder of its own, which is removed after. */
export async function withScratchIndex<T>(
  { parent, prefix, objects }: ScratchPlace,
  work: (scratch: ScratchIndex) => Promise<T>,
): Promise<T> {
  return withPassingFolder(parent, prefix, async (folder) => {
    const index = { GIT_INDEX_FILE: join(folder, 'index') };
    if (objects === null) return work({ folder, variables: index });
    const own = join(folder, 'objects');
    makeFoldersSync(join(own, 'info'));
    writeFileSync(join(own, 'info', 'alternates'), objects.map((other) => `${other}\n`).join(''));
    return work({ folder, variables: { ...index, GIT_OBJECT_DIRECTORY: own } });
  });
}

/** What is done with a patch, and how git is asked for it. */
const WAYS = { apply: [], check: ['--check'], reverse: ['--reverse'] } as const;

/**
 * Applies a patch to the tree in an index, checks whether it applies, or takes it back.
 * @returns null when it does, else what git said
 */
export async function applyToIndex(git: Git, patch: Content, how: keyof typeof WAYS): Promise<string | null> {
  const args = ['apply', '--cached', '--whitespace=nowarn', ...WAYS[how], '-'];
  const { exitCode, stderr } = await git.ask(args, { input: patch });
  return exitCode === 0 ? null : gitWords(stderr || `git apply ended with exit code ${exitCode}`, 1_500);
}
