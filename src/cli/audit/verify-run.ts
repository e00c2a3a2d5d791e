import type { PolicyFile } from '../../config/policy-file.js';
import { PromptOsError } from '../../contracts/errors.js';
import type { ReadableStore } from '../../ports/artifact-store.js';
import { judgeTree } from '../../verify/index.js';
import { openPublishedTree } from '../verify/open-target.js';
import type { AuditedRun } from './run-catalogue.js';

/** What came of verifying a published run. */
export interface RunVerification {
  /** The first thing that is wrong, or null when everything holds. */
  readonly problem: { readonly code: string; readonly message: string } | null;
  /** Whether a policy from outside was the measure; without one the tree vouches for itself. */
  readonly trusted: boolean;
  /** What holds and yet must be said, such as decisions that nobody signed. */
  readonly remarks: readonly string[];
}

/**
 * Judges a published run.
 * @param policies those that are trusted; none when nobody handed one in
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
    const { first, remarks } = await judgeTree(await openPublishedTree(store, runId), { policies, runId });
    const failure = first?.failure ?? null;
    if (failure === null) return { problem: null, trusted, remarks };
    const { code, message, path, expected, found } = failure;
    const where = `${path ?? 'the tree'}: expected ${expected}, found ${found}`;
    return { problem: { code, message: `${message} (${where})` }, trusted, remarks };
  } catch (error) {
    if (!(error instanceof PromptOsError)) throw error;
    return { problem: { code: error.code, message: error.summary }, trusted, remarks: [] };
  }
};
