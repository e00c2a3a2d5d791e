import { expect, test, vi } from 'vitest';
import { createLeasedCache } from '../../../../src/adapters/workspace/templates/leased-cache.js';

const setUp = (idle: number, idleMs = 60_000) => {
  const disposed: string[] = [];
  return { disposed, cache: createLeasedCache<string>({ idle, idleMs }, (value) => disposed.push(value)) };
};
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('lease: a value is made once, also for callers at the same time', async () => {
  const { cache } = setUp(1);
  const make = vi.fn(async () => 'a');
  const leases = await Promise.all([cache.lease('a', make), cache.lease('a', make)]);
  expect(leases.map(({ value }) => value)).toEqual(['a', 'a']);
  expect(make).toHaveBeenCalledOnce();
});

test('lease: a failure is not kept', async () => {
  const { cache } = setUp(1);
  await expect(cache.lease('a', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect((await cache.lease('a', async () => 'made')).value).toBe('made');
});

test('release: of the values that are not in use, the one that was used longest ago goes first', async () => {
  const { cache, disposed } = setUp(1);
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((key) => cache.lease(key, async () => key)));
  b?.release();
  await settled();
  expect(disposed).toEqual([]);
  a?.release();
  await settled();
  expect(disposed).toEqual(['b']);
  const again = await cache.lease('a', async () => 'made again');
  expect(again.value).toBe('a');
  c?.release();
  await settled();
  expect(disposed).toEqual(['b']);
});

test('release: a value goes when it was not used for a while', async () => {
  const { cache, disposed } = setUp(5, 20);
  (await cache.lease('a', async () => 'a')).release();
  await expect.poll(() => disposed).toEqual(['a']);
});

test('retire: no further lease gets the value, which goes with its last lease', async () => {
  const { cache, disposed } = setUp(5);
  const [one, other] = [await cache.lease('a', async () => 'old'), await cache.lease('a', async () => 'old')];
  one.retire();
  one.release();
  await settled();
  expect(disposed).toEqual([]);
  expect((await cache.lease('a', async () => 'new')).value).toBe('new');
  other.release();
  await settled();
  expect(disposed).toEqual(['old']);
});
