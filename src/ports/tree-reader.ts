import type { ArtifactRef } from '../contracts/primitives.js';
import type { ArtifactStore } from './artifact-store.js';

/** One entry of a run's tree. Folders are not listed, but for empty ones and those that are too deep to be walked. */
export interface TreeEntry {
  /** Relative to the tree, with forward slashes. */
  readonly path: string;
  readonly kind: 'file' | 'empty_folder' | 'link' | 'special';
  readonly bytes: number;
}

export interface TreeDigest {
  readonly sha256: string;
  readonly bytes: number;
}

/** How much of a tree is listed: its maker may be an attacker. */
export interface TreeLimits {
  /** Entries; one more is listed when there are more, so that the caller sees it. */
  readonly entries: number;
  /** Folders below folders; a deeper one is listed as an entry and not walked. */
  readonly depth: number;
}

/**
 * A run's tree from outside: an exported folder, a published run, or files that are not published yet. Its author is not
 * trusted, so each call limits the bytes that it reads.
 */
export interface TreeReader {
  /** The entries in the order of paths. @throws PromptOsError FILE_NOT_READABLE */
  list(limits: TreeLimits): Promise<readonly TreeEntry[]>;
  /**
   * A whole file; links are never followed. Of a file with more than `most` bytes only a part is given, which is longer
   * than `most`.
   * @throws PromptOsError FILE_NOT_READABLE
   */
  read(path: string, most: number): Promise<Uint8Array>;
  /** A file as a stream. @throws PromptOsError FILE_NOT_READABLE */
  openStream(path: string): AsyncIterable<Uint8Array>;
  /**
   * SHA-256 and size of a file's bytes, in memory that does not grow with them. Of a file with more than `most` bytes
   * only a part is hashed, and `bytes` is more than `most`.
   * @throws PromptOsError FILE_NOT_READABLE
   */
  digest(path: string, most: number): Promise<TreeDigest>;
}

/** Why a tree would not verify. */
interface TreeProblem {
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
