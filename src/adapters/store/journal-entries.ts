import { PromptOsError } from '../../contracts/errors.js';
import { counted } from '../../contracts/sentences.js';

/** Bytes of one entry at the most: a message has 64 KiB, its envelope in base64 a third more. */
const MAX_ENTRY_BYTES = 256 * 1_024;
/** Entries of one journal at the most: whoever can write to the store must not make it grow without end. */
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
