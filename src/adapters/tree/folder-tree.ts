import { lstat, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { PromptOsError } from '../../contracts/errors.js';
import type { TreeReader } from '../../ports/tree-reader.js';
import { digestFile, type PlainFile, readFile, streamFile, usePlainFile } from './plain-file.js';
import { walkFolder } from './walk-folder.js';

/**
 * Reads an exported folder. Nothing but plain files is opened, and no link is followed.
 * @throws PromptOsError FILE_NOT_READABLE when there is no such folder
 */
export async function openFolderTree(directory: string): Promise<TreeReader> {
  const root = await realpath(directory).catch((error: unknown) => {
    throw notReadable(directory, error);
  });
  if (!(await lstat(root)).isDirectory()) {
    throw new PromptOsError('FILE_NOT_READABLE', `Expected a folder, found that ${directory} is none.`);
  }
  const opened = async <T>(path: string, use: (file: PlainFile) => T | Promise<T>): Promise<T> => {
    try {
      return await usePlainFile(join(root, path), use);
    } catch (error) {
      throw notReadable(path, error);
    }
  };
  return {
    list: async (limits) => {
      try {
        return [...walkFolder(root, limits)].sort((a, b) => (a.path < b.path ? -1 : 1));
      } catch (error) {
        throw notReadable(directory, error);
      }
    },
    read: (path, most) => opened(path, (file) => readFile(file, most)),
    openStream: async function* (path) {
      try {
        yield* streamFile(join(root, path));
      } catch (error) {
        throw notReadable(path, error);
      }
    },
    digest: (path, most) => opened(path, (file) => digestFile(file, most)),
  };
}

function notReadable(path: string, error: unknown): unknown {
  if (error instanceof PromptOsError || !(error instanceof Error && 'code' in error)) return error;
  return new PromptOsError('FILE_NOT_READABLE', `Could not read ${path}: ${error.message}.`, { cause: error });
}
