import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { digestOf } from '../../src/contracts/long-bytes.js';

test('digestOf: the same digest for bytes in memory and for bytes that come in pieces', async () => {
  const bytes = new Uint8Array(3_000).map((_, index) => index % 251);
  const pieces = async function* () {
    yield bytes.subarray(0, 1_000);
    yield bytes.subarray(1_000);
  };
  const long = { byteLength: bytes.byteLength, read: pieces, release: () => undefined };
  const wanted = createHash('sha256').update(bytes).digest('hex');
  expect(await digestOf(bytes)).toBe(wanted);
  expect(await digestOf(long)).toBe(wanted);
});
