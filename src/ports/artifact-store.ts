import type { ArtifactRef } from '../contracts/primitives.js';

export interface StoredObject {
  readonly sha256: string;
  readonly bytes: number;
}

/** A published run, as a listing shows it. */
export interface PublishedRun {
  readonly run_id: string;
  /** When the tree was published. */
  readonly published_at: Date;
}

/** A store whose published trees are read, and nothing else. */
export type ReadableStore = Omit<ArtifactStore, 'putObject' | 'publish' | 'appendJournal' | 'readJournal' | 'journals'>;

/**
 * Bytes by SHA-256, and the published trees of runs. Objects are immutable and every read is checked against the
 * digest. One conformance suite (`test/adapters/store/artifact-store-conformance.ts`) runs on every implementation.
 */
export interface ArtifactStore {
  /**
   * Puts bytes; putting the same bytes again does nothing.
   * @throws PromptOsError STORE_NOT_WRITABLE, STORE_FULL
   */
  putObject(content: Uint8Array | AsyncIterable<Uint8Array>): Promise<StoredObject>;
  hasObject(sha256: string): Promise<boolean>;
  /**
   * The whole object, checked.
   * @throws PromptOsError OBJECT_NOT_FOUND, OBJECT_CORRUPT
   */
  readObject(sha256: string): Promise<Uint8Array>;
  /** The object as a stream; it fails with OBJECT_CORRUPT at its end when the digest is wrong. */
  openObject(sha256: string): AsyncIterable<Uint8Array>;
  /**
   * Publishes a run's tree: write-once and atomic, so a reader sees the whole tree or none. The same tree again succeeds.
   * @throws PromptOsError RUN_ALREADY_PUBLISHED for another tree under the same id, PATH_ESCAPES, OBJECT_NOT_FOUND
   */
  publish(runId: string, files: readonly ArtifactRef[]): Promise<void>;
  /** The files of a published tree, sorted by path, or null when the run is not published. */
  published(runId: string): Promise<readonly ArtifactRef[] | null>;
  /** @throws PromptOsError RUN_NOT_PUBLISHED, OBJECT_NOT_FOUND, PATH_ESCAPES */
  openPublished(runId: string, path: string): AsyncIterable<Uint8Array>;
  /**
   * Appends one entry to a run's journal: write-once, so of several writers at one place one wins. An entry is durable
   * before this resolves.
   * @param after the entry is written only when the journal has exactly so many entries; without it, behind all others
   * @returns false when the journal has more: read on, and judge again
   * @throws PromptOsError PATH_ESCAPES, STORE_NOT_WRITABLE, STORE_FULL
   */
  appendJournal(runId: string, entry: Uint8Array, after?: number): Promise<boolean>;
  /**
   * The journal's entries in their order, up to the first free place; empty for a run that has none.
   * @param from the first sequence number wanted
   * @throws PromptOsError PATH_ESCAPES, STORE_NOT_READABLE
   */
  readJournal(runId: string, from?: number): Promise<readonly Uint8Array[]>;
  /** The ids of the runs that have a journal, published or not, sorted. */
  journals(): Promise<readonly string[]>;
  /** Newest first. */
  list(): Promise<readonly PublishedRun[]>;
  /** Where a person finds the published tree: an absolute folder, or a URL. */
  locate(runId: string): string;
}

/** A store that can let go of what a policy no longer keeps. A worker has no use for it. */
export interface PrunableStore extends ArtifactStore {
  /**
   * Removes files of a published tree for good. A note stays that says which and when, and the run is listed without them.
   * Removing them again, or others later, succeeds. The objects behind the files stay.
   * @throws PromptOsError RUN_NOT_PUBLISHED, STORE_NOT_WRITABLE
   */
  removePublished(runId: string, paths: readonly string[]): Promise<void>;
  /**
   * Removes an object, unless it was put after `before`: putting bytes that the store has already counts too, where it was
   * more than an hour ago.
   * @returns false for an object that was put since; true also for one that the store does not have
   * @throws PromptOsError STORE_NOT_WRITABLE
   */
  removeObject(sha256: string, before: Date): Promise<boolean>;
}
