import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createFinalise } from '../../src/activities/finalise.js';
import { createSaveLedger } from '../../src/activities/save-ledger.js';
import { createFileSystemStore } from '../../src/adapters/store-fs/file-system-store.js';
import { canonicalJson } from '../../src/contracts/canonical-json.js';
import { sha256Hex } from '../../src/contracts/digest.js';
import type { LedgerEntry } from '../../src/contracts/ledger.js';
import { promptSessionSchema } from '../../src/contracts/prompt-session.js';
import { type RunRecord, runRecordSchema } from '../../src/contracts/run-record.js';
import { appendEntry, checkChain, EMPTY_LEDGER, headOf } from '../../src/governance/ledger-chain.js';
import { checkPromptSession } from '../../src/governance/prompt-session.js';
import type { ArtifactStore } from '../../src/ports/artifact-store.js';
import { noSigners } from '../../src/ports/signer.js';
import { type FinishedRun, finishedRun, WORKFLOW } from '../support/finished-run.js';

let directory: string;
let store: ArtifactStore;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'promptos-finalise-'));
  store = createFileSystemStore(directory);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** A query that answers once for each answer given, and throws when asked once more. */
function scriptedLedger(...answers: readonly (readonly LedgerEntry[] | Error)[]) {
  const left = [...answers];
  return async (): Promise<readonly LedgerEntry[]> => {
    const answer = left.shift();
    if (answer === undefined) throw new Error('the script of the ledger is over');
    if (answer instanceof Error) throw answer;
    return answer;
  };
}

const inputOf = ({ run, outcome, head }: FinishedRun) => ({ run_id: run.run_id, outcome, segments: [], head });
const published = (path: string) => readFile(join(store.locate('run-1'), path));
const record = async (): Promise<RunRecord> =>
  runRecordSchema.parse(JSON.parse((await published('run_record.json')).toString()));

async function tree(): Promise<string[]> {
  const entries = await readdir(store.locate('run-1'), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(store.locate('run-1').length + 1))
    .sort();
}

