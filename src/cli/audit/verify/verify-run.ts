import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { openBundleTree } from '../../../adapters/tree/bundle-tree.js';
import { openFolderTree } from '../../../adapters/tree/folder-tree.js';
import { readNamedFile } from '../../../config/files.js';
import { type PolicyFile, readPolicy } from '../../../config/policy-file.js';
import { PromptOsError } from '../../../contracts/errors.js';
import type { ReadableStore } from '../../../ports/artifact-store.js';
import type { TreeReader } from '../../../ports/tree-reader.js';
import { createObjectTree } from '../../../verify/object-tree.js';
import { failureText, judgeTree } from '../../../verify/verify-tree.js';
import type { CommandContext } from '../../app/context.js';
import type { StoreCommandContext } from '../../app/published-run.js';
import { selectPublishedRun } from '../../runs/read/open-run.js';
import type { AuditedRun } from '../commits/run-catalogue.js';

export interface RunVerification {
  /** The first thing that is wrong, or null when everything holds. */
  readonly problem: { readonly code: string; readonly message: string } | null;
  /** Whether a policy from outside was the measure; without one the tree vouches for itself. */
  readonly trusted: boolean;
  /** What holds and yet must be said, such as decisions without a signature. */
  readonly remarks: readonly string[];
}

/**
 * Judges a published run.
 * @param policies those that are trusted; none when the line names none
 */
export type RunVerifier = (
  store: ReadableStore,
  run: AuditedRun,
  policies: readonly PolicyFile[],
) => Promise<RunVerification>;

/** As `promptos verify` does; a tree that cannot be read is not verified. */
export const verifyRun: RunVerifier = async (store, { runId }, policies) => {
  const trusted = policies.length > 0;
  try {
    const { first, remarks } = await judgeTree(await openPublishedTree(store, runId), {
      policies,
      runId,
      now: Date.now(),
    });
    const failure = first?.failure ?? null;
    if (failure === null) return { problem: null, trusted, remarks };
    return { problem: { code: failure.code, message: failureText(failure) }, trusted, remarks };
  } catch (error) {
    if (!(error instanceof PromptOsError)) throw error;
    return { problem: { code: error.code, message: error.summary }, trusted, remarks: [] };
  }
};

/** The text of a file that a person named. @throws PromptOsError FILE_NOT_READABLE */
export const readNamedText = async (path: string): Promise<string> =>
  new TextDecoder().decode(await readNamedFile(path, 'FILE_NOT_READABLE'));

/** The policies that an audit was handed: what it trusts beside the store. Says loudly when there is none. */
export async function readTrustedPolicies(
  context: CommandContext,
  paths: readonly string[] = [],
): Promise<readonly PolicyFile[]> {
  const policies: PolicyFile[] = [];
  for (const path of paths) policies.push(await readPolicy(resolve(context.cwd, path)));
  if (policies.length === 0) {
    context.output().note('NOTE: no --policy was given, so the published trees vouch for themselves.');
  }
  return policies;
}

/** The tree in an exported folder or in a bundle; null where neither is. */
async function openPlace(path: string): Promise<TreeReader | null> {
  const stats = await stat(path).catch(() => null);
  if (stats?.isDirectory() === true) return openFolderTree(path);
  return stats?.isFile() === true ? openBundleTree(path) : null;
}

/** A published run where it is: the folder or the bundle itself where there is one, so that nothing in it goes unseen. */
export async function openPublishedTree(store: ReadableStore, runId: string): Promise<TreeReader> {
  const place = await openPlace(store.locate(runId));
  if (place !== null) return place;
  const files = await store.published(runId);
  if (files === null) throw new PromptOsError('RUN_NOT_PUBLISHED', `Run ${runId} has no published tree.`);
  return createObjectTree(files, store);
}

/** A tree to verify, and the run that it must be where a run was named. */
export interface VerifyTarget {
  readonly reader: TreeReader;
  readonly runId?: string;
}

/**
 * What a person names: a folder is a tree, a file is a bundle, anything else is a run of this place.
 * @throws PromptOsError RUN_NOT_FOUND, RUN_AMBIGUOUS, RUN_NOT_PUBLISHED, FILE_NOT_READABLE
 */
export async function openTarget(context: StoreCommandContext, target: string): Promise<VerifyTarget> {
  const path = resolve(context.cwd, target);
  const place = await openPlace(path);
  if (place !== null) return { reader: place };
  if (/[/\\]/.test(target)) {
    throw new PromptOsError('FILE_NOT_READABLE', `Expected a folder or a bundle, found none at ${path}.`);
  }
  const store = await context.openStore();
  const runId = await selectPublishedRun(context, target, store);
  return { runId, reader: await openPublishedTree(store, runId) };
}
