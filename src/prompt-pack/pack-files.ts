/** A pack's files: path relative to the pack's folder → text. */
export type PackFiles = Readonly<Record<string, string>>;

export const INDEX_PATH = 'prompts.index.json';
export const LOCK_PATH = 'prompts.lock.json';

/** The file's text; undefined when the pack has no such file, whatever the path is called. */
export const packFile = (files: PackFiles, path: string): string | undefined =>
  Object.hasOwn(files, path) ? files[path] : undefined;
