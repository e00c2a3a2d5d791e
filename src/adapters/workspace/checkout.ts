import { lstat, mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PromptOsError } from '../../contracts/errors.js';
import type { Checkout } from '../../ports/workspace.js';
import { EXACT_BYTES_ATTRIBUTES } from '../git/environments.js';
import { gitWords } from '../git/run-git.js';
import { applyToIndex } from '../git/scratch-index.js';
import { makeMarkedFolder, removeFolder } from '../platform/leftovers.js';
import { computePatch } from './compute-patch.js';
import type { Mirror } from './mirror.js';
import { type Scratch, withScratch } from './scratch.js';
import { writeSubmodules } from './submodules.js';
import { watchTracked } from './tree-watch.js';

/** How the folders of checkouts begin, so that leftovers of dead processes are known by name. */
export const CHECKOUT_PREFIX = 'promptos-checkout';

/** Whoever commits in a checkout needs a name; nothing of such a commit is ever used. */
const COMMITTER_CONFIG = `[user]
\tname = PromptOS checkout
\temail = checkout@promptos.invalid
[commit]
\tgpgSign = false
[gc]
\tauto = 0
[maintenance]
\tauto = false
`;

const SUBMODULE_MODE = '160000';

export interface GitCheckoutInput {
  readonly stateDir: string;
  /** Where checkouts are made. */
  readonly temporaryDir: string;
  /** Names the folder that the executor sees. */
  readonly repository: string;
  readonly mirror: Mirror;
  readonly commit: string;
  readonly patch: Uint8Array;
  readonly signal: AbortSignal | undefined;
}

/**
 * Makes a checkout: a folder with a git repository of its own, one commit and one branch in it, without any way back to
 * the mirror or to the user's repository. Files have the exact bytes of the tree: no line endings, filters or idents.
 * @throws PromptOsError PATCH_NOT_APPLICABLE, GIT_FAILED
 */
export async function makeCheckout(input: GitCheckoutInput): Promise<Checkout> {
  const holder = await makeMarkedFolder(input.temporaryDir, CHECKOUT_PREFIX);
  const directory = join(holder, input.repository);
  try {
    await mkdir(directory);
    const { dev, ino } = await lstat(directory);
    await populate(input, directory, input.signal);
    // What the engine reads and removes must be the folder that it made, not a link in its place.
    const requireSameFolder = async () => {
      const now = await lstat(directory).catch(() => null);
      if (now === null || !now.isDirectory() || now.dev !== dev || now.ino !== ino) {
        throw new PromptOsError('CHECKOUT_LOST', 'The folder of the checkout was removed or replaced.');
      }
    };
    const onPatchedTree = <T>(work: (scratch: Scratch) => Promise<T>): Promise<T> =>
      withScratch(input, async (scratch) => {
        const refused = input.patch.length === 0 ? null : await applyToIndex(scratch.git, input.patch, 'apply');
        if (refused !== null) throw notApplicable(refused);
        return work(scratch);
      });
    const diff: Checkout['diff'] = async (named = []) => {
      await requireSameFolder();
      return onPatchedTree((scratch) => computePatch(scratch, directory, named));
    };
    return {
      directory,
      diff,
      watch: async () => {
        const tracked = await onPatchedTree(trackedFiles);
        return watchTracked(directory, tracked, async () => (await diff()).files);
      },
      reset: async () => {
        await requireSameFolder();
        for (const name of await readdir(directory)) await removeFolder(join(directory, name));
        await populate(input, directory, input.signal);
      },
      // Never with the signal: a cancelled gate has to clean up too.
      discard: () => removeFolder(holder),
    };
  } catch (error) {
    await removeFolder(holder);
    throw error;
  }
}

async function populate(input: GitCheckoutInput, directory: string, signal: AbortSignal | undefined): Promise<void> {
  const { mirror, commit, patch } = input;
  const git = mirror.git.at({ cwd: directory, env: mirror.env, signal });
  const init = ['--quiet', '--template=', '--initial-branch=promptos', `--object-format=${mirror.objectFormat}`, '.'];
  await git.bytes(['init', ...init]);
  await mkdir(join(directory, '.git', 'info'), { recursive: true });
  await writeFile(join(directory, '.git', 'info', 'attributes'), EXACT_BYTES_ATTRIBUTES);
  await writeFile(join(directory, '.git', 'config'), COMMITTER_CONFIG, { flag: 'a' });
  const source = [mirror.gitDir, `${commit}:refs/heads/promptos`];
  const fetch = ['--quiet', '--no-tags', '--depth=1', '--no-write-fetch-head', '--update-head-ok', ...source];
  await git.bytes(['fetch', ...fetch]);
  await git.bytes(['reset', '--quiet', '--hard']);
  await writeSubmodules(mirror.git, { scratch: dirname(directory), directory }, commit);
  // The log of refs says where the commit was fetched from.
  await removeFolder(join(directory, '.git', 'logs'));
  if (patch.length === 0) return;
  const applied = await git.ask(['apply', '--index', '--whitespace=nowarn', '-'], { input: patch });
  if (applied.exitCode !== 0) throw notApplicable(gitWords(applied.stderr));
}

/** Paths of the tree in the scratch's index. Submodules are empty folders in a checkout. */
async function trackedFiles(scratch: Scratch): Promise<readonly string[]> {
  const staged = (await scratch.git.text(['ls-files', '--stage', '-z'])).split('\0');
  return staged
    .filter((entry) => entry !== '' && !entry.startsWith(SUBMODULE_MODE))
    .map((entry) => entry.slice(entry.indexOf('\t') + 1));
}

const notApplicable = (reason: string): PromptOsError =>
  new PromptOsError('PATCH_NOT_APPLICABLE', `The patch does not apply to the base commit: ${reason}.`);
