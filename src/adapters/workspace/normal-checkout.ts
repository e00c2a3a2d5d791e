import { isUtf8 } from 'node:buffer';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PatchFile } from '../../contracts/record/patch.js';
import { keepLast } from '../../contracts/remember.js';
import type { Git } from '../git/run-git.js';
import { bounded, type Scratch } from './repository/scratch.js';

/** One file of a patch and the object that it became. */
export interface ListedFile {
  readonly file: PatchFile;
  readonly object: string;
}

/** A changed file that would not be clean in a normal checkout, and why, as the end of a sentence. */
interface UncleanFile {
  readonly path: string;
  readonly reason: string;
}

export interface NormalForm {
  /** Files of which git would commit other bytes, since attributes convert line endings or idents, with those bytes. */
  readonly cleaned: readonly ListedFile[];
  readonly unclean: readonly UncleanFile[];
}

/** The attributes by which git changes bytes (gitattributes(5)); `crlf` is the old name of `text`. */
const CONVERTING = ['text', 'crlf', 'eol', 'ident', 'filter', 'working-tree-encoding'] as const;
const LFS_POINTER = 'version https://git-lfs.github.com/spec/v1\n';
const REGULAR_FILE = /^100/;
const NOTHING: NormalForm = { cleaned: [], unclean: [] };

/**
 * What a normal checkout of the repository would make of changed files. The engine's own checkouts have the exact bytes of
 * the tree, so an executor sees no conversion; the user who applies the patch has the repository's attributes. Git's own
 * conversions are carried out; a filter is a program, which is not run.
 * @param before the tree before the change
 */
export async function normalForm(
  scratch: Scratch,
  before: string,
  changed: readonly ListedFile[],
): Promise<NormalForm> {
  const files = changed.filter(({ file }) => file.status !== 'deleted' && REGULAR_FILE.test(file.new_mode));
  if (files.length === 0) return NOTHING;
  const stale = await attributeFiles(scratch.git, before);
  const attributes = attributesAfter(stale, changed);
  if (attributes.size === 0) return NOTHING;
  const place = await makePlace(scratch, { before, attributes, stale });
  const converting = await convertingAttributes(place, files);
  const unclean: UncleanFile[] = [];
  const converted: ListedFile[] = [];
  for (const { file, object } of files) {
    const values = converting.get(file.path);
    if (values === undefined) continue;
    const content = await bounded(scratch.git, ['cat-file', 'blob', object]);
    const filter = values.get('filter');
    const encoding = values.get('working-tree-encoding');
    if (filter !== undefined) {
      if (filter === 'lfs' && (content.length === 0 || content.toString('latin1').startsWith(LFS_POINTER))) continue;
      unclean.push({
        path: file.path,
        reason: `the attribute filter=${filter} wants it converted by a program, and these are the bytes as they were written`,
      });
    } else if (encoding === undefined || !isUtf8(content) || content.includes(0)) {
      await putFile(place, file.path, content);
      converted.push({ file, object });
    }
  }
  const { blobs, failed } = await addFiles(
    place,
    converted.map(({ file }) => file.path),
  );
  unclean.push(...failed.map((path) => ({ path, reason: 'its attributes give it an encoding that it does not have' })));
  const stable = await checkedOutAgain(place, [...blobs.keys()]);
  const cleaned: ListedFile[] = [];
  for (const { file, object } of converted) {
    const { path } = file;
    const blob = blobs.get(path);
    if (blob === undefined) continue;
    if (stable.get(path) !== blob) {
      unclean.push({ path, reason: 'with its attributes git takes it for changed in every checkout' });
    } else if (blob !== object) cleaned.push({ file, object: blob });
  }
  return { cleaned, unclean };
}

const joined = (paths: readonly string[]): string => paths.map((path) => `${path}\0`).join('');

const ATTRIBUTE_FILE = /(?:^|\/)\.gitattributes$/;

/** The `.gitattributes` files of trees, blobs by path: runs on one commit ask for the same. */
const remembered = new Map<string, ReadonlyMap<string, string>>();
const REMEMBERED = 100;
/** Of a tree with more of them, git is asked each time. */
const MANY_FILES = 1_000;

async function attributeFiles(git: Git, tree: string): Promise<ReadonlyMap<string, string>> {
  const known = remembered.get(tree);
  if (known !== undefined) return known;
  const listed = await git.text(['ls-tree', '-r', '-z', '--full-tree', tree]);
  const files = new Map(
    listed.split('\0').flatMap((entry) => {
      const [, blob = '', path = ''] = /^100\d+ blob ([0-9a-f]+)\t(.*)$/s.exec(entry) ?? [];
      return ATTRIBUTE_FILE.test(path) ? [[path, blob] as const] : [];
    }),
  );
  return files.size > MANY_FILES ? files : keepLast(remembered, tree, files, REMEMBERED);
}

