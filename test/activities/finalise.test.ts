import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createPublisher } from '../../src/activities/finalise.js';
import { createFileSystemStore } from '../../src/adapters/store/fs/file-system-store.js';
import { sha256Hex } from '../../src/contracts/digest.js';
import { canonicalJson } from '../../src/contracts/json.js';
import { promptSessionSchema } from '../../src/contracts/record/prompt-session.js';
import { type RunRecord, runRecordSchema } from '../../src/contracts/record/run-record.js';
import type { LedgerEntry } from '../../src/contracts/run/ledger.js';
import { appendEntry, checkChain, EMPTY_LEDGER, headOf } from '../../src/domain/ledger/ledger-chain.js';
import { checkPromptSession } from '../../src/domain/record/prompt-session.js';
import type { ArtifactStore } from '../../src/ports/artifact-store.js';
import { finishedRun, WORKFLOW } from '../support/finished-run.js';
import { noSigners } from '../support/no-signers.js';

let directory: string;
let store: ArtifactStore;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'promptos-finalise-'));
  store = createFileSystemStore(directory);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const publish = (entries: readonly LedgerEntry[], from = store) =>
  createPublisher({ store: from, signers: noSigners })({ entries, journal: [] });
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

describe('createPublisher', () => {
  test('an approved run: standing artifacts in public, void ones aside, everything else as evidence', async () => {
    const run = await finishedRun(store);
    const result = await publish(run.entries);
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
    const result = await publish(run.entries);
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

  test('again: the same bytes, whichever process', async () => {
    const run = await finishedRun(store);
    const first = await publish(run.entries);
    const before = await published('run_record.json');
    expect(await publish(run.entries, createFileSystemStore(directory))).toEqual(first);
    expect(await published('run_record.json')).toEqual(before);
  });

  test('RUN_ALREADY_PUBLISHED for another story under the same id, and the first tree stays', async () => {
    const run = await finishedRun(store);
    await publish(run.entries);
    const other = await finishedRun(store, { outcome: 'aborted' });
    await expect(publish(other.entries)).rejects.toMatchObject({ code: 'RUN_ALREADY_PUBLISHED', retryable: false });
    expect((await record()).outcome).toBe('approved');
  });

  test('a run that ended undecided: its newest attempts are at their public place', async () => {
    const run = await finishedRun(store, { outcome: 'cancelled' });
    await publish(run.entries);
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
    await publish(entries);
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
    await publish(entries);
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
      await expect(publish(run.entries)).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND' });
      expect(await store.published('run-1')).toBeNull();
      await store.putObject(content);
    }
    await publish(run.entries);
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
      await expect(publish(entries)).rejects.toMatchObject({
        code: 'RECORD_INVALID',
      });
      expect(await store.published('run-1')).toBeNull();
    }
  });
});