describe('finalise', () => {
  test('an approved run: standing artifacts in public, void ones aside, everything else as evidence', async () => {
    const run = await finishedRun(store);
    const result = await createFinalise({ store, signers: noSigners }, scriptedLedger(run.entries))(inputOf(run));
    const folder = (gate: string, attempt: number, ...files: string[]) =>
      ['attempt.json', 'try-1/prompt.md', 'try-1/stdout.txt', ...files].map(
        (file) => `evidence/attempts/${gate}/${attempt}/${file}`,
      );
    expect(await tree()).toEqual(
      [
        'job.json',
        'plan.md',
        'patch/change.patch',
        'run_record.json',
        'evidence/plan.json',
        'evidence/test_results.json',
        'evidence/request.json',
        'evidence/policy.yaml',
        'evidence/prompt_pack.json',
        'evidence/prompt_session.json',
        'evidence/prompt_session.sha256',
        'evidence/ledger.jsonl',
        'evidence/escalations/E1.json',
        ...folder('P01', 1),
        ...folder('P03', 1),
        ...folder('P03', 2),
        ...folder('P05', 1, 'patch/change.patch'),
        ...folder('P05', 2),
        ...folder('P06', 1, 'evidence/test_results.json'),
        ...folder('P06', 2),
      ].sort(),
    );
    expect(result.files).toBe((await tree()).length);
    expect((await published('patch/change.patch')).toString()).toBe('second patch');
    expect((await published('evidence/attempts/P05/1/patch/change.patch')).toString()).toBe('first patch');
  });

  test('the record: its digest is the result, and it lists every other file with its true digest and size', async () => {
    const run = await finishedRun(store);
    const result = await createFinalise({ store, signers: noSigners }, scriptedLedger(run.entries))(inputOf(run));
    expect(sha256Hex(await published('run_record.json'))).toBe(result.run_record_sha256);
    const { artifacts, ledger, governance } = await record();
    const others = (await tree()).filter((path) => !['run_record.json', 'evidence/ledger.jsonl'].includes(path));
    expect(artifacts.map(({ path }) => path)).toEqual(others);
    for (const { path, sha256, bytes } of artifacts) {
      const content = await published(path);
      expect([sha256Hex(content), content.byteLength]).toEqual([sha256, bytes]);
    }
    const lines = (await published(ledger.path)).toString().trimEnd().split('\n');
    const entries = lines.map((line) => JSON.parse(line) as LedgerEntry);
    expect(checkChain(entries, EMPTY_LEDGER)).toEqual({
      ok: true,
      head: { entries: ledger.entries, hash: ledger.head },
    });
    const session = promptSessionSchema.parse(JSON.parse((await published('evidence/prompt_session.json')).toString()));
    expect(checkPromptSession(session)).toEqual([]);
    expect(session.notes).toBe('Über-notes');
    expect(governance).toEqual({
      prompt_artifact_hash: session.artifact_hash,
      prompt_chain_hash: session.chain_hash,
    });
    expect(
      execFileSync('sha256sum', ['-c', 'prompt_session.sha256'], {
        cwd: join(store.locate('run-1'), 'evidence'),
      }).toString(),
    ).toContain('OK');
  });

  test('again: the same bytes, whichever process and whatever came to the ledger since', async () => {
    const run = await finishedRun(store);
    const first = await createFinalise({ store, signers: noSigners }, scriptedLedger(run.entries))(inputOf(run));
    const before = await published('run_record.json');
    const late = appendEntry(run.head, '2026-02-01T00:00:00.000Z', { type: 'reminded', request_id: 'P06.2.1' });
    const again = createFinalise(
      { store: createFileSystemStore(directory), signers: noSigners },
      scriptedLedger([...run.entries, late]),
    );
    expect(await again(inputOf(run))).toEqual(first);
    expect(await published('run_record.json')).toEqual(before);
  });

  test('RUN_ALREADY_PUBLISHED for another story under the same id, and the first tree stays', async () => {
    const run = await finishedRun(store);
    await createFinalise({ store, signers: noSigners }, scriptedLedger(run.entries))(inputOf(run));
    const other = await finishedRun(store, { outcome: 'aborted' });
    const finalise = createFinalise({ store, signers: noSigners }, scriptedLedger(other.entries));
    await expect(finalise(inputOf(other))).rejects.toMatchObject({ code: 'RUN_ALREADY_PUBLISHED', retryable: false });
    expect((await record()).outcome).toBe('approved');
  });

  test('a run that ended undecided: its newest attempts stand in public', async () => {
    const run = await finishedRun(store, { outcome: 'cancelled' });
    await createFinalise({ store, signers: noSigners }, scriptedLedger(run.entries))(inputOf(run));
    expect((await published('evidence/test_results.json')).toString()).toBe('{"first":true}');
    expect((await published('patch/change.patch')).toString()).toBe('first patch');
    expect((await record()).outcome).toBe('cancelled');
  });

  test('a policy in JSON is published as JSON', async () => {
    const run = await finishedRun(store);
    const policy = await store.putObject(Buffer.from('{"schema_version":1}'));
    const entries: LedgerEntry[] = [];
    for (const { seq: _s, prev: _p, hash: _h, at, ...event } of run.entries) {
      const opened =
        event.type === 'runOpened' ? { ...event, run: { ...event.run, policy_sha256: policy.sha256 } } : event;
      entries.push(appendEntry(headOf(entries), at, opened));
    }
    await createFinalise(
      { store, signers: noSigners },
      scriptedLedger(entries),
    )({ ...inputOf(run), head: headOf(entries) });
    expect(await tree()).toContain('evidence/policy.json');
    expect(await tree()).not.toContain('evidence/policy.yaml');
  });

  test('a run that the engine refused to open gets a tree, also when its documents are missing', async () => {
    const { run } = await finishedRun(store);
    const missing = 'a'.repeat(64);
    const refused = { ...run, request_sha256: missing, pack_object_sha256: missing };
    const opening = appendEntry(EMPTY_LEDGER, '2026-01-01T00:00:00.000Z', {
      type: 'openingFailed',
      run: refused,
      workflow: WORKFLOW,
      code: 'OBJECT_NOT_FOUND',
      message: 'no request',
    });
    const closing = appendEntry(headOf([opening]), '2026-01-01T00:00:01.000Z', {
      type: 'runClosed',
      outcome: 'failed',
      reason: 'OBJECT_NOT_FOUND',
      refusals_counted: {},
    });
    const entries = [opening, closing];
    const finalise = createFinalise({ store, signers: noSigners }, scriptedLedger(entries));
    await finalise({ run_id: 'run-1', outcome: 'failed', segments: [], head: headOf(entries) });
    expect(await tree()).toEqual([
      'evidence/ledger.jsonl',
      'evidence/policy.yaml',
      'evidence/prompt_session.json',
      'evidence/prompt_session.sha256',
      'run_record.json',
    ]);
  });

  test('OBJECT_NOT_FOUND when the store lacks an attempt, its artifact or the request; nothing is published', async () => {
    const run = await finishedRun(store);
    const [attempt, { artifacts }] = [...run.attempts][0] as [string, { artifacts: { sha256: string }[] }];
    for (const sha256 of [attempt, artifacts[0]?.sha256 as string, run.run.request_sha256]) {
      const path = join(directory, 'objects', sha256.slice(0, 2), sha256.slice(2));
      const content = await readFile(path);
      await rm(path);
      const finalise = createFinalise({ store, signers: noSigners }, scriptedLedger(run.entries));
      await expect(finalise(inputOf(run))).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND' });
      expect(await store.published('run-1')).toBeNull();
      await store.putObject(content);
    }
    await createFinalise({ store, signers: noSigners }, scriptedLedger(run.entries))(inputOf(run));
  });

  test('RECORD_INVALID when an attempt has another shape, or is of another gate', async () => {
    const run = await finishedRun(store);
    const [sha256, good] = [...run.attempts][0] as [string, object];
    for (const bad of [
      { ...good, tries: 'many' },
      { ...good, gate: 'P07' },
      { ...good, run_id: 'run-2' },
      'no object',
    ]) {
      const other = await store.putObject(Buffer.from(canonicalJson(bad)));
      const entries: LedgerEntry[] = [];
      for (const { seq: _s, prev: _p, hash: _h, at, ...event } of run.entries) {
        const swap = event.type === 'gateFinished' && event.output_sha256 === sha256;
        entries.push(appendEntry(headOf(entries), at, swap ? { ...event, output_sha256: other.sha256 } : event));
      }
      const finalise = createFinalise({ store, signers: noSigners }, scriptedLedger(entries));
      await expect(finalise({ ...inputOf(run), head: headOf(entries) })).rejects.toMatchObject({
        code: 'RECORD_INVALID',
      });
      expect(await store.published('run-1')).toBeNull();
    }
  });

  test('LEDGER_BROKEN for entries that do not lead to the head, for another run and another outcome', async () => {
    const run = await finishedRun(store);
    const { entries } = run;
    const changed = entries.map((entry) =>
      entry.type === 'gatePassed' ? { ...entry, approved_by: ['mallory'] } : entry,
    );
    const unknown = entries.map((entry) => (entry.seq === 3 ? ({ ...entry, type: 'invented' } as never) : entry));
    const input = inputOf(run);
    const attempts = [
      { ledger: entries.slice(0, -1), input },
      { ledger: changed, input },
      { ledger: unknown, input },
      { ledger: [], input },
      { ledger: entries, input: { ...input, head: { ...input.head, hash: '0'.repeat(64) } } },
      { ledger: entries, input: { ...input, head: headOf(entries.slice(0, -1)) } },
      { ledger: entries, input: { ...input, run_id: 'run-2' } },
      { ledger: entries, input: { ...input, outcome: 'rejected' as const } },
    ];
    for (const { ledger, input: asked } of attempts) {
      const finalise = createFinalise({ store, signers: noSigners }, scriptedLedger(ledger));
      await expect(finalise(asked)).rejects.toMatchObject({ code: 'LEDGER_BROKEN', retryable: false });
    }
    expect(await store.list()).toEqual([]);
  });

  test('a query that fails comes through as it is, and the next try succeeds', async () => {
    const run = await finishedRun(store);
    const down = new Error('the worker shuts down');
    const finalise = createFinalise({ store, signers: noSigners }, scriptedLedger(down, run.entries));
    await expect(finalise(inputOf(run))).rejects.toBe(down);
    expect(await store.list()).toEqual([]);
    await finalise(inputOf(run));
  });
});

