import { PromptOsError } from '../../contracts/errors.js';
import { RUN_ID_PATTERN } from '../../contracts/names.js';
import { counted } from '../../contracts/sentences.js';

/** @throws PromptOsError PATH_ESCAPES for what is no run id, and could lead anywhere. */
export function checkRunId(runId: string): void {
  if (!RUN_ID_PATTERN.test(runId)) {
    throw new PromptOsError('PATH_ESCAPES', `Expected a run id, received ${JSON.stringify(runId)}.`);
  }
}

/** @throws PromptOsError PATH_ESCAPES for a path that is not plainly inside a tree. */
export function checkTreePath(path: string): void {
  const inside = !/[\\\0]/.test(path) && !path.split('/').some((part) => part === '' || part === '.' || part === '..');
  if (!inside) throw new PromptOsError('PATH_ESCAPES', `${JSON.stringify(path)} leads out of the run's tree.`);
}

/**
 * Every path of a tree to publish.
 * @throws PromptOsError PATH_ESCAPES; PATH_CLASH when one place is wanted twice, or as a file and as a folder
 */
export function checkTreePaths(paths: readonly string[]): void {
  const files = new Set<string>();
  for (const path of paths) {
    checkTreePath(path);
    if (files.has(path)) throw new PromptOsError('PATH_CLASH', `Two files are to be published as ${path}.`);
    files.add(path);
  }
  for (const path of paths) {
    const parts = path.split('/');
    for (let length = 1; length < parts.length; length += 1) {
      const folder = parts.slice(0, length).join('/');
      if (files.has(folder)) throw new PromptOsError('PATH_CLASH', `${folder} is to be both a file and a folder.`);
    }
  }
}

/** Bytes of one entry at most: a message has 64 KiB, its envelope in base64 a third more. */
const MAX_ENTRY_BYTES = 256 * 1_024;
/** Entries of one journal at most: a caller that can write to the store must not make it grow without end. */
export const MAX_ENTRIES = 20_000;

/** The name of the entry at one place of a journal; names sort as their entries do. */
export const entryName = (seq: number): string => `${String(seq).padStart(8, '0')}.json`;

/** @throws PromptOsError STORE_FULL for an entry that a journal has no place for */
export function checkEntry(runId: string, seq: number, entry: Uint8Array): void {
  if (Number.isSafeInteger(seq) && seq >= 0 && seq < MAX_ENTRIES && entry.byteLength <= MAX_ENTRY_BYTES) return;
  throw new PromptOsError(
    'STORE_FULL',
    `The journal of ${runId} takes ${MAX_ENTRIES} entries of ${MAX_ENTRY_BYTES} bytes; received entry ${seq} of ${counted(entry.byteLength, 'byte')}.`,
  );
}
