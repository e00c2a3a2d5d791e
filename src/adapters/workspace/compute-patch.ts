import type { Patch, PatchFile } from '../../contracts/patch.js';
import { type ListedFile, readPatchListing } from '../git/raw-diff.js';
import { gitWords, requireGit, runGit } from '../git/run-git.js';
import { readAddedLines } from './added-lines.js';
import { writeCheckoutTree } from './checkout-tree.js';
import { normalForm } from './normal-checkout.js';
import { bounded, type Scratch } from './scratch.js';
import { changedSubmodules } from './submodule-files.js';

const LINK_MODE = '120000';
const LINK_TARGET_LIMIT = 64 * 1_024;

/**
 * Whether a patch applies to the tree in the scratch's index; with `keep` it is applied there.
 * @returns null when it does, else what git said.
 */
export async function applyToIndex(scratch: Scratch, patch: Uint8Array, keep: boolean): Promise<string | null> {
  if (patch.length === 0) return null;
  const args = ['apply', '--cached', '--whitespace=nowarn', ...(keep ? [] : ['--check']), '-'];
  const { exitCode, stderr } = await runGit(scratch.git(args, { input: patch }));
  return exitCode === 0 ? null : gitWords(stderr || `git apply ended with exit code ${exitCode}`, 1_500);
}

const DIFF = ['diff-tree', '-r', '--find-renames', '--no-ext-diff', '--no-textconv', '--no-color', '--full-index'];

/**
 * The change from the tree in the scratch's index to the files of a checkout, in the form in which git would commit it in a
 * normal checkout.
 * @param named paths that are taken in although git ignores them
 * @throws PromptOsError PATCH_TOO_LARGE, GIT_FAILED
 */
export async function computePatch(scratch: Scratch, directory: string, named: readonly string[]): Promise<Patch> {
  const before = await writeTree(scratch);
  const env = { ...scratch.env, GIT_WORK_TREE: directory };
  const { signal } = scratch.git([]);
  const { tree: written, submodules, ...rest } = await writeCheckoutTree({ directory, env, signal }, named);
  const untaken = [...rest.untaken, ...(await changedSubmodules(scratch, directory, submodules))];
  // Most gates change nothing, and every git that is not started is time that nobody waits.
  if (written === before) return { bytes: new Uint8Array(), files: untaken, added_lines: [] };
  const first = await listFiles(scratch, [before, written]);
  const { cleaned, unclean } = await normalForm(scratch, [before, written], first);
  const tree = cleaned.length === 0 ? written : await replaceBlobs(scratch, cleaned);
  const listing = tree === written ? first : await listFiles(scratch, [before, tree]);
  const listed = await readChange(scratch, [before, tree], listing);
  const change = { ...listed, ...(unclean.length === 0 ? {} : { unclean }) };
  const bytes = await bounded(scratch, [...DIFF, '-p', '--binary', before, tree]);
  return { ...change, bytes: new Uint8Array(bytes), files: [...change.files, ...untaken] };
}

/**
 * What a patch comes to on the tree in the scratch's index, as git sees the two trees: not what its text says.
 * @returns a sentence of git's where it does not apply
 * @throws PromptOsError PATCH_TOO_LARGE, GIT_FAILED
 */
export async function appliedChange(scratch: Scratch, bytes: Uint8Array): Promise<Patch | string> {
  const before = await writeTree(scratch);
  const reason = await applyToIndex(scratch, bytes, true);
  if (reason !== null) return reason;
  const after = await writeTree(scratch);
  const listing = await listFiles(scratch, [before, after]);
  const { cleaned, unclean } = await normalForm(scratch, [before, after], listing);
  const other = cleaned.map(({ file: { path } }) => ({ path, reason: 'with its attributes git commits other bytes' }));
  const all = [...unclean, ...other];
  const listed = await readChange(scratch, [before, after], listing);
  return { ...listed, ...(all.length === 0 ? {} : { unclean: all }), bytes };
}

async function replaceBlobs(scratch: Scratch, files: readonly ListedFile[]): Promise<string> {
  const entries = files.map(({ file, object }) => `${file.new_mode} ${object}\t${file.path}\0`).join('');
  await requireGit(scratch.git(['update-index', '-z', '--index-info'], { input: Buffer.from(entries, 'utf8') }));
  return writeTree(scratch);
}

const writeTree = async (scratch: Scratch): Promise<string> =>
  (await requireGit(scratch.git(['write-tree']))).toString('latin1').trim();

const listFiles = async (scratch: Scratch, trees: readonly [string, string]): Promise<readonly ListedFile[]> =>
  readPatchListing(await requireGit(scratch.git([...DIFF, '-z', '--raw', '--numstat', ...trees])));

/** The files and added lines between two trees. */
async function readChange(
  scratch: Scratch,
  trees: readonly [string, string],
  listing: readonly ListedFile[],
): Promise<Pick<Patch, 'files' | 'added_lines' | 'binary_texts'>> {
  const added = readAddedLines(await bounded(scratch, [...DIFF, '-p', '--unified=0', ...trees]));
  return {
    files: listing.map(({ file }) => file),
    added_lines: [...added, ...(await movedLinks(scratch, listing, added))],
    binary_texts: await binaryTexts(scratch, listing),
  };
}

/** A binary file that is larger than this is not searched for secrets. */
const BINARY_TEXT_LIMIT = 16 * 1_024 * 1_024;

/** What binary files hold of text: without its zeros, UTF-16 reads as ASCII does, and so does source with a NUL in it. */
async function binaryTexts(
  scratch: Scratch,
  listing: readonly ListedFile[],
): Promise<readonly { readonly path: string; readonly text: string }[]> {
  const texts: { readonly path: string; readonly text: string }[] = [];
  for (const { file, object } of listing.filter(({ file }) => file.binary && file.status !== 'deleted')) {
    const sized = await runGit(scratch.git(['cat-file', '-s', object]));
    if (sized.exitCode !== 0 || Number(sized.stdout.toString('latin1')) > BINARY_TEXT_LIMIT) continue;
    const blob = await requireGit(scratch.git(['cat-file', 'blob', object], { maxBytes: BINARY_TEXT_LIMIT }));
    texts.push({ path: file.path, text: blob.toString('latin1').replaceAll('\0', '') });
  }
  return texts;
}

/** Where a link points that was only moved: the patch does not show it, and from its new place it may lead elsewhere. */
async function movedLinks(
  scratch: Scratch,
  listing: readonly ListedFile[],
  added: Patch['added_lines'],
): Promise<Patch['added_lines']> {
  const shown = new Set(added.map(({ path }) => path));
  const isHidden = ({ path, new_mode }: PatchFile): boolean => new_mode === LINK_MODE && !shown.has(path);
  const lines: Patch['added_lines'][number][] = [];
  for (const { file, object } of listing.filter(({ file }) => isHidden(file))) {
    const target = await requireGit(scratch.git(['cat-file', 'blob', object], { maxBytes: LINK_TARGET_LIMIT }));
    for (const [index, text] of target.toString('utf8').split('\n').entries()) {
      lines.push({ path: file.path, line: index + 1, text });
    }
  }
  return lines;
}