describe('save ledger', () => {
  test('segments: a run that continued as new twice is published with its whole ledger', async () => {
    const run = await finishedRun(store);
    const parts = [run.entries.slice(0, 7), run.entries.slice(7, 20), run.entries.slice(20)] as const;
    const heads = [headOf(parts[0]), headOf(parts[1])] as const;
    const segments = [
      await createSaveLedger(
        { store },
        scriptedLedger(run.entries.slice(0, 9)),
      )({ run_id: 'run-1', from: 0, head: heads[0] }),
      await createSaveLedger({ store }, scriptedLedger(parts[1]))({ run_id: 'run-1', from: 7, head: heads[1] }),
    ];
    expect(segments.map(({ entries }) => entries)).toEqual([7, 13]);
    await createFinalise({ store, signers: noSigners }, scriptedLedger(parts[2]))({ ...inputOf(run), segments });
    expect((await record()).ledger).toMatchObject({ entries: run.head.entries, head: run.head.hash });
  });

  test('segments: LEDGER_BROKEN when one is missing, doubled, exchanged or not what it says', async () => {
    const run = await finishedRun(store);
    const parts = [run.entries.slice(0, 7), run.entries.slice(7, 20), run.entries.slice(20)] as const;
    const save = (from: number, part: readonly LedgerEntry[]) =>
      createSaveLedger({ store }, scriptedLedger(part))({ run_id: 'run-1', from, head: headOf(part) });
    const [a, b] = [await save(0, parts[0]), await save(7, parts[1])];
    const noLines = { ...(await store.putObject(Buffer.from('no lines'))), entries: 1 };
    for (const segments of [[a], [b], [a, a, b], [b, a], [a, { ...b, entries: 12 }], [noLines]]) {
      const finalise = createFinalise({ store, signers: noSigners }, scriptedLedger(parts[2]));
      await expect(finalise({ ...inputOf(run), segments })).rejects.toMatchObject({ code: 'LEDGER_BROKEN' });
    }
    expect(await store.list()).toEqual([]);
  });

  test('saveLedger: LEDGER_BROKEN when the entries do not lead from the one number to the head', async () => {
    const { entries } = await finishedRun(store);
    const head = headOf(entries.slice(0, 5));
    const attempts = [
      { from: 0, ledger: entries.slice(0, 4) },
      { from: 0, ledger: entries.slice(1) },
      { from: 2, ledger: entries.slice(3) },
      { from: 0, ledger: [] },
    ];
    for (const { from, ledger } of attempts) {
      const save = createSaveLedger({ store }, scriptedLedger(ledger));
      await expect(save({ run_id: 'run-1', from, head })).rejects.toMatchObject({ code: 'LEDGER_BROKEN' });
    }
  });
});
