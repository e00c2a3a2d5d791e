import type { Patch } from '../contracts/patch.js';

/** What a masked patch really was: whoever has it can show by its digest that it is the one that was refused. */
export interface MaskedPatch {
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * `patch/files.json`: what the patch holds, as git computed it.
 * @param masked for a refused patch that is published with its secrets masked
 */
export function describePatch({ files, bytes }: Pick<Patch, 'files' | 'bytes'>, masked?: MaskedPatch) {
  const sum = (counted: 'added' | 'deleted') => files.reduce((total, file) => total + file[counted], 0);
  return {
    schema_version: 1 as const,
    stats: { files: files.length, added: sum('added'), deleted: sum('deleted'), bytes: bytes.byteLength },
    files,
    ...(masked === undefined ? {} : { masked }),
  };
}
