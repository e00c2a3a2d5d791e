import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { applyCommand, ungovernedCommand } from '../../../../src/cli/audit/audit-commands.js';
import { exportCommand } from '../../../../src/cli/runs/run-commands.js';
import { type AuditedRepository, createAuditedRepository, lines } from '../audited-repository.js';
import { verifyDigests } from '../verify/digest-verifier.js';

let audited: AuditedRepository;
let base: string;
let patch: string;
const TEN = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];

beforeEach(async () => {
  audited = await createAuditedRepository();
  await audited.write('src/sum.txt', lines(...TEN));
  base = audited.commitAll('base');
  await audited.write('src/sum.txt', lines(...TEN.slice(0, 6), 'SEVEN', ...TEN.slice(7)));
  patch = audited.takePatch();
  await audited.publish({ patch, baseCommit: base });
});
afterEach(() => audited.remove());

const ungoverned = (...args: readonly string[]) =>
  audited.invoke((context) => ungovernedCommand(context, verifyDigests), '--since', base, ...args, '--json');
const covered = async (...args: readonly string[]): Promise<readonly (readonly [string, string | null])[]> =>
  (await ungoverned(...args)).json.covered.map(({ by, run_id }: { by: string; run_id: string | null }) => [by, run_id]);
const reasons = async (...args: readonly string[]): Promise<readonly string[]> =>
  (await ungoverned(...args)).json.ungoverned.map(({ reason }: { reason: string }) => reason);
const commitPatch = async (message: string): Promise<string> => {
  await writeFile(join(audited.folder, 'change.patch'), patch);
  audited.git('apply', '--index', join(audited.folder, 'change.patch'));
  return audited.commitAll(message);
};

