import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PromptOsError } from '../../../contracts/errors.js';
import type { Content } from '../../../contracts/long-bytes.js';
import { EXACT_BYTES_ATTRIBUTES } from '../../git/environments.js';
import { applyToIndex } from '../../git/scratch-index.js';
import { removeFolder } from '../../platform/leftovers.js';
import { restoreEntries, touchedAgentEntries } from '../inventory/agent-entries.js';
import { type Inventories, inventoryFor, readInventories } from '../inventory/inventory.js';
import type { Mirror } from '../repository/mirror.js';
import { writeSubmodules } from '../repository/submodules.js';
import { copyTree } from '../tree/copy-tree.js';
import { GITLINK_MODE, type GitIndex, type IndexEntry, missingIn, readIndex } from '../tree/git-index.js';
import { type BytePath, bytePath, type KnownTree, knownTree } from '../tree/tree-survey.js';

/** Git needs a committer name in a checkout; such a commit is never used. */
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

/** A commit as it is checked out: files that gates get copies of. No program but git ever works in it. */
export interface Template {
  readonly folder: string;
  /** The checked out files, and a git folder without an index. */
  readonly tree: string;
  readonly files: KnownTree;
  readonly gitFiles: KnownTree;
  readonly index: GitIndex;
  readonly hashBytes: number;
  readonly inventories: Inventories;
}

/** What a patch makes of a template: the files that are other ones with it. */
export interface Overlay {
  readonly folder: string;
  readonly tree: string;
  readonly files: KnownTree;
  /** An object folder with the blobs that the commit does not have, for the engine's git. */
  readonly objects: string;
  /** A copy of it for checkouts: git sets the times of an object that it would write again. */
  readonly stored: string;
  readonly storedFiles: KnownTree;
  readonly index: GitIndex;
  /** Entries that the index of the template does not have in this form. */
  readonly changed: readonly IndexEntry[];
  /** Entries of the template's index that the index does not have in that form. */
  readonly replaced: readonly IndexEntry[];
  /** Paths that the patch touches and that steer agents. */
  readonly agentFiles: readonly BytePath[];
  /** Those that were to be as in the commit and could not be restored. */
  readonly absent: readonly BytePath[];
}

/**
 * Checks a commit out: a folder with a git repository of its own, one commit and one branch in it, without any way back to
 * the mirror or to the user's repository. Files have the exact bytes of the tree: no line endings, filters or idents.
 * @param folder empty; what fails half-way is left for the caller to remove
 * @throws PromptOsError GIT_FAILED
 */
export async function makeTemplate(mirror: Mirror, commit: string, folder: string): Promise<Template> {
  const tree = join(folder, 'tree');
  const gitDir = join(tree, '.git');
  await mkdir(tree);
  const git = mirror.git.at({ cwd: tree, env: mirror.env });
  const init = ['--quiet', '--template=', '--initial-branch=promptos', `--object-format=${mirror.objectFormat}`, '.'];
  await git.bytes(['init', ...init]);
  await mkdir(join(gitDir, 'info'), { recursive: true });
  await writeFile(join(gitDir, 'info', 'attributes'), EXACT_BYTES_ATTRIBUTES);
  await writeFile(join(gitDir, 'config'), COMMITTER_CONFIG, { flag: 'a' });
  const source = [mirror.gitDir, `${commit}:refs/heads/promptos`];
  const fetch = ['--quiet', '--no-tags', '--depth=1', '--no-write-fetch-head', '--update-head-ok', ...source];
  // One pack, however few objects there are: every checkout gets a copy of these files.
  await git.bytes(['-c', 'fetch.unpackLimit=1', 'fetch', ...fetch]);
  // As many processes as the machine has cores.
  await git.bytes(['-c', 'checkout.workers=0', 'reset', '--quiet', '--hard']);
  await writeSubmodules(mirror.git, { scratch: folder, directory: tree }, commit);
  // The log of refs says where the commit was fetched from.
  await removeFolder(join(gitDir, 'logs'));
  const hashBytes = commit.length / 2;
  const index = readIndex(await readFile(join(gitDir, 'index')), hashBytes);
  await rm(join(gitDir, 'index'));
  const files = await knownTree(bytePath(tree));
  const inventories = await readInventories(tree, files);
  return { folder, tree, files, gitFiles: await knownTree(bytePath(gitDir)), index, hashBytes, inventories };
}

