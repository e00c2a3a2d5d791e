import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { applyCommand, traceCommand } from '../../../../src/cli/audit/audit-commands.js';
import { sha256Hex } from '../../../../src/contracts/digest.js';
import { type AuditedRepository, createAuditedRepository, lines } from '../audited-repository.js';
import { verifyDigests } from '../verify/digest-verifier.js';

let audited: AuditedRepository;
let base: string;
let patch: string;
const TEN = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];

beforeEach(async () => {
  audited = await createAuditedRepository();
  await audited.write('src/sum.txt', lines(...TEN));
  await audited.write('README.md', 'readme\n');
  base = audited.commitAll('base');
  await audited.write('src/sum.txt', lines(...TEN.slice(0, 6), 'SEVEN', ...TEN.slice(7)));
  await audited.write('src/new.txt', 'new\n');
  patch = audited.takePatch();
  await audited.publish({ patch, baseCommit: base });
});
afterEach(() => audited.remove());

const trace = (...args: readonly string[]) =>
  audited.invoke((context) => traceCommand(context, verifyDigests), ...args, '--json');
const apply = async () => {
  await audited.invoke(applyCommand, 'run-1');
  return audited.git('rev-parse', 'HEAD');
};
const recordDigest = async (run = 'run-1') =>
  sha256Hex(await readFile(join(audited.store.locate(run), 'run_record.json')));

