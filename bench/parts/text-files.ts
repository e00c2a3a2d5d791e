import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A text of a tree, as a scanner of patches would see it when all of it was added. */
export interface TextFile {
  readonly path: string;
  readonly text: string;
}

/** Every regular file below a folder that has no NUL in it, in the order of names; links are not followed. */
export async function* textFiles(folder: string): AsyncGenerator<TextFile> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const path of paths.sort()) {
    const bytes = await readFile(path);
    if (!bytes.includes(0)) yield { path, text: bytes.toString('utf8') };
  }
}
