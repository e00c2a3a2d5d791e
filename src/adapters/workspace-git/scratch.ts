import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PromptOsError } from '../../contracts/errors.js';
import { counted } from '../../contracts/sentences.js';
import { makeMarkedFolder, removeFolder } from '../platform/leftovers.js';
import type { Mirror } from './mirror.js';
import { type GitCall, requireGit } from './run-git.js';

/** A patch that is larger than this is not computed at all. */
const PATCH_BYTES_LIMIT = 256 * 1_024 * 1_024;

/** What git prints of a change, as far as a change may be large. @throws PromptOsError PATCH_TOO_LARGE, GIT_FAILED */
export const bounded = (scratch: Scratch, args: readonly string[]): Promise<Buffer> =>
  requireGit(
    scratch.git(args, {
      maxBytes: PATCH_BYTES_LIMIT,
      tooMuch: (limit) => new PromptOsError('PATCH_TOO_LARGE', `The change is larger than ${counted(limit, 'byte')}.`),
    }),
  );

/** The engine's git on a tree: the mirror's git folder, an index and new objects in a scratch folder of its own. */
export interface Scratch {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  git(args: readonly string[], more?: Partial<GitCall>): GitCall;
}

/** Runs `work` with a scratch that holds a commit, and a patch on it when there is one; the scratch is removed after. */
export async function withScratch<T>(
  input: {
    readonly stateDir: string;
    readonly mirror: Mirror;
    readonly commit: string;
    readonly signal?: AbortSignal | undefined;
  },
  work: (scratch: Scratch) => Promise<T>,
): Promise<T> {
  const { mirror, signal } = input;
  const folder = await makeMarkedFolder(join(input.stateDir, 'scratch'), 'tree');
  try {
    const objects = join(folder, 'objects');
    await mkdir(join(objects, 'info'), { recursive: true });
    await writeFile(join(objects, 'info', 'alternates'), `${join(mirror.gitDir, 'objects')}\n`);
    const env = {
      ...mirror.env,
      GIT_DIR: mirror.gitDir,
      GIT_INDEX_FILE: join(folder, 'index'),
      GIT_OBJECT_DIRECTORY: objects,
    };
    const scratch: Scratch = {
      folder,
      env,
      git: (args, more) => ({ args, cwd: mirror.gitDir, env, signal, ...more }),
    };
    await requireGit(scratch.git(['read-tree', input.commit]));
    return await work(scratch);
  } finally {
    await removeFolder(folder);
  }
}
