import { PromptOsError } from '../../contracts/errors.js';
import { isLongPatch, type LongPatch } from '../../contracts/record/long-patch.js';
import type { Patch } from '../../contracts/record/patch.js';
import type { Checkout, TreeWatch } from '../../ports/workspace.js';
import { wholeChange } from '../../rules/patch/added-lines.js';
import { pathText } from '../git/read-diff.js';
import { computePatch, NO_CHANGE } from './compute-patch.js';
import { withScratch } from './repository/scratch.js';
import type { FreshTree } from './templates/fresh-tree.js';
import type { CheckoutOrder, Templates } from './templates/templates.js';
import { GITLINK_MODE } from './tree/git-index.js';
import { isOfSetup } from './tree/setup-paths.js';
import { type BytePath, bytePath, bytesOf, look, type Survey, surveyTree } from './tree/tree-survey.js';

/**
 * Takes a checkout. What changed in it is found by the engine's own index and objects, out of the executor's reach.
 * @throws PromptOsError PATCH_NOT_APPLICABLE, GIT_FAILED
 */
export async function makeCheckout(templates: Templates, stateDir: string, order: CheckoutOrder): Promise<Checkout> {
  const prepared = await templates.take(order);
  const { directory, requireUnwritten } = prepared;
  const requireSameFolder = sameFolder(directory);
  let tree = prepared.tree;
  const scratch = { stateDir, mirror: order.mirror, objects: prepared.objects, signal: order.signal };

  const change = async (named: readonly string[]): Promise<Patch | LongPatch> => {
    requireSameFolder();
    await requireUnwritten();
    const wanted = named.map(bytePath);
    const survey = await surveyTree(bytePath(directory), tree.known, wanted);
    const changed = survey.changed.filter((path) => !isOfSetup(tree.setup, path));
    // What the set-up made is no work of the plan's, unless it was changed since.
    const taken = new Set([...survey.found, ...wanted.filter((path) => survey.changed.includes(path))]);
    if (changed.length === 0 && !survey.others && taken.size === 0) return NO_CHANGE;
    const options = {
      named: [...taken].map(pathText),
      leftOut: (path: BytePath) => isOfSetup(tree.setup, path) && !taken.has(path),
      gitlinks: gitlinksOf(tree),
      changed: changed.length > 0,
    };
    return withScratch(scratch, { bytes: indexAfter(tree, survey, order.commit.length / 2) }, (made) =>
      computePatch(made, directory, options),
    );
  };
  const changedPaths = async (): Promise<readonly string[]> => {
    const found = await change([]);
    if (isLongPatch(found)) found.release();
    return found.files.flatMap(pathsOf);
  };
  async function diff(named?: readonly string[]): Promise<Patch>;
  async function diff(named: readonly string[], long: 'long'): Promise<Patch | LongPatch>;
  async function diff(named: readonly string[] = [], long?: 'long'): Promise<Patch | LongPatch> {
    const found = await change(named);
    return long === undefined ? wholeChange(found) : found;
  }
  return {
    directory,
    withheld: prepared.withheld.map(pathText),
    absent: prepared.absent.map(pathText),
    ...(prepared.setup === undefined ? {} : { setup: prepared.setup }),
    ...(prepared.laidUnder === undefined ? {} : { laidUnder: prepared.laidUnder }),
    requireUnwritten,
    diff,
    watch: async () => {
      const watch = watchTracked(directory, tree, changedPaths);
      return {
        changes: async () => {
          const changes = await watch.changes();
          await requireUnwritten();
          return changes;
        },
      };
    },
    reset: async () => {
      requireSameFolder();
      await requireUnwritten();
      tree = await prepared.refill();
    },
    discard: async () => prepared.release(),
  };
}

const pathsOf = ({ path, old_path }: { readonly path: string; readonly old_path: string | null }): readonly string[] =>
  old_path === null ? [path] : [path, old_path];

/** What the engine reads and removes must be the folder that it made, not a link in its place. */
function sameFolder(directory: string): () => void {
  const made = look(bytesOf(bytePath(directory)));
  return () => {
    const now = look(bytesOf(bytePath(directory)));
    if (made === null || now === null || !now.isDirectory() || now.dev !== made.dev || now.ino !== made.ino) {
      throw new PromptOsError('CHECKOUT_LOST', 'The folder of the checkout was removed or replaced.');
    }
  };
}

/** The index of the tree that was checked out, with the times of the files that were not written since. */
function indexAfter({ index, draft }: FreshTree, { changed }: Survey, hashBytes: number): Buffer {
  const after = draft.clone();
  for (const path of changed) {
    const entry = index.entries.get(path);
    if (entry !== undefined) after.clear(entry);
  }
  return after.sealed(hashBytes);
}

const gitlinksOf = ({ index }: FreshTree): readonly string[] =>
  [...index.entries.values()].flatMap(({ mode, object, path }) =>
    mode === GITLINK_MODE ? [`${mode.toString(8)} ${object} 0\t${path}`] : [],
  );

/** Changes that are named; more are counted. */
const NAMED = 10;

/**
 * Compares tracked files by content and by what the file system says of them. Equal content at the end and equal change
 * times mean that the content was equal all the time, so a file that was changed and restored is found.
 * @param differing the paths of files whose content is not that of the tree
 */
function watchTracked(directory: string, tree: FreshTree, differing: () => Promise<readonly string[]>): TreeWatch {
  const { index } = tree;
  const isTracked = (path: BytePath): boolean => index.entries.has(path);
  const gitlinks = [...index.entries.values()].filter(({ mode }) => mode === GITLINK_MODE).map(({ path }) => path);
  const isInSubmodule = (path: BytePath): boolean =>
    gitlinks.some((link) => path === link || path.startsWith(`${link}/`));
  return {
    changes: async () => {
      // Before the content is read: git itself may make a file readable.
      const survey = await surveyTree(bytePath(directory), tree.known);
      const touched = survey.changed.filter(isTracked);
      const replaced = survey.replaced.filter((path) => !isInSubmodule(path) && !isOfSetup(tree.setup, path));
      if (touched.length + replaced.length === 0) return [];
      const content = new Set((await differing()).map(bytePath).filter(isTracked));
      return summary([
        ...[...content].map((path) => `${pathText(path)} differs from the patched tree`),
        ...replaced.map((path) => `the folder ${path === '' ? '.' : pathText(path)} was replaced`),
        ...touched
          .filter((path) => !content.has(path))
          .map((path) => `${pathText(path)} was written, replaced or moved and then restored`),
      ]);
    },
  };
}

function summary(changes: readonly string[]): readonly string[] {
  if (changes.length <= NAMED) return changes;
  return [...changes.slice(0, NAMED), `${changes.length - NAMED} more`];
}
