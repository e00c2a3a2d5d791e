import { createHash, type Hash } from 'node:crypto';
import { type BigIntStats, type Dirent, lstatSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { RepositoryDigests, RepositoryPart } from '../../../contracts/repository-parts.js';
import { EXACT_BYTES_ATTRIBUTES } from '../../git/environments.js';
import type { LocalRepository } from '../../git/repository.js';
import { gitIn } from '../../git/run-git.js';
import { withPassingFolder } from '../../platform/leftovers.js';
import type { ProgramStarter } from '../../platform/program-starter.js';
import { nextTurn, readIfPresent, timeIsUp, writeLocalFile } from '../../platform/time-slices.js';
import { bytePath, bytesOf, look, tracesOf } from '../tree/tree-survey.js';
import { scratchPlace } from './scratch.js';

export interface SnapshotInput {
  readonly repository: LocalRepository;
  readonly stateDir: string;
  readonly env: Readonly<Record<string, string>>;
  /** What starts git. */
  readonly programs?: ProgramStarter | undefined;
}

/** Files of a git folder, besides configuration, refs and hooks, that say where git finds objects and how it reads files. */
const OBJECT_SOURCES = ['objects/info/alternates', 'objects/info/http-alternates', 'info/grafts'];
const ATTRIBUTES = ['info/attributes'];

/** A digest that is made piece by piece. */
interface Digest {
  readonly hash: Hash;
  put(name: string, content: string): void;
}

function startDigest(): Digest {
  const hash = createHash('sha256');
  return { hash, put: (name, content) => void hash.update(`${name}\0${content.length}\0${content}\0`) };
}

/** Git reads a replacement instead of the object that it replaces. */
const partOfRef = (name: string): RepositoryPart =>
  name.startsWith('refs/promptos/') ? 'promptos_refs' : name.startsWith('refs/replace/') ? 'object_sources' : 'refs';

/** What was seen of a repository when its digests were made; null for one of too many files to look at each. */
const seen = new WeakMap<LocalRepository, { readonly traces: string; readonly digests: RepositoryDigests } | null>();

/** As {@link digestRepository}; starts no git while no file of a small repository was written since. */
export async function snapshotRepository(input: SnapshotInput): Promise<RepositoryDigests> {
  const { repository } = input;
  const before = seen.get(repository);
  if (before === null) return digestRepository(input);
  const traces = await tracesOfRepository(input).catch(() => NO_TRACES);
  if (before !== undefined && before.traces === traces.text) return before.digests;
  const digests = await digestRepository(input);
  if (traces.tooMany) seen.set(repository, null);
  // Of before the digests were made: what was written meanwhile shows the next time.
  else if (traces.text !== null) seen.set(repository, { traces: traces.text, digests });
  return digests;
}

const NO_TRACES = { text: null, tooMany: false };

/** A folder of loose objects has one entry for each; none of them is ever written again. */
const LOOSE_OBJECTS = /\/objects\/[0-9a-f]{2}$/;

function tracesOfRepository({ repository: { gitDir, commonDir, top }, stateDir }: SnapshotInput) {
  const folders = [top ?? commonDir, commonDir, gitDir].map(bytePath);
  const tops = folders.filter((folder, at) => !folders.slice(0, at).some((other) => isWithin(folder, other)));
  const git = bytePath(commonDir);
  const skips = (folder: string): boolean => folder.startsWith(`${git}/`) && LOOSE_OBJECTS.test(folder);
  const isOfGit = (path: string): boolean => [git, bytePath(gitDir)].some((folder) => isWithin(path, folder));
  // Git, and the digests, follow links in a git folder; a `.git` in a folder below is the file of a submodule.
  const leadsElsewhere = (path: string, stat: BigIntStats): boolean =>
    isOfGit(path) ? stat.isSymbolicLink() : path.endsWith('/.git') && !tops.includes(dirname(path));
  return tracesOf(tops, { skips, leadsElsewhere, leftOut: bytePath(stateDir) });
}

const isWithin = (folder: string, other: string): boolean => folder === other || folder.startsWith(`${other}/`);

/**
 * Digests over what an executor could have changed in the user's repository, by part: HEAD, refs, configuration, hooks, and
 * the state of the working tree with the size and time of every changed file. Ignored files are not looked at. Nothing
 * that the repository's own configuration says is run, since an executor may have written it.
 */
async function digestRepository(input: SnapshotInput): Promise<RepositoryDigests> {
  const { gitDir, commonDir, top } = input.repository;
  const parts = {
    configuration: startDigest(),
    hooks: startDigest(),
    attributes: startDigest(),
    object_sources: startDigest(),
    promptos_refs: startDigest(),
    head: startDigest(),
    refs: startDigest(),
    working_tree: startDigest(),
  } satisfies Record<RepositoryPart, Digest>;
  for (const head of ['HEAD', 'ORIG_HEAD', 'MERGE_HEAD']) parts.head.put(head, await contentOf(join(gitDir, head)));
  for (const [name, value] of await readReferences(commonDir)) parts[partOfRef(name)].put(name, value);
  // A linked working tree that was pointed at another git folder is another repository.
  parts.configuration.put('folders', `${gitDir}\0${commonDir}`);
  const configs = [join(commonDir, 'config'), join(commonDir, 'config.worktree'), join(gitDir, 'config.worktree')];
  for (const file of configs) parts.configuration.put('config', guardedConfig(await contentOf(file)));
  for (const file of OBJECT_SOURCES) parts.object_sources.put(file, await contentOf(join(commonDir, file)));
  for (const file of ATTRIBUTES) parts.attributes.put(file, await contentOf(join(commonDir, file)));
  parts.working_tree.put('exclude', await contentOf(join(commonDir, 'info/exclude')));
  await putFolder(parts.hooks.hash, join(commonDir, 'hooks'), 'hooks');
  await putFolder(parts.refs.hash, join(commonDir, 'reftable'), 'reftable');
  if (top !== null) await putStatus(parts.working_tree.put, input, top);
  const digests = Object.entries(parts).map(([part, { hash }]) => [part, `sha256:${hash.digest('hex')}`]);
  return Object.fromEntries(digests) as RepositoryDigests;
}

const UNREADABLE = 'unreadable';

/** What a repository is like that can no longer be opened. */
export const UNREADABLE_REPOSITORY: RepositoryDigests = {
  configuration: UNREADABLE,
  hooks: UNREADABLE,
  attributes: UNREADABLE,
  object_sources: UNREADABLE,
  promptos_refs: UNREADABLE,
  head: UNREADABLE,
  refs: UNREADABLE,
  working_tree: UNREADABLE,
};

/** Of an unreadable file as of one that is missing. */
const contentOf = (path: string): Promise<string> =>
  readIfPresent(path).then(
    (content) => content?.toString('latin1') ?? '(none)',
    () => '(none)',
  );

function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** Every ref and what it holds; packing refs changes nothing. */
async function readReferences(commonDir: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const line of (await contentOf(join(commonDir, 'packed-refs'))).split('\n')) {
    const [, value, name] = /^([0-9a-f]+) (refs\/.+)$/.exec(line) ?? [];
    if (value !== undefined && name !== undefined) found.set(name, value);
  }
  const walk = async (folder: string): Promise<void> => {
    for (const entry of entriesOf(join(commonDir, folder))) {
      const name = `${folder}/${entry.name}`;
      if (entry.isDirectory()) await walk(name);
      else if (!name.endsWith('.lock')) found.set(name, (await contentOf(join(commonDir, name))).trim());
    }
  };
  await walk('refs');
  return new Map([...found].sort(([left], [right]) => (left < right ? -1 : 1)));
}

