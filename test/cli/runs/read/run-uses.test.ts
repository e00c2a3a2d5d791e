import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { readUses, readUsing, usesOfRecord, usesOfRun } from '../../../../src/cli/runs/read/run-uses.js';
import { canonicalJson } from '../../../../src/contracts/json.js';
import { runRecordSchema } from '../../../../src/contracts/record/run-record.js';
import { journalBytes } from '../../../../src/contracts/run/journal.js';
import { memoryStore } from '../../../support/memory-store.js';

const TREE = new URL('../../../vectors/trees/straight/', import.meta.url);
const text = (path: string) => readFile(new URL(path, TREE), 'utf8');
const record = async () => runRecordSchema.parse(JSON.parse(await text('run_record.json')));

test('readUses: by prompt, pack, policy and model, and all that is asked must hold', async () => {
  const recorded = await record();
  const prompt = recorded.gates.find(({ gate }) => gate === 'P05')?.attempts[0]?.prompt;
  const uses = { ...usesOfRecord(recorded), models: ['model-1'] };
  const used = (given: Parameters<typeof readUses>[0]) => readUses(given)(uses);
  const policy = recorded.policy.sha256;
  for (const selector of ['P05', 'P05@1.2.3', `P05@sha256:${prompt?.sha256}`, `P05@${prompt?.sha256.slice(0, 8)}`]) {
    expect(used({ prompt: [selector] }), selector).toBe(true);
  }
  // P08 is of the pack, and no attempt of the run that has ended was given it as its own prompt.
  for (const selector of ['P05@1.2.4', 'P05@sha256:00000000', 'P08']) expect(used({ prompt: [selector] })).toBe(false);
  for (const selector of ['v1.2.3', '1.2.3', 'PromptOS@v1.2.3', `sha256:${recorded.promptos.pack_sha256}`]) {
    expect(used({ pack: [selector] }), selector).toBe(true);
  }
  expect(used({ pack: ['v1.2.4'] })).toBe(false);
  expect(used({ policy: [`sha256:${policy}`], model: ['model-1'] })).toBe(true);
  expect(used({ policy: [policy.slice(0, 8)], model: ['model-2'] })).toBe(false);
  expect(used({ policy: ['sha256:00000000'] })).toBe(false);
});

test.each([
  { prompt: ['P99'] },
  { prompt: ['P05@'] },
  { prompt: ['P05@1@2'] },
  { pack: [''] },
  { policy: ['first-policy'] },
  { policy: ['sha256:1234'] },
  { model: [' '] },
])('readUses: USAGE for %j', (given) => {
  expect(() => readUses(given)).toThrow(expect.objectContaining({ code: 'USAGE' }));
});

test('readUsing: kinds with their values, and USAGE for anything else', () => {
  expect(readUsing(['prompt=P05@1.0.0', 'model=a=b', 'prompt=P06'])).toEqual({
    prompt: ['P05@1.0.0', 'P06'],
    model: ['a=b'],
  });
  expect(readUsing([])).toEqual({});
  for (const wrong of ['P05', 'gate=P05', '=x']) expect(() => readUsing([wrong])).toThrow(/--using: expected/);
});

test('usesOfRun: an open run counts with the whole pack that its signed start names, from the journal alone', async () => {
  const store = { ...memoryStore(), published: async () => null };
  const put = async (content: string) => (await store.putObject(Buffer.from(content))).sha256;
  const opened = JSON.parse((await text('evidence/journal/journal.jsonl')).split('\n')[0] ?? '').entry;
  await put(await text('evidence/attestations/run-request.dsse.json'));
  await put(await text('evidence/prompt_pack.json'));
  await store.appendJournal('vector-straight', journalBytes(opened));
  const { policy, promptos } = await record();
  const uses = await usesOfRun(store, null, 'vector-straight');
  expect(uses).toMatchObject({
    policy_sha256: policy.sha256,
    pack: { version: promptos.version, sha256: promptos.pack_sha256 },
    models: [],
  });
  expect(readUses({ prompt: ['P08', 'P05@1.2.3'] })(uses), canonicalJson(uses)).toBe(true);
  expect(readUses({ prompt: ['P05@1.2.4'] })(uses)).toBe(false);
});
