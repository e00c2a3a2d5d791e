/** Keeps bytes up to a limit, whatever the size of the pieces that they come in. */
export interface ByteCollector {
  add(chunk: Uint8Array): void;
  bytes(): Uint8Array;
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
