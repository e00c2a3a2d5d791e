import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { replaceWithStream } from '../../../adapters/platform/durable-files.js';
import { makeFolders } from '../../../adapters/platform/make-folders.js';
import { PromptOsError, writeFailure } from '../../../contracts/errors.js';

/** A file to export: where it goes, relative to the folder, and what it holds. */
export interface ExportFile {
  readonly path: string;
  readonly sha256: string;
  /** Opens the content from its start. */
  open(): AsyncIterable<Uint8Array>;
}

export interface ExportOptions {
  /** Replaces files that are there and differ. */
  readonly force: boolean;
}

/**
 * Looks at every place that files are to go to, and gives the function that writes them: each file appears whole or not
 * at all, existing files with the same bytes stay as they are, and a missing folder is created.
 * @returns a function that writes and says how many files it wrote; it throws PATH_ESCAPES, or FILE_NOT_READABLE when
 * the folder cannot be written
 * @throws PromptOsError EXPORT_DIFFERS, FILE_NOT_READABLE
 */
export async function prepareExport(
  directory: string,
  files: readonly ExportFile[],
  { force }: ExportOptions,
): Promise<() => Promise<number>> {
  return explained(directory, async () => {
    const wanted: ExportFile[] = [];
    const different: string[] = [];
    for (const file of files) {
      const found = await compare(join(directory, file.path), file.sha256);
      if (found === 'folder' || (found === 'different' && !force)) different.push(file.path);
      if (found !== 'same') wanted.push(file);
    }
    if (different.length > 0) throw differs(directory, different);
    return () =>
      explained(directory, async () => {
        await makeFolders(directory);
        const root = await realpath(directory);
        for (const { path, open } of wanted) {
          await replaceWithStream(join(await folderInside(root, dirname(path)), basename(path)), open());
        }
        return wanted.length;
      });
  });
}

async function explained<T>(directory: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof PromptOsError || !(error instanceof Error && 'syscall' in error)) throw error;
    const summary = `Could not write into ${directory}: ${error.message}.`;
    throw writeFailure(summary, error);
  }
}

const differs = (directory: string, paths: readonly string[]): PromptOsError => {
  const shown = paths.slice(0, 5).join(', ') + (paths.length > 5 ? ` and ${paths.length - 5} more` : '');
  return new PromptOsError('EXPORT_DIFFERS', `${directory} holds other content already: ${shown}.`);
};

async function compare(path: string, sha256: string): Promise<'absent' | 'same' | 'different' | 'folder'> {
  try {
    if ((await lstat(path)).isDirectory()) return 'folder';
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(path)) hash.update(chunk);
    return hash.digest('hex') === sha256 ? 'same' : 'different';
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return (await lstat(path).catch(() => null)) === null ? 'absent' : 'different';
    throw error;
  }
}

/** Makes a folder step by step: a link on the way, as a repository may hold one, must not carry the export elsewhere. */
async function folderInside(root: string, path: string): Promise<string> {
  let folder = root;
  for (const part of path === '.' ? [] : path.split('/')) {
    await makeFolders(join(folder, part));
    folder = await realpath(join(folder, part));
    if (!folder.startsWith(root === sep ? sep : `${root}${sep}`)) {
      throw new PromptOsError('PATH_ESCAPES', `${path} leads out of ${root} through a symbolic link.`);
    }
  }
  return folder;
}
