import { realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { PromptOsError } from '../../contracts/errors.js';
import type { Content } from '../../contracts/long-bytes.js';
import { COMMIT_PATTERN } from '../../contracts/names.js';
import type { LongPatch } from '../../contracts/record/long-patch.js';
import type { Patch } from '../../contracts/record/patch.js';
import type { Workspace } from '../../ports/workspace.js';
import { wholeChange } from '../../rules/patch/added-lines.js';
import { type EngineGitEnv, engineGitEnv, type Variables } from '../git/environments.js';
import { repositoryTraces } from '../git/repository.js';
import { applyToIndex } from '../git/scratch-index.js';
import { endLeftovers, removeLeftovers } from '../platform/leftovers.js';
import type { ProgramStarter } from '../platform/program-starter.js';
import { makeCheckout } from './checkout.js';
import { appliedChange } from './compute-patch.js';
import { branchTip, differingFiles } from './repository/branch-tip.js';
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
import { revertedChange } from './revert-patch.js';
import { CHECKOUT_PREFIX } from './templates/copies.js';
import { createTemplates, templatePlace } from './templates/templates.js';

export interface GitWorkspaceOptions {
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
