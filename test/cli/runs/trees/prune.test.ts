import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createFileSystemStore } from '../../../../src/adapters/store/fs/file-system-store.js';
import { pruneRuns } from '../../../../src/cli/runs/trees/prune-runs.js';
import { sha256Hex } from '../../../../src/contracts/digest.js';
import { canonicalJson } from '../../../../src/contracts/json.js';
import type { PrunableStore } from '../../../../src/ports/artifact-store.js';
import { promptos } from '../../../support/command-line.js';
import { recordOutput } from '../../../support/recorded-output.js';
import { type GenuineRun, genuineRun } from '../../../verify/genuine-run.js';

const DAY = 86_400_000;
const RUN_OF_WRITER = 'evidence/attempts/P05/1/try-1/stdout.txt';
const REMOVED = /^removed by retention: 12 transcripts/;
const RUN_OF_VERIFIER = 'evidence/attempts/P06/1/try-1/stdout.txt';

/** Runs of which the verifier printed the same: one whose transcripts are over, one that keeps them, one that signs nothing. */
let over: GenuineRun;
let kept: GenuineRun;
let unsigned: GenuineRun;
beforeAll(async () => {
  const story = 'straight';
  over = await genuineRun({ story, keep: '1s', runId: 'run-over', printed: { nina: 'one', vera: 'same', rex: 'one' } });
  kept = await genuineRun({ story, keep: 'forever', runId: 'run-kept', printed: { nina: 'two', vera: 'same' } });
  unsigned = await genuineRun({ story, signing: 'none', runId: 'run-unsigned' });
});

let folder: string;
let store: PrunableStore;
let env: Record<string, string>;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'promptos-prune-'));
  await mkdir(join(folder, 'home'));
  const config = { schema_version: 1, repositories: { shop: { path: folder } }, trust: { policies: ['none.yaml'] } };
  await writeFile(join(folder, 'home/worker.yaml'), JSON.stringify(config));
  store = createFileSystemStore(join(folder, 'home/state/artifacts'));
  env = { PATH: process.env.PATH ?? '', HOME: '/nonexistent', PROMPTOS_HOME: join(folder, 'home') };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const digestOf = ({ files }: GenuineRun, path: string): string => sha256Hex(files.get(path) ?? '');
const transcriptsOf = ({ files }: GenuineRun) =>
  [...files.keys()].filter((path) => /\/try-\d+\/(?:stdout|stderr)\.txt$/.test(path));

async function put({ files }: GenuineRun) {
  const refs = [];
  for (const [path, bytes] of files) refs.push({ path, ...(await store.putObject(bytes)), media_type: 'text/plain' });
  return refs;
}
const publish = async (run: GenuineRun) => store.publish(run.run.run_id, await put(run));

/** As the store has a run that has not ended: its objects and its journal. */
async function leaveOpen(run: GenuineRun): Promise<void> {
  await put(run);
  const journal = new TextDecoder().decode(run.files.get('evidence/journal/journal.jsonl'));
  for (const line of journal.trim().split('\n')) {
    const { entry } = JSON.parse(line);
    await store.appendJournal(run.run.run_id, new TextEncoder().encode(canonicalJson(entry)));
  }
}

/** @param after days from now: what tests put was put just now */
async function prune(options: { readonly dryRun?: boolean } = {}, after = 3) {
  const { output, stdout, stderr } = recordOutput({ json: true });
  const exits: number[] = [];
  const context = { output: () => output, cwd: folder, env, exit: (code: number) => void exits.push(code) };
  await pruneRuns(context, options, Date.now() + after * DAY);
  const objects = stdout.text.trim().split('\n');
  return { summary: JSON.parse(objects.at(-1) ?? ''), lines: objects.length, stderr: stderr.text, exits };
}
const pathsOf = async (run: GenuineRun) => ((await store.published(run.run.run_id)) ?? []).map(({ path }) => path);
const verify = (run: GenuineRun, ...args: readonly string[]) =>
  promptos(['-C', folder, 'verify', ...(args.length > 0 ? args : [run.run.run_id]), '--json'], { env });