function attributesAfter(before: ReadonlyMap<string, string>, changed: readonly ListedFile[]) {
  const after = new Map(before);
  for (const { file } of changed) {
    after.delete(file.path);
    if (file.status === 'renamed' && file.old_path !== null) after.delete(file.old_path);
  }
  for (const { file, object } of changed) {
    const isWritten = file.status !== 'deleted' && REGULAR_FILE.test(file.new_mode);
    if (isWritten && ATTRIBUTE_FILE.test(file.path)) after.set(file.path, object);
  }
  return after;
}

/** Git without the engine's attributes: a git folder, an index and a working tree of its own, with the scratch's objects. */
async function makePlace(
  scratch: Scratch,
  trees: {
    readonly before: string;
    readonly attributes: ReadonlyMap<string, string>;
    readonly stale: ReadonlyMap<string, string>;
  },
): Promise<Git> {
  const gitDir = join(scratch.folder, 'plain');
  const worktree = join(scratch.folder, 'work');
  await mkdir(worktree);
  const { GIT_DIR: _, GIT_INDEX_FILE: __, GIT_OBJECT_DIRECTORY: ___, ...clean } = scratch.git.env;
  const format = trees.before.length === 64 ? 'sha256' : 'sha1';
  const init = ['init', '--quiet', '--template=', `--object-format=${format}`, '--bare', gitDir];
  await scratch.git.at({ cwd: scratch.folder, env: clean }).bytes(init);
  const env = { GIT_DIR: gitDir, GIT_WORK_TREE: worktree, GIT_INDEX_FILE: join(gitDir, 'index') };
  const place = scratch.git.with({ cwd: worktree, env });
  await place.bytes(['read-tree', trees.before]);
  const gone = [...trees.stale.keys()].filter((path) => !trees.attributes.has(path));
  if (gone.length > 0) await place.bytes(['update-index', '--force-remove', '-z', '--stdin'], { input: joined(gone) });
  for (const [path, blob] of trees.attributes) {
    await putFile(place, path, await place.bytes(['cat-file', 'blob', blob]));
  }
  const lines = [...trees.attributes].map(([path, blob]) => `100644 ${blob}\t${path}\0`).join('');
  await place.bytes(['update-index', '--add', '--replace', '-z', '--index-info'], { input: lines });
  return place;
}

async function putFile({ cwd }: Git, path: string, content: Uint8Array): Promise<void> {
  await mkdir(dirname(join(cwd, path)), { recursive: true });
  await writeFile(join(cwd, path), content);
}

/** The converting attributes that files have: values by name, by path. */
async function convertingAttributes(git: Git, files: readonly ListedFile[]) {
  const input = joined(files.map(({ file }) => file.path));
  const fields = (await git.text(['check-attr', '-z', '--stdin', ...CONVERTING], { input })).split('\0');
  const found = new Map<string, Map<string, string>>();
  for (let index = 0; index + 2 < fields.length; index += 3) {
    const [path = '', name = '', value = ''] = fields.slice(index, index + 3);
    if (value === 'unspecified' || value === 'unset' || (value === 'set' && name === 'filter')) continue;
    found.set(path, (found.get(path) ?? new Map<string, string>()).set(name, value));
  }
  return found;
}

/** Adds files to the index as `git add` does. One that git cannot convert keeps none of the others out. */
async function addFiles(git: Git, paths: readonly string[]) {
  const add = ['update-index', '--add', '--replace', '-z', '--stdin'];
  const failed: string[] = [];
  if (paths.length > 0 && (await git.ask(add, { input: joined(paths) })).exitCode !== 0) {
    for (const path of paths) {
      if ((await git.ask(add, { input: joined([path]) })).exitCode !== 0) failed.push(path);
    }
  }
  return {
    blobs: await stagedBlobs(
      git,
      paths.filter((path) => !failed.includes(path)),
    ),
    failed,
  };
}

async function stagedBlobs(git: Git, paths: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (paths.length === 0) return new Map();
  const wanted = new Set(paths);
  const staged = (await git.text(['ls-files', '--stage', '-z'])).split('\0');
  return new Map(
    staged.flatMap((entry) => {
      const [, blob, path] = /^\d+ ([0-9a-f]+) \d\t(.*)$/s.exec(entry) ?? [];
      return blob === undefined || path === undefined || !wanted.has(path) ? [] : [[path, blob]];
    }),
  );
}

/** What git would add of files once it has checked them out itself: the same, for files that are clean. */
async function checkedOutAgain(git: Git, paths: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (paths.length === 0) return new Map();
  // The index must not know the times of any file, or git would not read it again.
  await git.bytes(['read-tree', await git.text(['write-tree'])]);
  for (const path of paths) await rm(join(git.cwd, path));
  const { exitCode } = await git.ask(['checkout-index', '--force', '-z', '--stdin'], { input: joined(paths) });
  return exitCode === 0 ? (await addFiles(git, paths)).blobs : new Map();
}
