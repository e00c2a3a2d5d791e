import type { Patch, PatchFile } from '../../contracts/patch.js';
import { pathText, readAddedLines, readRawDiff } from '../git/read-diff.js';
import type { Git } from '../git/run-git.js';
import { applyToIndex } from '../git/scratch-index.js';
import { submodulesIn, type WriteOptions, writeCheckoutTree } from './checkout-tree.js';
import { type ListedFile, normalForm } from './normal-checkout.js';
import { bounded, type Scratch } from './scratch.js';
import { changedSubmodules } from './submodules.js';

const LINK_MODE = '120000';
const LINK_TARGET_LIMIT = 64 * 1_024;

const DIFF = ['diff-tree', '-r', '--find-renames', '--no-ext-diff', '--no-textconv', '--no-color', '--full-index'];

/**
 * The change from the tree in the scratch's index to the files of a checkout, in the form in which git would commit it in a
 * normal checkout.
 * @throws PromptOsError PATCH_TOO_LARGE, GIT_FAILED
 */
export async function computePatch(scratch: Scratch, directory: string, options: WriteOptions): Promise<Patch> {
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
  const bytes = await bounded(git, [...DIFF, '-p', '--binary', before, tree]);
  const listed = await readChange(git, listing, bytes);
  const change = { ...listed, ...(unclean.length === 0 ? {} : { unclean }) };
  return { ...change, bytes: new Uint8Array(bytes), files: [...change.files, ...untrackable] };
}

export const NO_CHANGE: Patch = { bytes: new Uint8Array(), files: [], added_lines: [] };

/**
 * What a patch comes to on the tree in the scratch's index, as git sees the two trees: not what its text says.
 * @returns a sentence of git's where it does not apply
 * @throws PromptOsError PATCH_TOO_LARGE, GIT_FAILED
 */
export async function appliedChange(scratch: Scratch, bytes: Uint8Array): Promise<Patch | string> {
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
  given?: Uint8Array,
): Promise<Patch> {
  const { git } = scratch;
  const bytes = given ?? new Uint8Array(await bounded(git, [...DIFF, '-p', '--binary', before, after]));
  const listing = await listFiles(git, [before, after]);
  const { cleaned, unclean } = await normalForm(scratch, before, listing);
  const other = cleaned.map(({ file: { path } }) => ({ path, reason: 'with its attributes git commits other bytes' }));
  const all = [...unclean, ...other];
  const shown = await bounded(git, [...DIFF, '-p', '--unified=0', before, after]);
  const listed = await readChange(git, listing, shown);
  return { ...listed, ...(all.length === 0 ? {} : { unclean: all }), bytes };
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

/** The files and added lines of a change. @param shown what git prints of it as a patch */
async function readChange(
  git: Git,
  listing: readonly ListedFile[],
  shown: Buffer,
): Promise<Pick<Patch, 'files' | 'added_lines' | 'binary_texts'>> {
  const added = readAddedLines(shown);
  return {
    files: listing.map(({ file }) => file),
    added_lines: [...added, ...(await movedLinks(git, listing, added))],
    binary_texts: await binaryTexts(git, listing),
  };
}

/** A binary file that is larger than this is not searched for secrets. */
const BINARY_TEXT_LIMIT = 16 * 1_024 * 1_024;

/** The text in binary files: without its zeros, UTF-16 reads as ASCII does, and so does source with a NUL in it. */
async function binaryTexts(
  git: Git,
  listing: readonly ListedFile[],
): Promise<readonly { readonly path: string; readonly text: string }[]> {
  const texts: { readonly path: string; readonly text: string }[] = [];
  for (const { file, object } of listing.filter(({ file }) => file.binary && file.status !== 'deleted')) {
    const sized = await git.ask(['cat-file', '-s', object]);
    if (sized.exitCode !== 0 || Number(sized.stdout.toString('latin1')) > BINARY_TEXT_LIMIT) continue;
    const blob = await git.bytes(['cat-file', 'blob', object], { maxBytes: BINARY_TEXT_LIMIT });
    texts.push({ path: file.path, text: blob.toString('latin1').replaceAll('\0', '') });
  }
  return texts;
}

/** Where a link points that was only moved: the patch does not show it, and from its new place it may lead elsewhere. */
async function movedLinks(
  git: Git,
  listing: readonly ListedFile[],
  added: Patch['added_lines'],
): Promise<Patch['added_lines']> {
  const shown = new Set(added.map(({ path }) => path));
  const isHidden = ({ path, new_mode }: PatchFile): boolean => new_mode === LINK_MODE && !shown.has(path);
  const lines: Patch['added_lines'][number][] = [];
  for (const { file, object } of listing.filter(({ file }) => isHidden(file))) {
    const target = await git.bytes(['cat-file', 'blob', object], { maxBytes: LINK_TARGET_LIMIT });
    for (const [index, text] of target.toString('utf8').split('\n').entries()) {
      lines.push({ path: file.path, line: index + 1, text });
    }
  }
  return lines;
}
