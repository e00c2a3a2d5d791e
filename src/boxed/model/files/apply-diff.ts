import { applyPatch } from 'diff';
import { checkoutPath, Refused } from './checkout-path.js';
import { type FileDiff, parseDiff } from './parse-diff.js';
import { readText } from './read-file.js';
import { removeFile, writeText } from './write-file.js';

/** A change of one file that is known to apply. */
type Change = { readonly path: string; readonly text: string | null };

/**
 * Applies a unified diff to the checkout, all of it or nothing.
 * @returns the paths that changed
 * @throws Refused for a hunk that does not apply, or a path outside
 */
export function applyDiff(root: string, diff: string): readonly string[] {
  const changes = parseDiff(diff).flatMap((file) => changesOf(root, file));
  const twice = changes.find(({ path }, index) => changes.findIndex((other) => other.path === path) !== index);
  if (twice !== undefined)
    throw new Refused(`The diff has "${twice.path}" more than once: expected all its hunks together.`);
  for (const { path, text } of changes) {
    if (text === null) removeFile(root, path);
    else writeText(root, path, text);
  }
  return changes.map(({ path }) => path);
}

function changesOf(root: string, file: FileDiff): readonly Change[] {
  const { before, after } = file;
  if (after === null) {
    if (before === null) throw new Refused('A file of the diff has no name: both sides are /dev/null.');
    // It must be there, and hold what the diff removes.
    patched(root, before, file);
    return [{ path: before, text: null }];
  }
  if (before === null) {
    if (checkoutPath(root, after).stats !== null)
      throw new Refused(`"${after}" is there already; the diff makes it new.`);
    return [{ path: after, text: patched(root, null, file) }];
  }
  const text = patched(root, before, file);
  return before === after
    ? [{ path: after, text }]
    : [
        { path: before, text: null },
        { path: after, text },
      ];
}

function patched(root: string, path: string | null, { before, after, hunks }: FileDiff): string {
  const source = path === null ? '' : readText(root, path).text;
  const patch = { oldFileName: before ?? '', newFileName: after ?? '', oldHeader: '', newHeader: '' };
  const whole = applyPatch(source, { ...patch, hunks: [...hunks] });
  if (whole !== false) return whole;
  const failing = hunks.findIndex((hunk) => applyPatch(source, { ...patch, hunks: [hunk] }) === false);
  const which = failing === -1 ? 'The hunks together do' : `Hunk ${failing + 1} of ${hunks.length} does`;
  throw new Refused(
    `${which} not apply to "${path ?? after}": its lines of context and those that it removes must be in the file exactly as they are written. Read the file again.`,
  );
}