describe('promptos trace', () => {
  test('a run: the five steps, each with its digests, down to the text that a model received', async () => {
    const { json, exitCode } = await trace('run-1');
    expect(exitCode).toBe(0);
    expect(json).toMatchObject({
      run_id: 'run-1',
      artifact: { kind: 'run', found_by: 'run_id' },
      run_record: {
        sha256: await recordDigest(),
        outcome: 'approved',
        base_commit: base,
        verification: { problem: null, trusted: false },
      },
      prompts: { prompt_os_version: 'v1.0.0', prompts_used: ['P01', 'P03', 'P08', 'P05', 'P06'], developer: 'ada' },
      problems: [],
    });
    expect(json.received).toHaveLength(7);
    for (const { path, sha256, intact } of json.received) {
      expect(intact).toBe(true);
      expect(sha256Hex(await readFile(join(audited.store.locate('run-1'), path)))).toBe(sha256);
    }
  });

  test('says of which texts the receiver ran without a sandbox', async () => {
    await audited.publish({ patch, baseCommit: base, runId: 'run-2', sandbox: 'none' });
    await audited.publish({ patch, baseCommit: base, runId: 'run-3', sandbox: 'bubblewrap' });
    const linesOf = async (run: string) =>
      (await audited.invoke((context) => traceCommand(context, verifyDigests), run)).stdout
        .split('\n')
        .filter((line) => line.includes(', without a sandbox'));
    expect(await linesOf('run-2')).toHaveLength(7);
    expect(await linesOf('run-3')).toEqual([]);
    expect((await trace('run-3')).json.received[0]).toMatchObject({ sandbox: 'bubblewrap' });
    expect((await trace('run-1')).json.received[0]).toMatchObject({ sandbox: null });
  });

  test('who decided: signed by which key, and on what', async () => {
    const { json } = await trace('run-1');
    const approvals = json.decided.map(({ about, choice, actor, signature }: Record<string, string>) => [
      about,
      choice,
      actor,
      signature,
    ]);
    expect(approvals).toEqual([
      ['P01.1', 'approve', 'grace', 'valid'],
      ['E1', 'retry', 'grace', 'valid'],
      ['P03.2', 'approve', 'grace', 'valid'],
      ['P05.1', 'approve', 'grace', 'valid'],
      ['P06.1', 'reject', 'grace', 'valid'],
      ['P05.2', 'approve', 'grace', 'valid'],
      ['P06.2', 'approve', 'grace', 'valid'],
    ]);
    expect(json.decided[0].keyid).toMatch(/^SHA256:/);
  });

  test('a commit of `promptos apply` is found by its trailer, with the record compared', async () => {
    const commit = await apply();
    const { json, exitCode } = await trace(commit.slice(0, 9));
    expect(exitCode).toBe(0);
    expect(json.artifact).toMatchObject({
      kind: 'commit',
      found_by: 'trailer',
      commit,
      likeness: 'same',
      record_trailer: 'same',
      files: ['src/new.txt', 'src/sum.txt'],
    });
  });

  test('a commit without trailers is found by its patch id, also when lines above have moved it', async () => {
    await audited.write('src/sum.txt', lines('zero', ...TEN));
    audited.commitAll('elsewhere');
    await writeFile(join(audited.folder, 'change.patch'), patch);
    audited.git('apply', '--index', join(audited.folder, 'change.patch'));
    const commit = audited.commitAll('by hand');
    const { json, exitCode } = await trace('HEAD');
    expect(exitCode).toBe(0);
    expect(json.artifact).toMatchObject({ found_by: 'patch_id', commit, likeness: 'moved', record_trailer: 'absent' });
  });

  test('promptos trace: a commit with another old text that leaves the files as a run did has a problem', async () => {
    const seven = 'SEVEN';
    await audited.write('src/sum.txt', lines(...TEN.slice(0, 5), 'other', 'other', ...TEN.slice(7)));
    audited.commitAll('in between');
    await audited.write('src/sum.txt', lines(...TEN.slice(0, 6), seven, ...TEN.slice(7)));
    await audited.write('src/new.txt', 'new\n');
    audited.commitAll('the same result');
    const { json, exitCode } = await trace('HEAD');
    expect(exitCode).toBe(1);
    expect(json.artifact).toMatchObject({ found_by: 'blobs', likeness: 'result' });
    expect(json.problems).toEqual([
      'the commit leaves its files as the run did, and its change is not the one that the run published',
    ]);
  });

  test('trace: a commit that claims a run with another change is found and reported, exit 1', async () => {
    await audited.write('src/evil.txt', 'evil\n');
    audited.commitAll(`Fix\n\nPromptOS-Run: run-1\nPromptOS-Record: ${'0'.repeat(64)}`);
    const { json, exitCode } = await trace('HEAD');
    expect(exitCode).toBe(1);
    expect(json.artifact).toMatchObject({ found_by: 'trailer', likeness: 'different', record_trailer: 'different' });
    expect(json.problems).toHaveLength(2);
  });

  test('white space is a difference, though patch ids ignore it', async () => {
    await audited.write('src/sum.txt', lines(...TEN.slice(0, 6), '  SEVEN', ...TEN.slice(7)));
    await audited.write('src/new.txt', 'new\n');
    audited.commitAll('indented');
    const { json, exitCode } = await trace('HEAD');
    expect({ exitCode, likeness: json.artifact.likeness }).toEqual({ exitCode: 1, likeness: 'white_space' });
  });

  test('a carriage return in a line hides nothing behind it', async () => {
    await audited.write('src/new.txt', 'new\rindex 0000000..1111111 evil\n');
    await audited.write('src/sum.txt', lines(...TEN.slice(0, 6), 'SEVEN', ...TEN.slice(7)));
    const hiding = audited.takePatch();
    await audited.publish({ runId: 'run-2', patch: hiding, baseCommit: '5'.repeat(40) });
    await audited.write('src/new.txt', 'new\rindex 2222222..3333333 worse\n');
    await audited.write('src/sum.txt', lines(...TEN.slice(0, 6), 'SEVEN', ...TEN.slice(7)));
    audited.commitAll('another');
    const { json, exitCode } = await trace('HEAD');
    expect({ exitCode, code: json.error?.code }).toEqual({ exitCode: 1, code: 'NO_MATCH' });
  });

  test('a base commit that the repository lacks: the published text itself is compared', async () => {
    await audited.publish({ runId: 'run-2', patch, baseCommit: '5'.repeat(40) });
    await rm(audited.store.locate('run-1'), { recursive: true });
    await writeFile(join(audited.folder, 'change.patch'), patch);
    audited.git('apply', '--index', join(audited.folder, 'change.patch'));
    audited.commitAll('by hand');
    const { json } = await trace('HEAD');
    expect({ run: json.run_id, ...json.artifact }).toMatchObject({ run: 'run-2', likeness: 'same' });
  });

  test('trace: a path is found by the newest commit that touched it; an uncommitted change is reported', async () => {
    const commit = await apply();
    await audited.write('README.md', 'later\n');
    audited.commitAll('elsewhere');
    const { json } = await trace('src/sum.txt');
    expect(json.artifact).toMatchObject({ kind: 'commit', commit, path: 'src/sum.txt', found_by: 'trailer' });
    await audited.write('src/sum.txt', 'being written\n');
    const dirty = await trace('src/sum.txt');
    expect(dirty.exitCode).toBe(1);
    expect(dirty.json.problems).toEqual(['src/sum.txt in the working tree is not what the commit holds']);
  });

  test('a path outside of the repository: by its bytes among published files, else among resulting ones', async () => {
    const plan = join(audited.folder, 'copy of plan.md');
    await writeFile(plan, '# Plan\n');
    expect((await trace(plan)).json.artifact).toMatchObject({ kind: 'artifact', path: 'plan.md', found_by: 'digest' });
    const deployed = join(audited.folder, 'deployed.txt');
    await writeFile(deployed, 'new\n');
    expect((await trace(deployed)).json.artifact).toMatchObject({ kind: 'file', found_by: 'blobs' });
  });

  test('a digest: of the record, of a published file, or of what the record names', async () => {
    const record = await recordDigest();
    expect((await trace(`sha256:${record}`)).json.artifact).toMatchObject({
      kind: 'artifact',
      path: 'run_record.json',
    });
    expect((await trace(sha256Hex(patch))).json.artifact).toMatchObject({ path: 'patch/change.patch' });
    const first = sha256Hex('first patch');
    expect((await trace(first)).json.artifact).toMatchObject({ path: 'evidence/attempts/P05/1/patch/change.patch' });
    const { json } = await trace('run-1');
    const head = JSON.parse(await readFile(join(json.run_record.tree, 'run_record.json'), 'utf8')).ledger.head;
    expect((await trace(head)).json.artifact).toMatchObject({
      kind: 'named_digest',
      path: 'run_record.json#/ledger/head',
    });
  });

  test('NO_MATCH names the nearest runs: of this repository, most files in common first', async () => {
    await audited.write('README.md', 'other\n');
    const other = audited.takePatch();
    await audited.publish({ runId: 'run-2', patch: other, baseCommit: base });
    await audited.publish({ runId: 'run-3', patch: other, baseCommit: '7'.repeat(40) });
    await audited.write('src/sum.txt', 'ungoverned\n');
    audited.commitAll('past governance');
    const { json, exitCode, stderr } = await trace('HEAD');
    expect(exitCode).toBe(1);
    expect(json.error.code).toBe('NO_MATCH');
    expect(stderr).toContain('error NO_MATCH');
    expect(json.nearest.map(({ run_id }: { run_id: string }) => run_id)).toEqual(['run-1', 'run-2']);
    expect(json.nearest[0].files_in_common).toEqual(['src/sum.txt']);
    expect((await trace('no such thing')).json.error.code).toBe('NO_MATCH');
    expect((await trace('e'.repeat(64))).json.error.code).toBe('NO_MATCH');
  });

  test('a run that was rejected is found as well', async () => {
    await audited.publish({ runId: 'run-2', patch, baseCommit: base, outcome: 'rejected' });
    const { json, exitCode } = await trace('run-2');
    expect({ exitCode, outcome: json.run_record.outcome }).toEqual({ exitCode: 0, outcome: 'rejected' });
  });

  test('USAGE when a word is both a commit and a path, until --kind says which', async () => {
    await apply();
    audited.git('branch', 'src');
    await expect(trace('src')).rejects.toMatchObject({ code: 'USAGE', exitCode: 2 });
    expect((await trace('src', '--kind', 'path')).json.artifact.path).toBe('src');
    expect((await trace('src', '--kind', 'commit')).json.artifact.path).toBeUndefined();
  });

  test('a tree that was changed does not verify, and its prompt is not intact', async () => {
    const prompt = join(audited.store.locate('run-1'), 'evidence/attempts/P05/2/try-1/prompt.md');
    await writeFile(prompt, 'another prompt');
    const { json, exitCode } = await trace('run-1');
    expect(exitCode).toBe(1);
    expect(json.run_record.verification.problem.code).toBe('OBJECT_CORRUPT');
    const changed = json.received.filter(({ intact }: { intact: boolean }) => !intact);
    expect(changed.map(({ gate, attempt }: { gate: string; attempt: number }) => `${gate}.${attempt}`)).toEqual([
      'P05.2',
    ]);
  });

  test('trace: a ledger that was changed leaves unknown who decided; everything else is shown', async () => {
    await writeFile(join(audited.store.locate('run-1'), 'evidence/ledger.jsonl'), 'not a ledger\n');
    const { json, exitCode } = await trace('run-1');
    expect(exitCode).toBe(1);
    expect(json.decided).toEqual([]);
    expect(json.problems).toContainEqual(expect.stringContaining('the ledger cannot be read'));
    expect(json.received).toHaveLength(7);
  });

  test('--policy: another policy than the run was made under is POLICY_UNKNOWN, its own is trusted', async () => {
    const own = join(audited.store.locate('run-1'), 'evidence/policy.yaml');
    expect((await trace('run-1', '--policy', own)).json.run_record.verification).toMatchObject({
      problem: null,
      trusted: true,
    });
    const other = join(audited.folder, 'other.yaml');
    await writeFile(other, `${await readFile(own, 'utf8')}# another\n`);
    const { json, exitCode } = await trace('run-1', '--policy', other);
    expect({ exitCode, code: json.run_record.verification.problem.code }).toEqual({
      exitCode: 1,
      code: 'POLICY_UNKNOWN',
    });
  });

  test('trace: the text numbers the five steps and says that no trusted policy was given', async () => {
    const { stdout, stderr } = await audited.invoke((context) => traceCommand(context, verifyDigests), 'latest');
    expect(stdout.split('\n').flatMap((line) => /^\d \w+ ?\w*/.exec(line)?.[0].trim() ?? [])).toEqual([
      '1 artifact',
      '2 run record',
      '3 session',
      '4 prompts',
      '5 received',
    ]);
    expect(stdout).toContain('vouched for by nothing but itself');
    // What models used is said by their executors; nothing is made up for a model that is not named.
    expect(stdout).toContain('served model unknown; 1,200 tokens in, 34 out, $0.50');
    expect(stdout.match(/served model unknown$/gm)?.length).toBeGreaterThan(0);
    expect(stderr).toContain('no --policy was given');
  });
});
