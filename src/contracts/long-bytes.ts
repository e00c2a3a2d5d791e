import { createSha256, sha256Hex } from './digest.js';

/** Bytes that are too many for the memory of a worker: they are read in pieces, as often as they are needed. */
export interface LongBytes {
  readonly byteLength: number;
  /** From the first to the last byte. */
  read(): AsyncIterable<Uint8Array>;
  /** Gives up what holds them: after it they cannot be read. */
  release(): void;
}

/** Few bytes in memory, or many that are elsewhere. */
export type Content = Uint8Array | LongBytes;

/** What has more bytes than this is not held in memory where it can be avoided. */
export const SHORT_BYTES = 1_024 * 1_024;

export const isLong = (content: Content): content is LongBytes => !(content instanceof Uint8Array);

export const releaseContent = (content: Content): void => {
  if (isLong(content)) content.release();
};

/** The bytes in pieces, whatever holds them. */
export async function* piecesOf(content: Content): AsyncIterable<Uint8Array> {
  if (isLong(content)) {
    yield* content.read();
    return;
  }
  for (let from = 0; from < content.byteLength; from += SHORT_BYTES) yield content.subarray(from, from + SHORT_BYTES);
}

/** The first bytes, at most so many. */
export async function startOf(content: Content, count: number): Promise<Uint8Array> {
  if (!isLong(content)) return content.subarray(0, count);
  const start = new Uint8Array(Math.min(count, content.byteLength));
  let filled = 0;
  for await (const piece of content.read()) {
    start.set(piece.subarray(0, start.length - filled), filled);
    filled = Math.min(start.length, filled + piece.byteLength);
    if (filled === start.length) break;
  }
  return start;
}

/** The last bytes, at most so many. */
export async function endOf(content: Content, count: number): Promise<Uint8Array> {
  if (!isLong(content)) return content.subarray(-count);
  const end = new Uint8Array(2 * count);
  let kept = 0;
  for await (const piece of content.read()) {
    const last = piece.subarray(-count);
    if (kept + last.length > end.length) {
      end.copyWithin(0, kept - count, kept);
      kept = count;
    }
    end.set(last, kept);
    kept += last.length;
  }
  return end.slice(Math.max(0, kept - count), kept);
}

/** All bytes in memory: for what is short, or is read by a process of its own. */
export async function wholeOf(content: Content): Promise<Uint8Array> {
  if (!isLong(content)) return content;
  const whole = new Uint8Array(content.byteLength);
  let filled = 0;
  for await (const piece of content.read()) {
    whole.set(piece, filled);
    filled += piece.byteLength;
  }
  return whole;
}

/** How many bytes come, read to their end. */
export async function countBytes(pieces: AsyncIterable<Uint8Array>): Promise<number> {
  let count = 0;
  for await (const piece of pieces) count += piece.byteLength;
  return count;
}

/** Hexadecimal SHA-256 of all bytes. */
export async function digestOf(content: Content): Promise<string> {
  if (!isLong(content)) return sha256Hex(content);
  const hash = createSha256();
  for await (const piece of content.read()) hash.update(piece);
  return hash.digest();
}