describe('promptos ungoverned', () => {
  test('a branch of governed commits: nothing is listed, exit 0', async () => {
    await audited.invoke(applyCommand, 'run-1');
    const { exitCode, json } = await ungoverned();
    expect(exitCode).toBe(0);
    expect(json).toMatchObject({ commits: 1, ungoverned: [], covered: [{ by: 'trailer', run_id: 'run-1' }] });
    expect((await ungoverned('--since', 'HEAD')).json.commits).toBe(0);
  });

  test('promptos ungoverned: a patch without trailers is covered; another change with the same result is listed', async () => {
    await commitPatch('by hand');
    expect(await covered()).toEqual([['patch_id', 'run-1']]);
    audited.git('reset', '-q', '--hard', base);
    await audited.write('src/sum.txt', lines(...TEN.slice(0, 5), 'x', 'y', ...TEN.slice(7)));
    audited.commitAll('by hand');
    await audited.write('src/sum.txt', lines(...TEN.slice(0, 6), 'SEVEN', ...TEN.slice(7)));
    audited.commitAll('the same result');
    expect(await reasons()).toEqual([
      'no published run made this change',
      'the files are as run run-1 left them, and the change is not its patch',
    ]);
  });

  test('a commit that no run made is listed with its reason, exit 1 and UNGOVERNED', async () => {
    await audited.invoke(applyCommand, 'run-1');
    await audited.write('src/sum.txt', 'by hand\n');
    const commit = audited.commitAll('by hand');
    const { exitCode, json, stderr } = await ungoverned();
    expect(exitCode).toBe(1);
    expect(json.error.code).toBe('UNGOVERNED');
    expect(json.ungoverned).toEqual([
      {
        commit,
        subject: 'by hand',
        committer: 'Grace <grace@example.org>',
        reason: 'no published run made this change',
      },
    ]);
    expect(stderr).toContain('1 of 2 commits');
  });

  test('a trailer alone covers nothing, nor does a patch with one file more or in other white space', async () => {
    await audited.write('src/evil.txt', 'x\n');
    audited.commitAll('Fix\n\nPromptOS-Run: run-1');
    await audited.write('src/evil.txt', 'y\n');
    audited.commitAll('Fix\n\nPromptOS-Run: run-9');
    await audited.write('src/sum.txt', lines(...TEN.slice(0, 6), '  SEVEN', ...TEN.slice(7)));
    audited.commitAll('indented');
    expect(await reasons()).toEqual([
      'the commit names run run-1, whose patch is another',
      'no published run is called run-9',
      'the change differs from that of run run-1 in white space',
    ]);
  });

  test('a run that was rejected covers nothing; one that was approved for the same patch does', async () => {
    await audited.write('src/new.txt', 'new\n');
    const other = audited.takePatch();
    await audited.publish({ runId: 'run-2', patch: other, baseCommit: base, outcome: 'rejected' });
    await audited.write('src/new.txt', 'new\n');
    audited.commitAll('what was rejected');
    expect(await reasons()).toEqual(['no published run made this change']);
    await audited.publish({ runId: 'run-3', patch: other, baseCommit: base });
    expect(await covered()).toEqual([['patch_id', 'run-3']]);
  });

  test('a run whose tree was changed afterwards covers nothing, nor does one under another policy', async () => {
    await audited.invoke(applyCommand, 'run-1');
    const other = join(audited.folder, 'other.yaml');
    const own = join(audited.store.locate('run-1'), 'evidence/policy.yaml');
    await writeFile(other, `${await readFile(own, 'utf8')}# another\n`);
    expect(await reasons('--policy', own)).toEqual([]);
    expect(await reasons('--policy', other)).toEqual(['run run-1 does not verify: POLICY_UNKNOWN']);
    await writeFile(join(audited.store.locate('run-1'), 'plan.md'), '# Another plan\n');
    expect(await reasons()).toEqual(['run run-1 does not verify: OBJECT_CORRUPT']);
  });

  test('ungoverned: a run whose record cannot be read is reported, and covers nothing', async () => {
    await audited.invoke(applyCommand, 'run-1');
    await writeFile(join(audited.store.locate('run-1'), 'run_record.json'), '{}');
    const { json } = await ungoverned();
    expect(json.unreadable).toMatchObject([{ run_id: 'run-1', code: 'OBJECT_CORRUPT' }]);
    expect(json.ungoverned).toHaveLength(1);
  });

  test('an exported session is covered by its run; a made-up one is not', async () => {
    const folder = join(audited.repo, 'artifacts/evidence');
    await audited.invoke(exportCommand, '--artifacts-dir', folder, '--run', 'run-1');
    audited.commitAll('session');
    audited.commitAll('nothing at all');
    expect(await covered()).toEqual([
      ['session', 'run-1'],
      ['no_change', null],
    ]);
    await audited.write('artifacts/evidence/prompt_session.json', '{}');
    audited.commitAll('made up');
    expect(await reasons()).toEqual(['no published run made this change']);
  });

  test('merges: a plain one needs no run of its own, one with an edit of its own does', async () => {
    audited.git('checkout', '-q', '-b', 'side');
    await audited.invoke(applyCommand, 'run-1');
    audited.git('checkout', '-q', 'main');
    await audited.write('other.txt', 'x\n');
    const since = audited.commitAll('elsewhere');
    audited.git('merge', '-q', '--no-ff', '-m', 'merge', 'side');
    expect(await covered('--since', since)).toEqual([
      ['trailer', 'run-1'],
      ['merge', null],
    ]);
    await audited.write('evil.txt', 'x\n');
    audited.git('add', '-A');
    audited.git('commit', '-q', '--amend', '--no-edit');
    expect(await reasons('--since', since)).toEqual(['no published run made this change']);
    audited.git('reset', '-q', '--hard', since);
    audited.git('merge', '-q', '-s', 'ours', '-m', 'merge that drops the change', 'side');
    expect(await reasons('--since', since)).toEqual(['the merge is not what git makes of its parents']);
  });

  test('--branch and wrong usage: other branches can be looked at, refs that are not there are BASE_NOT_FOUND', async () => {
    audited.git('branch', 'before');
    await audited.write('src/sum.txt', 'by hand\n');
    audited.commitAll('by hand');
    expect((await ungoverned('--branch', 'before')).json.commits).toBe(0);
    await expect(ungoverned('--branch', 'nowhere')).rejects.toMatchObject({ code: 'BASE_NOT_FOUND', exitCode: 2 });
    await expect(ungoverned('--since', '--all')).rejects.toMatchObject({ code: 'BASE_NOT_FOUND' });
  });

  test('objects that were replaced are not believed', async () => {
    await audited.write('src/sum.txt', 'by hand\n');
    const commit = audited.commitAll('by hand');
    audited.git('checkout', '-q', '-b', 'good', base);
    await audited.invoke(applyCommand, 'run-1');
    audited.git('replace', commit, 'good');
    expect(await reasons('--branch', commit)).toEqual(['no published run made this change']);
  });

  test('nothing is written to the repository', async () => {
    await audited.invoke(applyCommand, 'run-1');
    audited.git('checkout', '-q', '-b', 'side', base);
    await audited.write('other.txt', 'x\n');
    audited.commitAll('elsewhere');
    audited.git('merge', '-q', '--no-ff', '-m', 'merge', 'main');
    const before = audited.git('count-objects', '-v');
    await ungoverned();
    expect(audited.git('count-objects', '-v')).toBe(before);
  });
});

