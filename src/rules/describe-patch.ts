import type { Patch } from '../contracts/patch.js';

/** `patch/files.json`: what the patch holds, as git computed it. */
export function describePatch({ files, bytes }: Pick<Patch, 'files' | 'bytes'>) {
  const sum = (counted: 'added' | 'deleted') => files.reduce((total, file) => total + file[counted], 0);
  return {
    schema_version: 1 as const,
    stats: { files: files.length, added: sum('added'), deleted: sum('deleted'), bytes: bytes.byteLength },
    files,
  };
}
