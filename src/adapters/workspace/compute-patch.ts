import { type Content, isLong, releaseContent, SHORT_BYTES } from '../../contracts/long-bytes.js';
import type { LongPatch } from '../../contracts/record/long-patch.js';
import type { Patch, PatchFile, RollbackProof } from '../../contracts/record/patch.js';
import { wholeChange } from '../../rules/patch/added-lines.js';
import { pathText, readRawDiff } from '../git/read-diff.js';
import type { Git } from '../git/run-git.js';
import { applyToIndex } from '../git/scratch-index.js';
import { type ListedFile, normalForm } from './normal-checkout.js';
import { boundedContent, type Scratch } from './repository/scratch.js';
import { changedSubmodules } from './repository/submodules.js';
import { submodulesIn, type WriteOptions, writeCheckoutTree } from './tree/checkout-tree.js';

const LINK_MODE = '120000';
const LINK_TARGET_LIMIT = 64 * 1_024;

const DIFF = ['diff-tree', '-r', '--find-renames', '--no-ext-diff', '--no-textconv', '--no-color', '--full-index'];

/**
 * The change from the tree in the scratch's index to the files of a checkout, in the form in which git would commit it in a
 * normal checkout.
 * @throws PromptOsError PATCH_TOO_LARGE, GIT_FAILED
 */
export async function computePatch(
  scratch: Scratch,
  directory: string,
  options: WriteOptions,
): Promise<Patch | LongPatch> {
  const { git, folder } = scratch;
  const worktree = git.with({ cwd: directory, env: { GIT_WORK_TREE: directory } });
  const { trees, ...rest } = await writeCheckoutTree(worktree, options);
  const changed = await changedSubmodules(
    git,
    { scratch: folder, directory },
    submodulesIn(options.gitlinks),
    options.leftOut,
  );
  const untrackable = [...rest.untrackable, ...changed];
  if (trees === null) return { ...NO_CHANGE, files: untrackable };
  const [before, written] = trees;
  const first = await listFiles(git, [before, written]);
  const { cleaned, unclean } = await normalForm(scratch, before, first);
  const tree = cleaned.length === 0 ? written : await replaceBlobs(git, cleaned);
  const listing = tree === written ? first : await listFiles(git, [before, tree]);
  const bytes = await boundedContent(scratch, [...DIFF, '-p', '--binary', before, tree]);
  return readChange(scratch, { listing, unclean, untrackable, bytes, shown: bytes, own: [bytes] });
}

export const NO_CHANGE: Patch = { bytes: new Uint8Array(), files: [], added_lines: [] };

/**
 * What a patch comes to on the tree in the scratch's index, as git sees the two trees: not what its text says.
 * @returns a sentence of git's where it does not apply
 * @throws PromptOsError PATCH_TOO_LARGE, GIT_FAILED
 */
export async function appliedChange(scratch: Scratch, bytes: Content): Promise<Patch | LongPatch | string> {
  const { git } = scratch;
  const before = await git.text(['write-tree']);
  const reason = await applyToIndex(git, bytes, 'apply');
  if (reason !== null) return reason;
  return treeChange(scratch, { before, after: await git.text(['write-tree']) }, bytes);
}

/**
 * The change from one tree to another, whose bytes are not normalised: files of which git would commit other bytes are
 * named in `unclean`.
 * @param given the patch that led from the one to the other; git writes one when it is left out
 * @throws PromptOsError PATCH_TOO_LARGE, GIT_FAILED
 */
export async function treeChange(
  scratch: Scratch,
  { before, after }: { readonly before: string; readonly after: string },
  given?: Content,
): Promise<Patch | LongPatch> {
  const bytes = given ?? (await boundedContent(scratch, [...DIFF, '-p', '--binary', before, after]));
  const listing = await listFiles(scratch.git, [before, after]);
  const { cleaned, unclean } = await normalForm(scratch, before, listing);
  const other = cleaned.map(({ file: { path } }) => ({ path, reason: 'with its attributes git commits other bytes' }));
  const shown = await boundedContent(scratch, [...DIFF, '-p', '--unified=0', before, after]);
  const own = given === undefined ? [bytes, shown] : [shown];
  return readChange(scratch, { listing, unclean: [...unclean, ...other], untrackable: [], bytes, shown, own });
}

async function replaceBlobs(git: Git, files: readonly ListedFile[]): Promise<string> {
  const entries = files.map(({ file, object }) => `${file.new_mode} ${object}\t${file.path}\0`).join('');
  await git.bytes(['update-index', '-z', '--index-info'], { input: entries });
  return git.text(['write-tree']);
}

