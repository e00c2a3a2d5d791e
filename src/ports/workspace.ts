import type { Content } from '../contracts/long-bytes.js';
import type { LongPatch } from '../contracts/record/long-patch.js';
import type { Patch, RollbackProof } from '../contracts/record/patch.js';
import type { RepositoryDigests } from '../contracts/repository-parts.js';
import type { Inventory } from '../contracts/run/inventory.js';
import type { LaidUnder } from './laid-under.js';

/** The user's own repository as it stood at one moment, as far as an executor could have changed it. */
export interface RepositorySnapshot {
  /** By part, so that what a person does there is distinguished from what an executor could abuse; null for a remote repository. */
  readonly digests: RepositoryDigests | null;
}

/** Observes the tracked files of a checkout from one moment on. */
export interface TreeWatch {
  /**
   * What happened to tracked files since: one sentence per file, none when they are what the commit and the patch give
   * and were so all the time, as far as the file system says. Untracked files, such as build output, do not count.
   */
  changes(): Promise<readonly string[]>;
}

/** How a checkout gets what the commands of a policy's set-up make. */
export interface CheckoutSetup {
  /** What decides the result besides the repository and the key files: the commands, the platform. */
  readonly key: string;
  isKeyFile(path: string): boolean;
  /**
   * Runs the commands in a checkout of the base commit, with the key files of the patch: only where no result is kept.
   * @param committed whether the key files are those of the commit
   */
  make(directory: string, committed: boolean): Promise<void>;
}

/** What the set-up gave to a checkout. */
export interface ProvidedSetup {
  /** Of everything that decides the result. */
  readonly sha256: string;
  readonly cached: boolean;
  readonly duration_ms: number;
}

/** A throwaway working copy with a `.git` of its own. */
export interface Checkout {
  readonly directory: string;
  /** Paths that the patch touches and that steer agents, where `withholdAgentFiles` was asked for. */
  readonly withheld: readonly string[];
  /** Those of them that the base commit has and the checkout does not: a file of the patch is in the way. */
  readonly absent: readonly string[];
  /** Absent without a set-up. */
  readonly setup?: ProvidedSetup;
  /** What the set-up made, where it is not in the checkout itself: whoever works in the checkout must be shown it. */
  readonly laidUnder?: LaidUnder;
  /**
   * Waits until it is known that no other program wrote to what is laid under it, which is looked at while somebody works in
   * the checkout. Nothing that was made in it counts before; `diff`, `reset` and `changes` of its watch wait for it too.
   * @throws PromptOsError GIT_FAILED
   */
  requireUnwritten(): Promise<void>;
  /**
   * The difference between the tree that was checked out and the files there now, computed out of the executor's reach.
   * Files that git ignores are left out, and so is what the set-up made: its files, and all that is in its folders.
   * @param named paths that are taken in although they would be left out, where they are not as the set-up made them
   */
  diff(named?: readonly string[]): Promise<Patch>;
  /** The same for a caller that can do with a large change out of memory, and releases it. */
  diff(named: readonly string[], long: 'long'): Promise<Patch | LongPatch>;
  /** Starts to observe the tracked files: those of the commit and of the patch. */
  watch(): Promise<TreeWatch>;
  /** Throws away every change, ignored and untracked files included. */
  reset(): Promise<void>;
  discard(): Promise<void>;
}

export interface CheckoutOptions {
  readonly repository: string;
  readonly commit: string;
  /** Applied on top of the commit, as `git apply --index` does. */
  readonly patch?: Content;
  /** Leaves files that steer agents as they are in the commit, whatever the patch makes of them: an agent works here. */
  readonly withholdAgentFiles?: boolean;
  /** Whether files that those import count as such, as in `InventoryOptions`; true when absent. */
  readonly followsImports?: boolean;
  /** What the checkout needs before anyone can work in it. Never takes the place of a file of the commit or the patch. */
  readonly setup?: CheckoutSetup | undefined;
  /** Whether whoever works in the checkout is shown what is laid under it; otherwise the checkout gets a copy. */
  readonly showsLaidUnder?: boolean | undefined;
  readonly signal?: AbortSignal;
}

interface InventoryOptions {
  /** Whether files count that are imported by the text of another, such as `@docs/style.md`; true when absent. */
  readonly followsImports?: boolean;
  readonly signal?: AbortSignal;
}

/** Where a branch is now, and the files in which it differs from a commit. */
interface BranchMove {
  readonly tip: string;
  readonly files: readonly string[];
}

export type ApplyResult = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** Repositories by name, and throwaway checkouts of them. */
export interface Workspace {
  /** Whether the patch applies to the commit, as `git apply --check` says. */
  checkPatch(repository: string, commit: string, patch: Content): Promise<ApplyResult>;
  /**
   * What a patch comes to on the commit, as git lists the two trees: files, modes and added lines, whatever its text says.
   * @throws PromptOsError REPO_NOT_FOUND, BASE_NOT_FOUND, PATCH_NOT_APPLICABLE, PATCH_TOO_LARGE, GIT_FAILED
   */
  readPatch(repository: string, commit: string, patch: Content): Promise<Patch>;
  /** The same for a caller that can do with a large change out of memory, and releases it. */
  readPatch(repository: string, commit: string, patch: Content, long: 'long'): Promise<Patch | LongPatch>;
  /**
   * Applies a patch to the commit and takes it back, as `git apply` and `git apply --reverse` do.
   * @throws PromptOsError REPO_NOT_FOUND, BASE_NOT_FOUND, PATCH_NOT_APPLICABLE, GIT_FAILED
   */
  revertPatch(repository: string, commit: string, patch: Content): Promise<RollbackProof>;
  /**
   * How far a branch has moved on from a commit; null for a branch that the repository does not have.
   * @throws PromptOsError REPO_NOT_FOUND, BASE_NOT_FOUND, REPO_FETCH_FAILED, GIT_FAILED
   */
  branchMove(repository: string, commit: string, branch: string): Promise<BranchMove | null>;
  /** @throws PromptOsError REPO_NOT_FOUND, BASE_NOT_FOUND, PATCH_NOT_APPLICABLE, REPO_FETCH_FAILED, GIT_FAILED; what `make` of the set-up throws */
  checkout(options: CheckoutOptions): Promise<Checkout>;
  /** The files of a commit that steer agents. @throws PromptOsError as `checkout` */
  inventory(repository: string, commit: string, options?: InventoryOptions): Promise<Inventory>;
  snapshot(repository: string): Promise<RepositorySnapshot>;
}
