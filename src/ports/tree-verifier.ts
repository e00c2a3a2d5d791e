import type { ArtifactRef } from '../contracts/primitives.js';
import type { ArtifactStore } from './artifact-store.js';

/** Why a tree would not verify. */
export interface TreeProblem {
  /** Of the verifier; stable. */
  readonly code: string;
  readonly message: string;
}

/** A run's whole tree before it is sealed and published: all but what the engine's own key signs. */
export interface UnsealedTree {
  readonly runId: string;
  readonly files: readonly ArtifactRef[];
  /** Where the bytes of the files are, by digest. */
  readonly objects: Pick<ArtifactStore, 'readObject' | 'openObject'>;
}

/** Judges a tree as `promptos verify` would. The engine signs and publishes only what gives no problem. */
export type VerifyTree = (tree: UnsealedTree) => Promise<readonly TreeProblem[]>;
