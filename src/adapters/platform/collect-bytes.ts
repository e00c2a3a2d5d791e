import { closeSync, openSync, read, unlinkSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { type Content, type LongBytes, SHORT_BYTES } from '../../contracts/long-bytes.js';
import { markedPath, SCRATCH_PREFIX } from './leftovers.js';

/** Keeps bytes up to a limit, whatever the size of the pieces that they come in. */
export interface ByteCollector<Kept = Uint8Array> {
  add(chunk: Uint8Array): void;
  bytes(): Kept;
}

interface GrowingBuffer {
  readonly length: number;
  append(chunk: Uint8Array): void;
  keepLast(count: number): void;
  view(): Uint8Array;
}

/** One buffer that doubles: a list of chunks would cost hundreds of bytes for each byte of a slow writer. */
function createGrowingBuffer(): GrowingBuffer {
  let buffer = new Uint8Array(4_096);
  let length = 0;
  return {
    get length() {
      return length;
    },
    append: (chunk) => {
      if (length + chunk.length > buffer.length) {
        const larger = new Uint8Array(Math.max(buffer.length * 2, length + chunk.length));
        larger.set(buffer.subarray(0, length));
        buffer = larger;
      }
      buffer.set(chunk, length);
      length += chunk.length;
    },
    keepLast: (count) => {
      buffer.copyWithin(0, length - count, length);
      length = count;
    },
    view: () => buffer.slice(0, length),
  };
}

/** Keeps the first `limit` bytes. */
export function collectHead(limit: number): ByteCollector {
  const kept = createGrowingBuffer();
  return {
    add: (chunk) => {
      if (kept.length < limit) kept.append(chunk.subarray(0, limit - kept.length));
    },
    bytes: () => kept.view(),
  };
}

/**
 * Keeps the first quarter of `limit` bytes and the last three quarters, with a line between them that says how many
 * were left out.
 */
export function collectHeadAndTail(limit: number): ByteCollector {
  const headLimit = Math.floor(limit / 4);
  const tailLimit = limit - headLimit;
  const head = collectHead(headLimit);
  const tail = createGrowingBuffer();
  let seen = 0;
  return {
    add: (chunk) => {
      const toHead = Math.min(chunk.length, Math.max(0, headLimit - seen));
      head.add(chunk.subarray(0, toHead));
      seen += chunk.length;
      tail.append(chunk.subarray(Math.max(toHead, chunk.length - tailLimit)));
      if (tail.length > 2 * tailLimit) tail.keepLast(tailLimit);
    },
    bytes: () => {
      const first = head.bytes();
      const last = tail.view().subarray(-tailLimit);
      const omitted = seen - first.length - last.length;
      return Buffer.concat(
        omitted === 0 ? [first, last] : [first, Buffer.from(`\n[${omitted} bytes left out]\n`), last],
      );
    },
  };
}

/** Keeps the first bytes of an output that may be long: what is more than short goes to a file. */
export interface ContentCollector extends ByteCollector<Content> {
  /** For an output that no one will read. */
  drop(): void;
}

/**
 * Keeps the first `limit` bytes. A long output is written to a file that has no name any more: a process that is killed
 * leaves nothing, and no program can open what another one printed.
 * @param folder of the file; no program in a sandbox sees it
 */
export function collectContent(limit: number, folder: string): ContentCollector {
  const kept = createGrowingBuffer();
  let file: SpooledFile | null = null;
  return {
    add: (chunk) => {
      const wanted = chunk.subarray(0, limit - (file?.byteLength ?? kept.length));
      if (file === null && kept.length + wanted.length > SHORT_BYTES) {
        file = openSpooledFile(folder);
        file.append(kept.view());
        kept.keepLast(0);
      }
      if (file === null) kept.append(wanted);
      else file.append(wanted);
    },
    bytes: () => file ?? kept.view(),
    drop: () => file?.release(),
  };
}

const PIECE_BYTES = 64 * 1_024;
const readAt = promisify(read);

interface SpooledFile extends LongBytes {
  append(chunk: Uint8Array): void;
}

/** Closes the files of outputs that an error kept from being released. */
const FORGOTTEN = new FinalizationRegistry<number>((descriptor) => closeSync(descriptor));

/** Writes at once: what a program prints faster than a file takes it would be held in memory. @throws Error as node:fs does */
function openSpooledFile(folder: string): SpooledFile {
  const path = markedPath(folder, SCRATCH_PREFIX);
  const descriptor = openSync(path, 'wx+', 0o600);
  unlinkSync(path);
  let byteLength = 0;
  const file: SpooledFile = {
    get byteLength() {
      return byteLength;
    },
    append: (chunk) => {
      for (let done = 0; done < chunk.length; ) done += writeSync(descriptor, chunk, done);
      byteLength += chunk.length;
    },
    read: async function* () {
      // While it is read it is reachable, so that it is not closed.
      for (let place = 0; place < file.byteLength; ) {
        const buffer = Buffer.allocUnsafe(Math.min(PIECE_BYTES, file.byteLength - place));
        const { bytesRead } = await readAt(descriptor, buffer, 0, buffer.length, place);
        if (bytesRead === 0) throw new Error('a file of an output lost bytes');
        yield buffer.subarray(0, bytesRead);
        place += bytesRead;
      }
    },
    release: () => {
      if (FORGOTTEN.unregister(file)) closeSync(descriptor);
    },
  };
  FORGOTTEN.register(file, descriptor, file);
  return file;
}
