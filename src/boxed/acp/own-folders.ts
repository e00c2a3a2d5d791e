import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, sep } from 'node:path';
import { RequestError } from '@agentclientprotocol/sdk';

/** The folders in which an agent is served: its checkout, and its scratch folder. */
export interface OwnFolders {
  /** The path without links, of a file that may be missing. @throws RequestError when it leads elsewhere. */
  locate(path: string): Promise<string>;
}

/** The parts of a path that is still to be made: as many as any file system allows. */
const MAX_MISSING = 256;

/** @param folders absolute; the first is where relative paths would begin, which the protocol does not allow */
export function createOwnFolders(folders: readonly string[]): OwnFolders {
  const tops = Promise.all(folders.map((folder) => realpath(folder)));
  return {
    locate: async (path) => {
      if (!isAbsolute(path)) throw invalid(`expected an absolute path, received ${JSON.stringify(path)}`);
      const real = await withoutLinks(path);
      if ((await tops).some((top) => isWithin(real, top))) return real;
      throw invalid(`${JSON.stringify(path)} is outside the session's folder, ${folders[0] ?? ''}`);
    },
  };
}

const invalid = (problem: string): RequestError => RequestError.invalidParams(undefined, problem);

function isWithin(path: string, folder: string): boolean {
  const [first] = relative(folder, path).split(sep);
  return first !== '..';
}

/** Where a path really leads. What is missing at its end is kept as it is written. */
async function withoutLinks(path: string): Promise<string> {
  const missing: string[] = [];
  for (let at = path; missing.length < MAX_MISSING; at = dirname(at)) {
    const real = await realpath(at).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw invalid(`${JSON.stringify(path)} cannot be used: ${error.code ?? error.message}`);
    });
    if (real !== null) return join(real, ...missing);
    // A link to a file that is missing: who writes it makes that file, wherever it is.
    if (await lstat(at).catch(() => null)) throw invalid(`${JSON.stringify(path)} is a link that leads nowhere`);
    missing.unshift(basename(at));
  }
  throw invalid(`${JSON.stringify(path)} has too many parts`);
}
