import { join } from 'node:path';
import { PromptOsError } from '../../../contracts/errors.js';
import type { Content } from '../../../contracts/long-bytes.js';
import { counted } from '../../../contracts/sentences.js';
import type { Git } from '../../git/run-git.js';
import { withScratchIndex } from '../../git/scratch-index.js';
import { readIfPresent, writeLocalFile } from '../../platform/time-slices.js';
import type { Mirror } from './mirror.js';

/** A patch that is larger than this is not computed at all. */
const PATCH_BYTES_LIMIT = 256 * 1_024 * 1_024;

const BOUNDED = {
  maxBytes: PATCH_BYTES_LIMIT,
  tooMuch: (limit: number) =>
    new PromptOsError('PATCH_TOO_LARGE', `The change is larger than ${counted(limit, 'byte')}.`),
};

/** What git prints of a change, up to the largest change. @throws PromptOsError PATCH_TOO_LARGE, GIT_FAILED */
export const bounded = (git: Git, args: readonly string[]): Promise<Buffer> => git.bytes(args, BOUNDED);

/** The same, in a file of the scratch where it is long. The caller releases it. @throws PromptOsError PATCH_TOO_LARGE, GIT_FAILED */
export const boundedContent = ({ git, folder }: Scratch, args: readonly string[]): Promise<Content> =>
  git.content(args, folder, BOUNDED);

/** A folder with an index and an object folder of its own, and the engine's git with both on the mirror's git folder. */
export interface Scratch {
  readonly folder: string;
  readonly git: Git;
}

/** Where scratch folders of a worker are, and how their names begin. */
export const scratchPlace = (stateDir: string): { readonly parent: string; readonly prefix: string } => ({
  parent: join(stateDir, 'scratch'),
  prefix: 'tree',
});

export interface ScratchInput {
  readonly stateDir: string;
  readonly mirror: Mirror;
  /** Object folders that have what the mirror lacks. */
  readonly objects?: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/** Runs `work` with a scratch, whose index is that of a commit or the given bytes; it is removed after. */
export const withScratch = <T>(
  { stateDir, mirror, objects = [], signal }: ScratchInput,
  index: { readonly commit: string } | { readonly bytes: Uint8Array },
  work: (scratch: Scratch) => Promise<T>,
): Promise<T> => {
  const place = { ...scratchPlace(stateDir), objects: [join(mirror.gitDir, 'objects'), ...objects] };
  return withScratchIndex(place, async ({ folder, variables }) => {
    const git = mirror.git.with({ env: variables, signal });
    const known = 'commit' in index ? indexes.get(index.commit) : index.bytes;
    if (known !== undefined) await writeLocalFile(variables.GIT_INDEX_FILE, known);
    else if ('commit' in index) {
      await git.bytes(['read-tree', index.commit]);
      await remember(index.commit, variables.GIT_INDEX_FILE);
    }
    return work({ folder, git });
  });
};

/** Indexes of commits that were read: a commit never changes. The oldest go first. */
const indexes = new Map<string, Uint8Array>();
const REMEMBERED = { count: 4, bytes: 16 * 1_024 * 1_024 };

async function remember(commit: string, path: string): Promise<void> {
  const bytes = await readIfPresent(path);
  if (bytes === null || bytes.length > REMEMBERED.bytes) return;
  indexes.set(commit, bytes);
  const [oldest] = indexes.keys();
  if (indexes.size > REMEMBERED.count && oldest !== undefined) indexes.delete(oldest);
}
