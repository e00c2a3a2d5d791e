import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, mkdir, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { PromptOsError } from '../contracts/errors.js';

/** A file to export: where it goes, relative to the folder, and what it holds. */
export interface ExportFile {
  readonly path: string;
  readonly sha256: string;
  /** Opens the content anew. */
  open(): AsyncIterable<Uint8Array>;
}

export interface ExportOptions {
  /** Replaces files that are there and differ. */
  readonly force: boolean;
}

/**
 * Writes files into a folder, which is made when it is not there. All are looked at before the first is written, each
 * appears whole or not at all, and those that are there already with the same bytes are left alone.
 * @returns how many files were written
 * @throws PromptOsError EXPORT_DIFFERS, PATH_ESCAPES, FILE_NOT_READABLE when the folder cannot be written
 */
export async function exportFiles(
  directory: string,
  files: readonly ExportFile[],
  { force }: ExportOptions,
): Promise<number> {
  try {
    const wanted: ExportFile[] = [];
    const different: string[] = [];
    for (const file of files) {
      const found = await compare(join(directory, file.path), file.sha256);
      if (found === 'folder' || (found === 'different' && !force)) different.push(file.path);
      if (found !== 'same') wanted.push(file);
    }
    if (different.length > 0) throw differs(directory, different);
    await mkdir(directory, { recursive: true });
    const root = await realpath(directory);
    for (const file of wanted) await writeWhole(root, file);
    return wanted.length;
  } catch (error) {
    throw error instanceof PromptOsError || !(error instanceof Error && 'syscall' in error)
      ? error
      : new PromptOsError('FILE_NOT_READABLE', `Could not write into ${directory}: ${error.message}.`, {
          cause: error,
        });
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

async function writeWhole(root: string, { path, open }: ExportFile): Promise<void> {
  const target = join(root, path);
  const folder = dirname(target);
  await mkdir(folder, { recursive: true });
  // A link inside the folder, as a repository may hold one, must not carry the export elsewhere.
  const real = await realpath(folder);
  if (real !== root && !real.startsWith(root === sep ? sep : `${root}${sep}`)) {
    throw new PromptOsError('PATH_ESCAPES', `${path} leads out of ${root} through a symbolic link.`);
  }
  const partial = join(real, `.${basename(target)}.${randomUUID()}.partial`);
  try {
    await writeFile(partial, open(), { flag: 'wx' });
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}
