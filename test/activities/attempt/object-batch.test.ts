import { expect, test, vi } from 'vitest';
import { createObjectBatch } from '../../../src/activities/attempt/object-batch.js';
import { sha256Hex } from '../../../src/contracts/digest.js';
import { memoryStore } from '../../support/memory-store.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A store that counts the objects put, and those that are put at the same time. */
function countingStore() {
  const store = memoryStore();
  const seen = { puts: 0, atOnce: 0, most: 0 };
  return {
    seen,
    store: {
      ...store,
      putObject: async (content: Uint8Array | AsyncIterable<Uint8Array>) => {
        seen.puts += 1;
        seen.atOnce += 1;
        seen.most = Math.max(seen.most, seen.atOnce);
        await new Promise((resolve) => setTimeout(resolve, 5));
        seen.atOnce -= 1;
        return store.putObject(content);
      },
    },
  };
}

test('object batch: what is put is written at the flush, together, each object once', async () => {
  const { store, seen } = countingStore();
  const batch = createObjectBatch(store);
  const put = [];
  for (const text of ['a', 'b', 'c', 'a', '']) put.push(await batch.put(bytes(text)));
  expect(put.map(({ bytes: size }) => size)).toEqual([1, 1, 1, 1, 0]);
  expect(put[0]).toEqual({ sha256: sha256Hex(bytes('a')), bytes: 1 });
  expect(seen.puts).toBe(0);
  await batch.flush();
  expect(seen).toMatchObject({ puts: 4, most: 4 });
  for (const { sha256 } of put) expect(await store.hasObject(sha256)).toBe(true);
  await batch.flush();
  expect(seen.puts).toBe(4);
});

test('object batch: reads what it holds, and what only the store has', async () => {
  const { store } = countingStore();
  const batch = createObjectBatch(store);
  const stored = await store.putObject(bytes('stored'));
  const held = await batch.put(bytes('held'));
  expect(await batch.read(held.sha256)).toEqual(bytes('held'));
  expect(await batch.read(stored.sha256)).toEqual(bytes('stored'));
});

test('object batch: large contents are not held back', async () => {
  const { store, seen } = countingStore();
  const batch = createObjectBatch(store);
  for (let index = 0; index < 5; index += 1) await batch.put(Buffer.alloc(4 * 1_048_576, index));
  expect(seen.puts).toBe(5);
  await batch.put(bytes('small'));
  expect(seen.puts).toBe(5);
});

test('object batch: a flush fails with the error of the store, and can be done again', async () => {
  const store = memoryStore();
  let full = true;
  const batch = createObjectBatch({
    ...store,
    putObject: async (content) => {
      if (full) throw new Error('full');
      return store.putObject(content);
    },
  });
  const { sha256 } = await batch.put(bytes('a'));
  await expect(batch.flush()).rejects.toThrow('full');
  full = false;
  await batch.flush();
  expect(await store.hasObject(sha256)).toBe(true);
});

test('object batch: what was written or read is read from the store once, as far as memory allows', async () => {
  const store = memoryStore();
  const readObject = vi.fn(store.readObject);
  const batch = createObjectBatch({ ...store, readObject });
  const own = await batch.put(bytes('own'));
  const [other, large] = [await store.putObject(bytes('other')), await store.putObject(new Uint8Array(5_000_000))];
  await batch.flush();
  for (let time = 0; time < 2; time += 1) {
    for (const { sha256, bytes: size } of [own, other, large]) {
      expect((await batch.read(sha256)).byteLength).toBe(size);
    }
  }
  expect(readObject.mock.calls.flat()).toEqual([other.sha256, large.sha256, large.sha256]);
});
