import { realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { PromptOsError } from '../../contracts/errors.js';
import type { Content } from '../../contracts/long-bytes.js';
import { COMMIT_PATTERN } from '../../contracts/names.js';
import { isLongPatch, type LongPatch } from '../../contracts/record/long-patch.js';
import type { Patch } from '../../contracts/record/patch.js';
import type { Checkout, TreeWatch, Workspace } from '../../ports/workspace.js';
import { wholeChange } from '../../rules/patch/added-lines.js';
import { type EngineGitEnv, engineGitEnv, type Variables } from '../git/environments.js';
import { pathText } from '../git/read-diff.js';
import { repositoryTraces } from '../git/repository.js';
import { applyToIndex } from '../git/scratch-index.js';
import { endLeftovers, removeLeftovers } from '../platform/leftovers.js';
import type { ProgramStarter } from '../platform/program-starter.js';
import { appliedChange, computePatch, NO_CHANGE, revertedChange } from './compute-patch.js';
import {
  baseNotFound,
  locateRepository,
  type Mirror,
  type MirrorInput,
  mirrorHolding,
  mirrorWithCommit,
  type RepositoryLocation,
  type RepositorySource,
} from './repository/mirror.js';
import { scratchPlace, withScratch } from './repository/scratch.js';
import { snapshotRepository, UNREADABLE_REPOSITORY } from './repository/snapshot.js';
import { branchTip, differingFiles } from './repository/target.js';
import { CHECKOUT_PREFIX } from './templates/copies.js';
import type { FreshTree } from './templates/fresh-tree.js';
import { type CheckoutOrder, createTemplates, type Templates, templatePlace } from './templates/templates.js';
import { GITLINK_MODE } from './tree/git-index.js';
import { isOfSetup } from './tree/setup-paths.js';
import { type BytePath, bytePath, bytesOf, look, type Survey, surveyTree } from './tree/tree-survey.js';

interface GitWorkspaceOptions {
  /** The worker config's repositories. */
  readonly repositories: Readonly<Record<string, RepositorySource>>;
  /** Mirrors and scratch files go here; absolute. */
  readonly stateDir: string;
  /**
   * The process's environment. Git gets of it only how to find programs and how to reach a host (`environments.ts`
   * has the list); without it, git is looked for in the usual folders and clone URLs have no credentials.
   */
  readonly env?: Variables;
  /** What starts git, and the programs that work in checkouts; this process itself when absent. */
  readonly programs?: ProgramStarter | undefined;
  /** Where checkouts are made; the system's folder for temporary files by default. */
  readonly temporaryDir?: string;
}

const notApplicable = (reason: string): PromptOsError =>
  new PromptOsError('PATCH_NOT_APPLICABLE', `The patch does not apply to the base commit: ${reason}.`);

interface Ready {
  readonly environment: EngineGitEnv;
  readonly temporaryDir: string;
}

/**
 * Git repositories by name. The engine keeps a bare mirror of each under its state folder and makes checkouts and
 * patches from it, out of an executor's reach. What dead processes left is removed when the workspace is first used.
 */
export function createGitWorkspace(options: GitWorkspaceOptions): Workspace {
  const stateDir = resolve(options.stateDir);
  const { programs } = options;
  const templates = createTemplates(stateDir, programs?.leavesNothing === true);
  let started: Promise<Ready> | undefined;
  const start = async (): Promise<Ready> => {
    const environment = await engineGitEnv(stateDir, options.env ?? {});
    const temporaryDir = await realpath(options.temporaryDir ?? tmpdir());
    // What still runs in a checkout would create it again.
    await endLeftovers();
    await removeLeftovers(temporaryDir, CHECKOUT_PREFIX);
    for (const { parent, prefix } of [scratchPlace(stateDir), templatePlace(stateDir)]) {
      await removeLeftovers(parent, prefix);
    }
    return { environment, temporaryDir };
  };
  const ready = (): Promise<Ready> => {
    started ??= start().catch((error: unknown) => {
      started = undefined;
      throw error;
    });
    return started;
  };
  const locate = async (name: string): Promise<RepositoryLocation> => {
    const source = Object.hasOwn(options.repositories, name) ? options.repositories[name] : undefined;
    return locateRepository(name, source, (await ready()).environment, programs);
  };
  const opened = new Map<string, { readonly location: RepositoryLocation; readonly traces: string }>();
  /** As `locate`; starts no git while the repository is the one that git found before. */
  const locateAgain = async (name: string): Promise<RepositoryLocation> => {
    const known = opened.get(name);
    if (known?.location.kind === 'path' && (await repositoryTraces(known.location)) === known.traces) {
      return known.location;
    }
    const location = await locate(name);
    const traces = location.kind === 'path' ? await repositoryTraces(location) : null;
    if (traces !== null) opened.set(name, { location, traces });
    return location;
  };
  // Where repositories were when their commits were fetched. What is in a mirror already is the same wherever they are now.
  const fetchedFrom = new Map<string, RepositoryLocation>();
  const mirrorOf = async (name: string, commit: string, signal?: AbortSignal): Promise<Mirror> => {
    const { environment } = await ready();
    const objectFormat = commit.length === 64 ? 'sha256' : 'sha1';
    const inputFor = (location: RepositoryLocation): MirrorInput => ({
      ...{ stateDir, name, location, objectFormat, environment, programs, signal },
    });
    const isCommit = COMMIT_PATTERN.test(commit);
    const before = isCommit ? fetchedFrom.get(name) : undefined;
    const held = before === undefined ? null : await mirrorHolding(inputFor(before), commit);
    if (held !== null) return held;
    const location = await locate(name);
    if (!isCommit) throw baseNotFound({ name }, commit);
    const mirror = await mirrorWithCommit(inputFor(location), commit);
    fetchedFrom.set(name, location);
    return mirror;
  };

  async function readPatch(name: string, commit: string, patch: Content): Promise<Patch>;
  async function readPatch(name: string, commit: string, patch: Content, long: 'long'): Promise<Patch | LongPatch>;
  async function readPatch(name: string, commit: string, patch: Content, long?: 'long'): Promise<Patch | LongPatch> {
    const mirror = await mirrorOf(name, commit);
    const change = await withScratch({ stateDir, mirror }, { commit }, (scratch) => appliedChange(scratch, patch));
    if (typeof change === 'string') throw notApplicable(change);
    return long === undefined ? wholeChange(change) : change;
  }
  return {
    checkPatch: async (name, commit, patch) => {
      const mirror = await mirrorOf(name, commit);
      const reason = await withScratch({ stateDir, mirror }, { commit }, ({ git }) =>
        applyToIndex(git, patch, 'check'),
      );
      return reason === null ? { ok: true } : { ok: false, reason };
    },
    readPatch,
    revertPatch: async (name, commit, patch) => {
      const mirror = await mirrorOf(name, commit);
      const proof = await withScratch({ stateDir, mirror }, { commit }, (scratch) =>
        revertedChange(scratch, commit, patch),
      );
      if (typeof proof !== 'string') return proof;
      throw notApplicable(proof);
    },
    branchMove: async (name, commit, branch) => {
      const { environment } = await ready();
      const tip = await branchTip(await locate(name), branch, { environment, programs, cwd: stateDir });
      if (tip === null || tip === commit) return tip === null ? null : { tip, files: [] };
      await mirrorOf(name, commit);
      return { tip, files: await differingFiles(await mirrorOf(name, tip), commit, tip) };
    },
    checkout: async ({ repository, commit, patch = new Uint8Array(), withholdAgentFiles = false, ...more }) => {
      const { setup, showsLaidUnder, signal, followsImports = true } = more;
      const mirror = await mirrorOf(repository, commit, signal);
      const { temporaryDir } = await ready();
      const setting = { setup, showsLaidUnder, signal };
      const order = { temporaryDir, repository, mirror, commit, patch, withholdAgentFiles, followsImports, ...setting };
      return makeCheckout(templates, stateDir, order);
    },
    inventory: async (repository, commit, { followsImports = true, signal } = {}) =>
      templates.inventory({ mirror: await mirrorOf(repository, commit, signal), commit, followsImports, signal }),
    snapshot: async (name) => {
      const { environment } = await ready();
      const location = await locateAgain(name).catch((error: unknown) => {
        // A repository that was one before and is none any more has changed: that it is unreadable is its new state.
        if (error instanceof PromptOsError && error.code === 'REPO_NOT_GIT') return null;
        throw error;
      });
      if (location === null) return { digests: UNREADABLE_REPOSITORY };
      if (location.kind === 'url') return { digests: null };
      return {
        digests: await snapshotRepository({ repository: location, stateDir, env: environment.local, programs }),
      };
    },
  };
}

/**
 * Takes a checkout. What changed in it is found by the engine's own index and objects, out of the executor's reach.
 * @throws PromptOsError PATCH_NOT_APPLICABLE, GIT_FAILED
 */
async function makeCheckout(templates: Templates, stateDir: string, order: CheckoutOrder): Promise<Checkout> {
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
