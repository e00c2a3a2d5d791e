/** One thing that lies in a run's tree. Folders are not told, but for empty ones. */
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

/** A run's tree as somebody brings it: an exported folder, a published run, or files that are not published yet. */
export interface TreeReader {
  /** Everything that lies there, in the order of paths. */
  list(): Promise<readonly TreeEntry[]>;
  /** A whole file; links are never followed. @throws PromptOsError FILE_NOT_READABLE */
  read(path: string): Promise<Uint8Array>;
  /** A file as a stream. @throws PromptOsError FILE_NOT_READABLE */
  openStream(path: string): AsyncIterable<Uint8Array>;
  /** SHA-256 and size of a file's bytes, in memory that does not grow with them. @throws PromptOsError FILE_NOT_READABLE */
  digest(path: string): Promise<TreeDigest>;
}