async function listFiles(git: Git, trees: readonly [string, string]): Promise<readonly ListedFile[]> {
  const changes = readRawDiff(await git.bytes([...DIFF, '-z', '--raw', '--numstat', ...trees]));
  return changes.map(({ path, oldPath, status, oldMode, mode, blob, added, deleted }) => ({
    object: blob,
    file: {
      path: pathText(path),
      old_path: oldPath === null ? null : pathText(oldPath),
      status,
      old_mode: oldMode,
      new_mode: mode,
      binary: added === null,
      added: added ?? 0,
      deleted: deleted ?? 0,
    },
  }));
}

interface SeenChange {
  readonly listing: readonly ListedFile[];
  readonly unclean: NonNullable<Patch['unclean']>;
  /** Files that could not be taken into the change. */
  readonly untrackable: readonly PatchFile[];
  readonly bytes: Content;
  /** What git prints of it as a patch. */
  readonly shown: Content;
  /** Those of the two that are the change's to release. */
  readonly own: readonly Content[];
}

/** In memory where it is short. */
async function readChange(
  scratch: Scratch,
  { listing, unclean, untrackable, bytes, shown, own }: SeenChange,
): Promise<Patch | LongPatch> {
  const binaries = await binaryFiles(scratch, listing);
  const found = binaries.map(({ content }) => content);
  const contents = [...new Set([bytes, shown, ...found])];
  const change: LongPatch = {
    files: [...listing.map(({ file }) => file), ...untrackable],
    ...(unclean.length === 0 ? {} : { unclean }),
    bytes,
    shown,
    moved_links: await movedLinks(scratch.git, listing),
    binaries,
    release: () => {
      for (const content of [...own, ...found]) releaseContent(content);
    },
  };
  const size = contents.reduce((sum, content) => sum + content.byteLength, 0);
  return contents.some(isLong) || size > SHORT_BYTES ? change : wholeChange(change);
}

/** A binary file that is larger than this is not searched for secrets. */
const BINARY_TEXT_LIMIT = 16 * 1_024 * 1_024;

async function binaryFiles(
  { git, folder }: Scratch,
  listing: readonly ListedFile[],
): Promise<readonly { readonly path: string; readonly content: Content }[]> {
  const files: { readonly path: string; readonly content: Content }[] = [];
  for (const { file, object } of listing.filter(({ file }) => file.binary && file.status !== 'deleted')) {
    const sized = await git.ask(['cat-file', '-s', object]);
    if (sized.exitCode !== 0 || Number(sized.stdout.toString('latin1')) > BINARY_TEXT_LIMIT) continue;
    const content = await git.content(['cat-file', 'blob', object], folder, { maxBytes: BINARY_TEXT_LIMIT });
    files.push({ path: file.path, content });
  }
  return files;
}

/** Where links point that were moved or copied: the patch need not show it. */
async function movedLinks(git: Git, listing: readonly ListedFile[]): Promise<Patch['added_lines']> {
  const isMoved = ({ status, new_mode }: PatchFile): boolean =>
    new_mode === LINK_MODE && (status === 'renamed' || status === 'copied');
  const lines: Patch['added_lines'][number][] = [];
  for (const { file, object } of listing.filter(({ file }) => isMoved(file))) {
    const target = await git.bytes(['cat-file', 'blob', object], { maxBytes: LINK_TARGET_LIMIT });
    for (const [index, text] of target.toString('utf8').split('\n').entries()) {
      lines.push({ path: file.path, line: index + 1, text });
    }
  }
  return lines;
}

/**
 * Applies a patch to the tree in the scratch's index and takes it back.
 * @returns a sentence of git's where it does not apply
 * @throws PromptOsError GIT_FAILED
 */
export async function revertedChange(
  { git }: Scratch,
  commit: string,
  bytes: Content,
): Promise<RollbackProof | string> {
  const base_tree = await git.text(['rev-parse', `${commit}^{tree}`]);
  const refused = await applyToIndex(git, bytes, 'apply');
  if (refused !== null) return refused;
  const patched_tree = await git.text(['write-tree']);
  const reason = await applyToIndex(git, bytes, 'reverse');
  if (reason !== null) return { base_tree, patched_tree, restored_tree: null, reason };
  return { base_tree, patched_tree, restored_tree: await git.text(['write-tree']) };
}