export interface OverlayOptions {
  readonly withhold: boolean;
  /** As in `InventoryOptions`. */
  readonly followsImports: boolean;
}

/**
 * Applies a patch to the commit of a template.
 * @param folder empty
 * @param options whether files that steer agents stay as they are in the commit, and which those are
 * @throws PromptOsError PATCH_NOT_APPLICABLE, GIT_FAILED
 */
export async function makeOverlay(
  mirror: Mirror,
  template: Template,
  patch: Content,
  folder: string,
  { withhold, followsImports }: OverlayOptions,
): Promise<Overlay> {
  const { index: base, hashBytes } = template;
  const [tree, objects, indexFile] = [join(folder, 'tree'), join(folder, 'objects'), join(folder, 'index')];
  await mkdir(tree);
  for (const name of ['info', 'pack']) await mkdir(join(objects, name), { recursive: true });
  const alternates = join(objects, 'info', 'alternates');
  await writeFile(alternates, `${join(mirror.gitDir, 'objects')}\n`);
  await writeFile(indexFile, base.bytes);
  const env = { GIT_INDEX_FILE: indexFile, GIT_OBJECT_DIRECTORY: objects, GIT_WORK_TREE: tree };
  const git = mirror.git.with({ cwd: tree, env });
  const refused = await applyToIndex(git, patch, 'apply');
  if (refused !== null) {
    throw new PromptOsError('PATCH_NOT_APPLICABLE', `The patch does not apply to the base commit: ${refused}.`);
  }
  const patched = readIndex(await readFile(indexFile), hashBytes);
  const agentFiles = await touchedAgentEntries(git, base, patched, inventoryFor(template.inventories, followsImports));
  const restores = withhold && agentFiles.length > 0;
  const absent = restores ? await restoreEntries(git, base, patched, agentFiles) : [];
  const index = restores ? readIndex(await readFile(indexFile), hashBytes) : patched;
  const changed = missingIn(index, base);
  const files = changed.filter(({ mode }) => mode !== GITLINK_MODE);
  if (files.length > 0) {
    const input = Buffer.from(files.map(({ path }) => `${path}\0`).join(''), 'latin1');
    await git.bytes(['checkout-index', '--force', '-z', '--stdin'], { input });
  }
  const known = new Set([...base.entries.values()].map(({ object }) => object));
  const isLoose = (object: string) => existsSync(join(objects, object.slice(0, 2), object.slice(2)));
  // The mirror has blobs of other commits, which a checkout does not have.
  const missing = files.filter(({ object }) => !known.has(object) && !isLoose(object));
  if (missing.length > 0) {
    const input = missing.map(({ object }) => `${object}\n`).join('');
    await git.bytes(['pack-objects', '--quiet', join(objects, 'pack', 'pack')], { input });
  }
  await rm(join(objects, 'info'), { recursive: true });
  const stored = join(folder, 'stored');
  await mkdir(stored);
  const storedFiles = await copyTree(bytePath(objects), await knownTree(bytePath(objects)), bytePath(stored));
  if (storedFiles === null)
    throw new PromptOsError('GIT_FAILED', 'The objects of a patch changed while they were copied.');
  return {
    folder,
    tree,
    files: await knownTree(bytePath(tree)),
    ...{ objects, stored, storedFiles },
    index,
    changed,
    replaced: missingIn(base, index),
    ...{ agentFiles, absent },
  };
}
