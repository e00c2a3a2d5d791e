import { expect, test, vi } from 'vitest';
import { readRunJournal } from '../../../src/activities/proof/run-journal.js';

const text = (value: string): Uint8Array => Buffer.from(value);
/** A journal whose entries have no shape; a test may put others in their place. */
const storeOf = (entries: Uint8Array[]) => ({
  readJournal: vi.fn(async (_runId: string, from = 0) => entries.slice(from)),
});
const seqs = async (store: ReturnType<typeof storeOf>) =>
  (await readRunJournal(store, 'run-1')).map(({ seq, entry }) => [seq, entry]);

test('readRunJournal: what was read before is not read again, but for the last entry', async () => {
  const entries = [text('a'), text('b')];
  const store = storeOf(entries);
  expect(await seqs(store)).toEqual([
    [0, null],
    [1, null],
  ]);
  entries.push(text('c'));
  expect((await seqs(store)).map(([seq]) => seq)).toEqual([0, 1, 2]);
  expect((await seqs(store)).length).toBe(3);
  expect(store.readJournal.mock.calls.map(([, from]) => from)).toEqual([undefined, 1, 2]);
});

test('readRunJournal: a journal that does not go on from what was read is read whole, also an empty one', async () => {
  for (const after of [[], ['a'], ['a', 'b', 'other'], ['a', 'b', 'other', 'more']].map((texts) => texts.map(text))) {
    const entries = [text('a'), text('b'), text('c')];
    const store = storeOf(entries);
    await readRunJournal(store, 'run-1');
    entries.splice(0, 3, ...after);
    expect((await seqs(store)).map(([seq]) => seq)).toEqual(after.map((_, seq) => seq));
    expect(store.readJournal.mock.lastCall).toEqual(['run-1']);
  }
});

test('readRunJournal: runs and stores are kept apart, and a long journal is not kept', async () => {
  const [one, other] = [storeOf([text('a')]), storeOf([text('b'), text('c')])];
  await readRunJournal(one, 'run-1');
  expect(await readRunJournal(other, 'run-1')).toHaveLength(2);
  await readRunJournal(other, 'run-2');
  expect(other.readJournal.mock.calls).toEqual([['run-1'], ['run-2']]);
  const long = storeOf(Array.from({ length: 5 }, () => new Uint8Array(250_000)));
  await readRunJournal(long, 'run-1');
  await readRunJournal(long, 'run-1');
  expect(long.readJournal.mock.calls).toEqual([['run-1'], ['run-1']]);
});
