import { expect, test } from 'vitest';
import { renderInventories, tracedInventories } from '../../../../src/cli/audit/trace/traced-inventories.js';
import { runRecordSchema } from '../../../../src/contracts/record/run-record.js';
import type { ReadableStore } from '../../../../src/ports/artifact-store.js';
import { genuineRun } from '../../../verify/genuine-run.js';

test('trace: each attempt names the files that steered it, and those that were withheld from it', async () => {
  const { files, run } = await genuineRun({ signing: 'none', story: 'straight', steering: true });
  const text = (path: string) => new TextDecoder().decode(files.get(path));
  const store = {
    async *openPublished(_run: string, path: string) {
      yield files.get(path) ?? new Uint8Array();
    },
  } as unknown as ReadableStore;
  const record = runRecordSchema.parse(JSON.parse(text('run_record.json')));
  const traced = await tracedInventories({ store }, { record, runId: run.run_id });
  expect(traced.map(({ gate, withheld }) => [gate, withheld.length])).toEqual([
    ...['P00', 'P01', 'P03', 'P05'].map((gate) => [gate, 0]),
    ...['P06', 'P07'].map((gate) => [gate, 2]),
  ]);
  expect(renderInventories(traced)).toEqual([
    '  steered     P00.1, P01.1, P03.1, P05.1, P06.1, P07.1: by 1 file of the repository',
    expect.stringMatching(/^ {16}AGENTS\.md sha256:[0-9a-f]{64}$/),
    '                withheld from P06.1: src/CLAUDE.md, src/GEMINI.md',
    '                withheld from P07.1: src/CLAUDE.md, src/GEMINI.md',
  ]);
}, 60_000);

test('trace: inventories that differ are shown apart, long ones are cut, and missing ones are named', () => {
  const files = Array.from({ length: 12 }, (_, at) => ({ path: `${at}\u001b/CLAUDE.md`, sha256: 'a'.repeat(64) }));
  const lines = renderInventories([
    { gate: 'P00', attempt: 1, inventory: null, withheld: [] },
    { gate: 'P01', attempt: 1, inventory: { files: [], more: 0 }, withheld: [] },
    { gate: 'P03', attempt: 2, inventory: { files, more: 3 }, withheld: [] },
  ]);
  expect(lines[0]).toBe('  steered     P00.1: not recorded which files steered the executor');
  expect(lines[1]).toBe('              P01.1: by no file of the repository');
  expect(lines[2]).toBe('              P03.2: by 15 files of the repository');
  expect(lines[3]).toContain('0␛/CLAUDE.md');
  expect(lines.at(-1)).toBe('                and 5 more');
  expect(lines).toHaveLength(14);
});