async function putFolder(hash: Hash, folder: string, name: string): Promise<void> {
  for (const entry of [...entriesOf(folder)].sort((left, right) => (left.name < right.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    const { mode } = lstatSync(path);
    hash.update(`${name}/${entry.name}\0${mode}\0`);
    if (entry.isDirectory()) await putFolder(hash, path, `${name}/${entry.name}`);
    else if (entry.isFile()) hash.update((await readIfPresent(path).catch(() => null)) ?? '(unreadable)');
    hash.update('\0');
  }
}

/**
 * What `git status` says, from a git folder made for this: the user's index, HEAD and objects, the engine's configuration
 * and attributes, so that neither a filter nor a file system monitor of the repository's own is started.
 */
async function putStatus(
  put: (name: string, content: string) => void,
  input: SnapshotInput,
  top: string,
): Promise<void> {
  const { repository, stateDir, env, programs } = input;
  const { parent, prefix } = scratchPlace(stateDir);
  await withPassingFolder(parent, prefix, async (folder) => {
    await makeStandIn(folder, repository, relative(top, stateDir));
    const git = gitIn({
      cwd: top,
      programs,
      env: {
        ...env,
        GIT_DIR: folder,
        GIT_WORK_TREE: top,
        GIT_INDEX_FILE: join(repository.gitDir, 'index'),
        GIT_OBJECT_DIRECTORY: join(repository.commonDir, 'objects'),
      },
    });
    const how = ['--porcelain=v2', '-z', '--untracked-files=all', '--ignore-submodules=dirty', '--no-renames'];
    const status = await git.ask(['status', ...how]);
    put('status', `${status.exitCode}\0${status.stdout.toString('latin1')}`);
    for (const path of changedPaths(status.stdout.toString('latin1'))) {
      if (timeIsUp()) await nextTurn();
      const found = look(bytesOf(`${bytePath(top)}/${path}`));
      put(path, found === null ? '(none)' : `${found.mode} ${found.size} ${found.mtimeNs}`);
    }
  });
}

async function makeStandIn(
  folder: string,
  { gitDir, commonDir, objectFormat }: LocalRepository,
  state: string,
): Promise<void> {
  for (const name of ['refs', 'objects', 'info']) mkdirSync(join(folder, name));
  const head = await contentOf(join(gitDir, 'HEAD'));
  const target = /^ref: (\S+)/.exec(head)?.[1];
  const commit = target === undefined ? head : ((await readReferences(commonDir)).get(target) ?? head);
  await writeLocalFile(join(folder, 'HEAD'), `${commit.trim()}\n`);
  const extension = objectFormat === 'sha1' ? '' : `[extensions]\n\tobjectFormat = ${objectFormat}\n`;
  await writeLocalFile(
    join(folder, 'config'),
    `[core]\n\trepositoryFormatVersion = ${extension === '' ? 0 : 1}\n${extension}`,
  );
  await writeLocalFile(join(folder, 'info', 'attributes'), EXACT_BYTES_ATTRIBUTES);
  // The engine itself writes into its state folder all the time.
  const own = state === '' || state.startsWith('..') ? '' : `\n/${state}/\n`;
  const exclude = (await readIfPresent(join(commonDir, 'info', 'exclude')).catch(() => null)) ?? '';
  await writeLocalFile(join(folder, 'info', 'exclude'), `${exclude}${own}`);
  for (const name of readdirSync(gitDir)) {
    if (name.startsWith('sharedindex.')) symlinkSync(join(gitDir, name), join(folder, name));
  }
}

/** The paths in the output of `git status --porcelain=v2 -z` (git-status(1)). */
function changedPaths(status: string): readonly string[] {
  const fieldsBefore: Readonly<Record<string, number>> = { '1': 8, u: 10, '?': 1 };
  return status.split('\0').flatMap((entry) => {
    const skip = fieldsBefore[entry[0] ?? ''];
    return skip === undefined ? [] : [entry.split(' ').slice(skip).join(' ')];
  });
}

/** A section of a branch, its header alone on the line. */
const BRANCH_HEADER = /^\s*\[branch "(?:[^"\\]|\\.)*"\]\s*$/;
const ANY_HEADER = /^\s*\[/;
/** What git and editors write there in daily work. Any other key, and a remote that is no plain name, is kept. */
const ORDINARY =
  /^\s*(?:(?:merge|rebase|description|[a-z]+-[a-z-]+)\s*=[^\\"#;]*|(?:remote|pushremote)\s*=\s*(?:\.|[\w-]+)\s*)$/i;

/**
 * The text of a git configuration without what a person's daily work writes there: which remote branch a branch follows.
 * Everything that could make git run or fetch something else is kept.
 */
export function guardedConfig(text: string): string {
  const kept: string[] = [];
  let header: string | null = null;
  let inBranch = false;
  let continued = false;
  for (const line of text.split('\n')) {
    const partOfValue = continued;
    continued = /(?:^|[^\\])(?:\\\\)*\\$/.test(line);
    if (!partOfValue && !continued) {
      if (BRANCH_HEADER.test(line)) {
        inBranch = true;
        header = line;
        continue;
      }
      if (inBranch && (ORDINARY.test(line) || line.trim() === '')) continue;
    }
    if (!partOfValue && ANY_HEADER.test(line)) {
      inBranch = false;
      header = null;
    }
    // A header goes only with everything under it: without it, what stays would mean something else.
    if (header !== null) kept.push(header);
    header = null;
    kept.push(line);
  }
  return kept.join('\n').trimEnd();
}
