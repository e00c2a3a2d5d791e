import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readLedger } from '../../../src/activities/proof/verify-prefix.js';
import { createFileSystemStore } from '../../../src/adapters/store/fs/file-system-store.js';
import type { LedgerSegment } from '../../../src/contracts/run/activities.js';
import type { LedgerEntry } from '../../../src/contracts/run/ledger.js';
import { appendEntry, headOf, ledgerLines } from '../../../src/domain/ledger/ledger-chain.js';
import type { ArtifactStore } from '../../../src/ports/artifact-store.js';
import { finishedRun } from '../../support/finished-run.js';

let directory: string;
let store: ArtifactStore;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'promptos-ledger-'));
  store = createFileSystemStore(directory);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const save = async (part: readonly LedgerEntry[]): Promise<LedgerSegment> => ({
  sha256: (await store.putObject(Buffer.from(ledgerLines(part)))).sha256,
  entries: part.length,
});

test('readLedger: gives the parts in the store and the entries that came along, as one chain', async () => {
  const { entries } = await finishedRun(store);
  const segments = [await save(entries.slice(0, 7)), await save(entries.slice(7, 20))];
  const reference = { segments, entries: entries.slice(20), head: headOf(entries) };
  expect(await readLedger(store, reference)).toEqual(entries);
});

test('readLedger: goes on from entries that were checked before, without reading their parts again', async () => {
  const { entries } = await finishedRun(store);
  const segments = [{ sha256: 'f'.repeat(64), entries: 7 }, await save(entries.slice(7, 20))];
  const reference = { segments, entries: entries.slice(20), head: headOf(entries) };
  expect(await readLedger(store, reference, entries.slice(0, 7))).toEqual(entries);
  const other = entries.slice(0, 6);
  const forked = [
    ...other,
    appendEntry(headOf(other), '2026-01-03T00:00:00.000Z', { type: 'reminded', request_id: 'x' }),
  ];
  await expect(readLedger(store, reference, forked)).rejects.toMatchObject({ code: 'LEDGER_BROKEN' });
});

test('readLedger: LEDGER_BROKEN when a part is missing, doubled, exchanged or not what it says', async () => {
  const { entries } = await finishedRun(store);
  const [a, b] = [await save(entries.slice(0, 7)), await save(entries.slice(7, 20))];
  const noLines = { ...(await store.putObject(Buffer.from('no lines'))), entries: 1 };
  for (const segments of [[a], [b], [a, a, b], [b, a], [a, { ...b, entries: 12 }], [noLines]]) {
    const reference = { segments, entries: entries.slice(20), head: headOf(entries) };
    await expect(readLedger(store, reference)).rejects.toMatchObject({ code: 'LEDGER_BROKEN' });
  }
});

test('readLedger: LEDGER_BROKEN for entries that do not lead to the head, or that no engine writes', async () => {
  const { entries } = await finishedRun(store);
  const head = headOf(entries);
  const changed = entries.map((entry) =>
    entry.type === 'gatePassed' ? { ...entry, approved_by: ['mallory'] } : entry,
  );
  const unknown = entries.map((entry) => (entry.seq === 3 ? ({ ...entry, type: 'invented' } as never) : entry));
  for (const reference of [
    { entries: entries.slice(0, -1), head },
    { entries: changed, head },
    { entries: unknown, head },
    { entries: [], head },
    { entries, head: { ...head, hash: '0'.repeat(64) } },
    { entries, head: headOf(entries.slice(0, -1)) },
  ]) {
    await expect(readLedger(store, { segments: [], ...reference })).rejects.toMatchObject({
      code: 'LEDGER_BROKEN',
      retryable: false,
    });
  }
});

test('readLedger: OBJECT_NOT_FOUND for a part that the store lacks', async () => {
  const { entries } = await finishedRun(store);
  const segments = [{ sha256: 'f'.repeat(64), entries: 7 }];
  const reference = { segments, entries: entries.slice(7), head: headOf(entries) };
  await expect(readLedger(store, reference)).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND' });
});
