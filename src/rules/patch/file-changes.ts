import type { Patch, PatchFile } from '../../contracts/record/patch.js';
import { type HunkLine, type HunkReader, parsePatch } from './parse-patch.js';
import { LINK_MODE } from './patch-lines.js';

/** A file of a patch with the lines of its hunks that rules read: removed ones, added ones, and those around them. */
export interface FileChange {
  readonly file: PatchFile;
  readonly hunks: readonly (readonly HunkLine[])[];
}

/** A longer line is read up to here. */
const LINE_LIMIT = 20_000;

/** The last line up to which a rule reads a file; 0 for a file that it does not read. */
export type ReadsUpTo = (path: string) => number;

/**
 * Reads the hunks from the bytes of the patch, which the writer's worker, the verifier's and `promptos verify` all have:
 * they see the same lines. Only what rules ask for is kept, so that a large patch costs little.
 */
export function fileChanges(
  { bytes, files }: Pick<Patch, 'bytes' | 'files'>,
  readers: readonly ReadsUpTo[],
): readonly FileChange[] {
  const byPath = new Map<string, HunkLine[][]>(files.map(({ path }) => [path, []]));
  const last = new Map(files.map((file) => [file.path, lastLineOf(file, readers)]));
  const reader: HunkReader = {
    begin: (path) => byPath.get(path)?.push([]),
    wants: (path, line) => line <= (last.get(path) ?? 0),
    take: (path, taken) => {
      const { text } = taken;
      const line = text.length > LINE_LIMIT ? { ...taken, text: text.slice(0, LINE_LIMIT) } : taken;
      byPath.get(path)?.at(-1)?.push(line);
    },
  };
  parsePatch(bytes, reader);
  return files.map((file) => ({ file, hunks: byPath.get(file.path) ?? [] }));
}

const lastLineOf = ({ path, old_mode, new_mode }: PatchFile, readers: readonly ReadsUpTo[]): number =>
  old_mode === LINK_MODE || new_mode === LINK_MODE ? 0 : Math.max(0, ...readers.map((reads) => reads(path)));

/** A line that a patch adds or removes, without its carriage return. */
export interface ChangedText {
  readonly line: number;
  readonly text: string;
}

/** Lines of one side, each made once: several rules read them. */
function sideOf(wanted: '+' | '-'): (change: FileChange) => readonly ChangedText[] {
  const known = new WeakMap<FileChange, readonly ChangedText[]>();
  return (change) => {
    const before = known.get(change);
    if (before !== undefined) return before;
    const lines: ChangedText[] = [];
    for (const hunk of change.hunks) {
      for (const { sign, line, text } of hunk) {
        if (sign === wanted) lines.push({ line, text: text.endsWith('\r') ? text.slice(0, -1) : text });
      }
    }
    known.set(change, lines);
    return lines;
  };
}

export const addedTo = sideOf('+');
export const removedFrom = sideOf('-');

/** The last segment of a path. */
export const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
