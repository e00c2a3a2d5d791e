import { copyFile, mkdir, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { PromptOsError, systemCode } from '../../contracts/errors.js';
import type { Patch } from '../../contracts/record/patch.js';
import type { Inventory } from '../../contracts/run/inventory.js';
import { agentFileOf } from '../../rules/agent-files/agent-files.js';
import { wholeChange } from '../../rules/patch/added-lines.js';
import { EXACT_BYTES_ATTRIBUTES, engineGitEnv, readOnlyGitEnv, type Variables } from '../git/environments.js';
import { pathText } from '../git/read-diff.js';
import { type LocalRepository, openLocalRepository } from '../git/repository.js';
import { type Git, gitIn, gitWords } from '../git/run-git.js';
import { applyToIndex, withScratchIndex } from '../git/scratch-index.js';
import { SMALL_BYTES } from '../platform/time-slices.js';
import { appliedChange, NO_CHANGE, treeChange } from './compute-patch.js';
import { foldersOf } from './inventory/agent-entries.js';
import { followImports } from './inventory/follow-imports.js';
import { readInventories } from './inventory/inventory.js';
import type { Scratch } from './repository/scratch.js';
import { type BytePath, bytesOf } from './tree/tree-survey.js';

/** What a change leads to: a commit, what is staged, the files of the working tree, or what a patch makes of the base. */
export type ChangeEnd =
  | { readonly kind: 'commit'; readonly commit: string }
  | { readonly kind: 'staged' }
  | { readonly kind: 'working_tree' }
  | { readonly kind: 'patch'; readonly bytes: Uint8Array };

export interface LocalChangeInput {
  /** A folder in the repository. */
  readonly folder: string;
  readonly variables: Variables;
  /** A full id; null for a repository without a commit. */
  readonly base: string | null;
  readonly end: ChangeEnd;
  /** The index file in place of the repository's own, as git gives it to its hooks. */
  readonly indexFile?: string | undefined;
}

/** A change in a person's repository, as the engine sees a patch of a run. */
export interface LocalChange {
  readonly patch: Patch;
  /** Null when the patch applies, else why not. */
  readonly refused: string | null;
  /** The files of the base that steer agents. */
  readonly inventory: Inventory;
}

/**
 * Reads a change out of a repository, and writes nothing there: trees are made with an index and objects of its own. Git
 * has the engine's configuration wherever it reads trees, so that the change is the one that a run would see.
 * @throws PromptOsError REPO_NOT_GIT, REPO_OF_ANOTHER_USER, USAGE, PATCH_TOO_LARGE, GIT_FAILED
 */
export async function readLocalChange({ variables, base, end, ...input }: LocalChangeInput): Promise<LocalChange> {
  const repository = await openLocalRepository(input.folder, readOnlyGitEnv(variables));
  const place = { parent: tmpdir(), prefix: 'promptos-check', objects: [join(repository.commonDir, 'objects')] };
  return withScratchIndex(place, async (scratch) => {
    const own = await scratchRepository(repository, scratch, variables);
    const before = base === null ? await emptyTree(own.git) : await own.git.text(['rev-parse', `${base}^{tree}`]);
    const inventory = await inventoryOf(own, before);
    await own.git.bytes(['read-tree', before]);
    if (end.kind === 'patch') return { ...(await patchChange(own, end.bytes)), inventory };
    const after =
      end.kind === 'commit'
        ? await own.git.text(['rev-parse', `${end.commit}^{tree}`])
        : await writtenTree(repository, { ...input, variables, whole: end.kind === 'working_tree' }, scratch);
    return { patch: await wholeChange(await treeChange(own, { before, after })), refused: null, inventory };
  });
}

/** A bare repository that has the objects of another, and nothing of its configuration, attributes and replacements. */
async function scratchRepository(
  { objectFormat }: LocalRepository,
  { folder, variables }: { readonly folder: string; readonly variables: Readonly<Record<string, string>> },
  process: Variables,
): Promise<Scratch> {
  const { local } = await engineGitEnv(folder, process);
  const gitDir = join(folder, 'repository');
  const init = ['init', '--quiet', '--bare', '--template=', `--object-format=${objectFormat}`, gitDir];
  await gitIn({ cwd: folder, env: local }).bytes(init);
  await mkdir(join(gitDir, 'info'), { recursive: true });
  await writeFile(join(gitDir, 'info', 'attributes'), EXACT_BYTES_ATTRIBUTES);
  return { folder, git: gitIn({ cwd: folder, env: { ...local, GIT_DIR: gitDir, ...variables } }) };
}

const emptyTree = (git: Git): Promise<string> => git.text(['mktree'], { input: '' });

async function patchChange(scratch: Scratch, bytes: Uint8Array): Promise<Omit<LocalChange, 'inventory'>> {
  if (bytes.length === 0) return { patch: NO_CHANGE, refused: null };
  const refused = await applyToIndex(scratch.git, bytes, 'check');
  if (refused !== null) return { patch: { ...NO_CHANGE, bytes }, refused };
  const change = await appliedChange(scratch, bytes);
  return typeof change === 'string'
    ? { patch: { ...NO_CHANGE, bytes }, refused: change }
    : { patch: await wholeChange(change), refused: null };
}

interface WrittenTree {
  readonly folder: string;
  readonly variables: Variables;
  readonly indexFile?: string | undefined;
  /** Whether the files of the working tree are added first, as `git add --all` does. */
  readonly whole: boolean;
}

/** The tree that git would commit now, written beside the repository with the person's own configuration of git. */
async function writtenTree(
  { path, gitDir, top }: LocalRepository,
  { folder, variables, indexFile, whole }: WrittenTree,
  scratch: { readonly folder: string; readonly variables: Readonly<Record<string, string>> },
): Promise<string> {
  if (top === null) {
    throw new PromptOsError('USAGE', `${path} is a bare repository: nothing is staged in it, and it has no files.`, {
      hint: 'Name commits with --range or --base.',
    });
  }
  const copy = join(scratch.folder, 'person-index');
  const index = indexFile === undefined ? join(gitDir, 'index') : resolve(folder, indexFile);
  await copyIndex(index, copy);
  const env = { ...readOnlyGitEnv(variables), ...scratch.variables, GIT_INDEX_FILE: copy };
  const git = gitIn({ cwd: top, env }, [
    'core.fsmonitor=false',
    'core.splitIndex=false',
    'advice.addEmbeddedRepo=false',
  ]);
  if (whole) await git.bytes(['add', '--all', '--', '.']);
  const { exitCode, stdout, stderr } = await git.ask(['write-tree']);
  if (exitCode === 0) return stdout.toString('latin1').trim();
  throw new PromptOsError('USAGE', `git cannot write what is staged as a tree: ${gitWords(stderr)}.`, {
    hint: 'Resolve the conflicts and stage the files; `git status` lists them.',
  });
}

/** With its time, by which git knows which files may have changed since without another size or time. */
async function copyIndex(from: string, to: string): Promise<void> {
  try {
    const { mtimeMs } = await stat(from);
    await copyFile(from, to);
    const seconds = Math.floor(mtimeMs) / 1_000;
    await utimes(to, seconds, seconds);
  } catch (error) {
    // A repository in which nothing was ever staged has no index.
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}

/** The files of a tree that steer agents. Only those are checked out, unless one is a link: it may lead anywhere. */
async function inventoryOf({ git, folder }: Scratch, tree: string): Promise<Inventory> {
  const listed = (await git.bytes(['ls-tree', '-r', '-z', '--full-tree', tree])).toString('latin1').split('\0');
  const entries = new Map(
    listed.flatMap((line): readonly (readonly [BytePath, TreeEntry])[] => {
      const [, mode = '', object = '', path = ''] = /^(\d+) blob ([0-9a-f]+)\t(.*)$/s.exec(line) ?? [];
      return path === '' ? [] : [[path, { mode, object }]];
    }),
  );
  const named = [...entries.keys()].filter((path) => agentFileOf(pathText(path)) !== null);
  if (named.length === 0) return { files: [], more: 0 };
  const isLink = (path: BytePath): boolean => entries.get(path)?.mode === LINK;
  const imported = [...(await followImports(named, (path) => blobOf(git, entries.get(path)))).values()].flat();
  const steering = [...new Set([...named, ...imported.filter((path) => entries.has(path))])];
  const whole = steering.some(isLink) || imported.some((path) => [...foldersOf(path)].some(isLink));
  const top = join(folder, 'base');
  await mkdir(top);
  const env = { GIT_INDEX_FILE: join(folder, 'base-index'), GIT_WORK_TREE: top };
  await git.bytes(['read-tree', tree], { env });
  const input = Buffer.concat(steering.map((path) => Buffer.concat([bytesOf(path), Buffer.of(0)])));
  const how = whole ? ['--all'] : ['-z', '--stdin'];
  await git.bytes(['checkout-index', '--force', ...how], { cwd: top, env, input });
  const files = new Map((whole ? [...entries.keys()] : steering).map((path) => [path, '']));
  return (await readInventories(top, { files, folders: new Map() })).whole;
}

const LINK = '120000';

interface TreeEntry {
  readonly mode: string;
  readonly object: string;
}

/** The bytes of a file that is no link; null for one that is missing or large. */
async function blobOf(git: Git, entry: TreeEntry | undefined): Promise<Buffer | null> {
  if (entry === undefined || entry.mode === LINK) return null;
  const size = Number(await git.text(['cat-file', '-s', entry.object]));
  return size > SMALL_BYTES ? null : git.bytes(['cat-file', 'blob', entry.object]);
}