describe('promptos ungoverned: the order of the history', () => {
  const save = async (...text: readonly string[]): Promise<void> => audited.write('src/sum.txt', lines(...text));
  const SEVEN = [...TEN.slice(0, 6), 'SEVEN', ...TEN.slice(7)];

  test('promptos ungoverned: a revert that leaves a file as an earlier run left it is listed', async () => {
    await audited.invoke(applyCommand, 'run-1');
    const first = audited.git('rev-parse', 'HEAD');
    await save('guard', ...SEVEN);
    const guard = audited.takePatch();
    await audited.publish({ runId: 'run-2', patch: guard, baseCommit: first });
    await audited.invoke(applyCommand, 'run-2');
    audited.git('revert', '--no-edit', 'HEAD');
    expect(await reasons()).toEqual(['the files are as run run-1 left them, and the change is not its patch']);
    expect(await reasons('--since', 'HEAD~')).toHaveLength(1);
  });

  test('promptos ungoverned: a change that is reverted and applied again needs a second run', async () => {
    await audited.invoke(applyCommand, 'run-1');
    const first = audited.git('rev-parse', 'HEAD');
    audited.git('revert', '--no-edit', 'HEAD');
    const reverted = audited.git('rev-parse', 'HEAD');
    await commitPatch('again');
    expect(await reasons()).toEqual([
      'no published run made this change',
      `commit ${first.slice(0, 12)} applied the change of run run-1 before, and no run approved it again`,
    ]);
    expect(await reasons('--since', reverted)).toHaveLength(1);
    await audited.publish({ runId: 'run-2', patch, baseCommit: reverted });
    expect(await covered('--since', reverted)).toEqual([['patch_id', 'run-2']]);
  });

  test('promptos ungoverned: a revert of a governed revert is listed', async () => {
    await audited.invoke(applyCommand, 'run-1');
    await save(...TEN);
    const back = audited.takePatch();
    await audited.publish({ runId: 'run-2', patch: back, baseCommit: audited.git('rev-parse', 'HEAD') });
    await audited.invoke(applyCommand, 'run-2');
    expect(await reasons()).toEqual([]);
    audited.git('revert', '--no-edit', 'HEAD');
    expect(await reasons()).toEqual([expect.stringContaining('applied the change of run run-1 before')]);
  });

  test('promptos ungoverned: a rebase and a squash on moved lines are covered, with the session in the same commit', async () => {
    await save('zero', ...TEN);
    const moved = audited.commitAll('elsewhere');
    await save('zero', ...SEVEN);
    const folder = join(audited.repo, 'artifacts/evidence');
    await audited.invoke(exportCommand, '--artifacts-dir', folder, '--run', 'run-1');
    audited.commitAll('squashed');
    expect(await covered('--since', moved)).toEqual([['patch_id', 'run-1']]);
  });

  test('promptos ungoverned: the lines of a patch in another function of the same text are listed', async () => {
    const body = ['{', 'a', 'b', 'c', 'check', 'd', 'e', 'f', '}'];
    const open = body.map((line) => (line === 'check' ? 'allow' : line));
    await audited.write('src/twin.txt', lines(...body, ...body));
    const twin = audited.commitAll('twins');
    await audited.write('src/twin.txt', lines(...open, ...body));
    await audited.publish({ runId: 'run-2', patch: audited.takePatch(), baseCommit: twin });
    await audited.write('src/twin.txt', lines(...body, ...open));
    audited.commitAll('the other twin');
    expect(await reasons('--since', twin)).toEqual([
      'the lines are those of run run-2, at a place where git does not put them',
    ]);
    audited.git('reset', '-q', '--hard', twin);
    await audited.write('src/twin.txt', lines(...body, ...body, ...body));
    const before = audited.commitAll('a third one above, so that the first is the second');
    await audited.write('src/twin.txt', lines(...open, ...body, ...body));
    audited.commitAll('at the same lines');
    expect(await reasons('--since', before)).toEqual([]);
  });

  test('promptos ungoverned: a merge whose sessions conflict is plain when one of a run resolves it', async () => {
    const folder = join(audited.repo, 'artifacts/evidence');
    await save('first', ...TEN);
    await audited.publish({ runId: 'run-2', patch: audited.takePatch(), baseCommit: base, notes: 'another' });
    for (const [branch, run] of [
      ['one', 'run-1'],
      ['two', 'run-2'],
    ] as const) {
      audited.git('checkout', '-q', '-b', branch, base);
      await audited.invoke(applyCommand, run);
      await audited.invoke(exportCommand, '--artifacts-dir', folder, '--run', run, '--force');
      audited.commitAll(`session of ${run}`);
    }
    expect(() => audited.git('merge', '-q', 'one')).toThrow();
    await audited.invoke(exportCommand, '--artifacts-dir', folder, '--run', 'run-2', '--force');
    audited.commitAll('merge one');
    expect(await reasons()).toEqual([]);
    await audited.write('artifacts/evidence/prompt_session.json', '{}');
    audited.git('commit', '-qa', '--amend', '--no-edit');
    expect(await reasons()).toHaveLength(1);
  });
});