describe('promptos run prune', () => {
  test('removes what is over, leaves what other runs keep, and both runs verify', async () => {
    await publish(over);
    await publish(kept);
    const { summary, exits } = await prune();
    const left = await pathsOf(over);
    expect([...over.files.keys()].filter((path) => !left.includes(path))).toEqual(transcriptsOf(over));
    expect(await pathsOf(kept)).toEqual([...kept.files.keys()].sort());
    expect(await store.hasObject(digestOf(over, RUN_OF_WRITER))).toBe(false);
    expect(await store.hasObject(digestOf(kept, RUN_OF_WRITER))).toBe(true);
    expect(digestOf(over, RUN_OF_VERIFIER)).toBe(digestOf(kept, RUN_OF_VERIFIER));
    expect(await store.hasObject(digestOf(over, RUN_OF_VERIFIER))).toBe(true);
    expect(summary).toMatchObject({ objects_removed: 5, dry_run: false, unreadable: [] });
    expect(exits).toEqual([]);
    const verified = await verify(over);
    expect(verified.exitCode).toBe(0);
    expect(verified.stdout).toContain('removed by retention: 12 transcripts');
    expect(await verify(kept)).toMatchObject({ exitCode: 0 });
  });

  test('a tree and a bundle that are exported afterwards verify offline', async () => {
    await publish(over);
    await prune();
    const [tree, bundle] = [join(folder, 'tree'), join(folder, 'run.tar')];
    const exported = await promptos(['-C', folder, 'export', '--run', 'run-over', '--tree', tree, '--bundle', bundle], {
      env,
    });
    expect(exported.exitCode).toBe(0);
    for (const place of [tree, bundle]) {
      const { exitCode, stdout } = await verify(over, place);
      expect({ exitCode, said: stdout.includes('removed by retention') }).toEqual({ exitCode: 0, said: true });
    }
  });

  test('trace still follows the run to every text that a model received, and finds it by a removed transcript', async () => {
    await publish(over);
    const digest = digestOf(over, RUN_OF_WRITER);
    await prune();
    const trace = (subject: string, ...more: readonly string[]) =>
      promptos(['-C', folder, 'trace', subject, ...more], { env });
    const { exitCode, objects } = await trace('run-over', '--json');
    const [traced] = objects() as readonly Record<string, Record<string, unknown>>[];
    expect(exitCode).toBe(0);
    expect(traced).toMatchObject({
      run_record: {
        verification: { problem: null, remarks: expect.arrayContaining([expect.stringMatching(REMOVED)]) },
      },
      problems: [],
    });
    expect(traced?.received).toHaveLength(6);
    expect(traced?.received).not.toContainEqual(expect.objectContaining({ intact: false }));
    expect((await trace('run-over')).stdout).toMatch(/^ +NOTE: removed by retention: 12 transcripts/m);
    const [found] = (await trace(digest, '--json')).objects();
    expect(found).toMatchObject({ run_id: 'run-over', problems: [] });
  });

  test('pr-check still accepts the pull request of the run, and says what was removed', async () => {
    await publish(over);
    await prune();
    const repo = join(folder, 'repo');
    await mkdir(join(repo, 'src'), { recursive: true });
    await writeFile(join(repo, 'src/split.js'), "export const split = 'wrong';\n");
    await writeFile(join(folder, 'change.patch'), over.files.get('patch/change.patch') ?? '');
    const git = (...args: readonly string[]) =>
      execa('git', ['-c', 'user.name=Grace', '-c', 'user.email=grace@example.org', ...args], { cwd: repo });
    await git('init', '-q');
    await git('add', '.');
    await git('commit', '-qm', 'base');
    await git('apply', '--index', join(folder, 'change.patch'));
    await git('commit', '-qm', 'Fix');
    const block = await promptos(['-C', folder, 'pr-block', 'run-over'], { env });
    await writeFile(join(folder, 'body.md'), block.stdout);
    const checked = await promptos(['-C', repo, 'pr-check', '--body', join(folder, 'body.md'), '--commit', 'HEAD'], {
      env,
    });
    expect(checked).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^ok {4} record: .*removed by/m) });
  });

  test('again, there is nothing left to do', async () => {
    await publish(over);
    await prune();
    expect(await prune()).toMatchObject({ summary: { objects_removed: 0 }, lines: 1, exits: [] });
  });

  test('goes on where an earlier one was killed behind the first removal', async () => {
    await publish(over);
    await store.removePublished('run-over', transcriptsOf(over));
    expect((await prune()).summary).toMatchObject({ objects_removed: 6 });
    expect(await store.hasObject(digestOf(over, RUN_OF_WRITER))).toBe(false);
  });

  test('goes on where an earlier one was killed between its note and the files', async () => {
    await publish(over);
    await store.removePublished('run-over', transcriptsOf(over));
    const file = join(store.locate('run-over'), RUN_OF_WRITER);
    await writeFile(file, 'one');
    expect((await prune()).lines).toBe(1);
    expect(existsSync(file)).toBe(false);
  });

  test('--dry-run removes nothing', async () => {
    await publish(over);
    const { summary, lines } = await prune({ dryRun: true });
    expect({ removed: summary.objects_removed, lines }).toEqual({ removed: 6, lines: 2 });
    expect(await pathsOf(over)).toEqual([...over.files.keys()].sort());
    expect(await store.hasObject(digestOf(over, RUN_OF_WRITER))).toBe(true);
  });

  test('leaves bytes that were put within the last day: a gate that runs may be about to name them', async () => {
    await publish(over);
    const { summary } = await prune({}, 0);
    expect(summary).toMatchObject({ objects_removed: 0 });
    expect(await store.hasObject(digestOf(over, RUN_OF_WRITER))).toBe(true);
    expect(summary.left).toContainEqual(expect.stringContaining('within the last day'));
  });

  test('leaves bytes that an open run needs', async () => {
    await publish(over);
    await leaveOpen(kept);
    await prune();
    expect(await store.hasObject(digestOf(over, RUN_OF_WRITER))).toBe(false);
    expect(await store.hasObject(digestOf(kept, RUN_OF_VERIFIER))).toBe(true);
  });

  test('removes no bytes while a run is open whose results are not signed, since only Temporal knows them', async () => {
    await publish(over);
    await leaveOpen(unsigned);
    const { summary } = await prune();
    expect(summary).toMatchObject({ objects_removed: 0, left: [expect.stringContaining('run-unsigned')] });
    expect(await store.hasObject(digestOf(over, RUN_OF_WRITER))).toBe(true);
    expect(await verify(over)).toMatchObject({ exitCode: 0 });
  });

  test('a run that cannot be read: removes no bytes, and ends with 1', async () => {
    await publish(over);
    await publish(kept);
    await rm(join(store.locate('run-kept'), 'run_record.json'), { force: true });
    const { summary, exits, stderr } = await prune();
    expect(summary).toMatchObject({
      objects_removed: 0,
      unreadable: [{ run_id: 'run-kept', code: 'OBJECT_NOT_FOUND' }],
    });
    expect(exits).toEqual([1]);
    expect(stderr).toContain('NOT READ: run-kept');
  });

  test('a transcript that is removed by hand before its time makes the run unverified', async () => {
    await publish(kept);
    await store.removePublished('run-kept', [RUN_OF_WRITER]);
    const verified = await verify(kept);
    expect(verified.exitCode).toBe(1);
    expect(verified.stdout).toContain('FILE_MISSING');
  });
});
