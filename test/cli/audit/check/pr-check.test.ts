import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { applyCommand, prCheckCommand } from '../../../../src/cli/audit/audit-commands.js';
import { exportCommand, prBlockCommand } from '../../../../src/cli/runs/run-commands.js';
import { type AuditedRepository, createPatchedRepository, invokeIn, lines } from '../audited-repository.js';
import { verifyDigests } from '../verify/digest-verifier.js';

let audited: AuditedRepository;
let base: string;
let block: string;
let patch: string;

beforeEach(async () => {
  ({ audited, base, patch } = await createPatchedRepository());
  await audited.invoke(applyCommand, 'run-1');
  block = (await audited.invoke(prBlockCommand, 'run-1')).stdout;
});
afterEach(() => audited.remove());

const ALL = ['block', 'record', 'outcome', 'trailers', 'session', 'change', 'committer'];

async function check(body: string, ...args: readonly string[]) {
  const file = join(audited.folder, 'body.md');
  await writeFile(file, body);
  const answer = await audited.invoke(
    (context) => prCheckCommand(context, verifyDigests),
    ...['--body', file, '--commit', 'HEAD', ...args, '--json'],
  );
  const codes: Record<string, string | null> = Object.fromEntries(
    answer.json.checks.map(({ check: name, code }: { check: string; code: string | null }) => [name, code]),
  );
  const refused = Object.fromEntries(Object.entries(codes).filter(([, code]) => code !== null));
  return { ...answer, codes, refused };
}

/** The last commit again, by another author or with another message. */
function amend(options: { readonly name?: string; readonly email?: string; readonly message?: string }): void {
  const { name = 'Grace', email = 'grace@example.org', message = 'Fix' } = options;
  const identity = ['-c', `user.name=${name}`, '-c', `user.email=${email}`];
  const tree = audited.git('rev-parse', 'HEAD^{tree}');
  const parent = audited.git('rev-parse', 'HEAD~');
  const commit = withIdentity(name, email, () =>
    audited.git(...identity, 'commit-tree', tree, '-p', parent, '-m', message),
  );
  audited.git('reset', '-q', '--hard', commit);
}

function withIdentity<T>(name: string, email: string, work: () => T): T {
  const env = audited.env as Record<string, string | undefined>;
  const before = { name: env.GIT_COMMITTER_NAME, email: env.GIT_COMMITTER_EMAIL };
  Object.assign(env, { GIT_COMMITTER_NAME: name, GIT_COMMITTER_EMAIL: email });
  try {
    return work();
  } finally {
    Object.assign(env, { GIT_COMMITTER_NAME: before.name, GIT_COMMITTER_EMAIL: before.email });
  }
}

describe('promptos pr-check', () => {
  test('what `promptos apply` committed, with the block of `promptos pr-block`: every check holds', async () => {
    const { exitCode, codes, json } = await check(`Fixes the sum.\r\n\r\n${block.replaceAll('\n', '\r\n')}\r\nThanks!`);
    expect(exitCode).toBe(0);
    expect(codes).toEqual(Object.fromEntries(ALL.map((name) => [name, null])));
    expect(json).toMatchObject({ passed: true, run_id: 'run-1', verification: { trusted: false } });
  });

  test('a run that rests on a waiver: holds until it expires, and a block that hides it is refused', async () => {
    const waived = { patch, baseCommit: base, plan: { rules_version: 2 } };
    await audited.publish({ ...waived, runId: 'run-2', waiver: { expires_at: '2999-01-01T00:00:00.000Z' } });
    await audited.publish({ ...waived, runId: 'run-3', waiver: { expires_at: '2026-02-01T00:00:00.000Z' } });
    const blockOf = async (run: string) => (await audited.invoke(prBlockCommand, run)).stdout;
    const counting = await blockOf('run-2');
    amend({ message: 'Fix\n\nPromptOS-Run: run-2' });
    expect(await check(counting)).toMatchObject({ exitCode: 0, codes: { waivers: null } });
    const hidden = counting.split('\n').filter((line) => !line.startsWith('> - Waiver'));
    expect((await check(hidden.join('\n'))).refused).toEqual({ block: 'PR_BLOCK_DIFFERS' });
    amend({ message: 'Fix\n\nPromptOS-Run: run-3' });
    const expired = await check(await blockOf('run-3'));
    expect(expired).toMatchObject({ exitCode: 1, refused: { waivers: 'WAIVER_EXPIRED' } });
    expect(Object.keys(expired.refused)).toEqual(['waivers']);
  });

  test('a run without a sandbox: holds and is named, and a block that hides it is refused', async () => {
    await audited.publish({ patch, baseCommit: base, runId: 'run-2', sandbox: 'none' });
    amend({ message: 'Fix\n\nPromptOS-Run: run-2' });
    const shown = (await audited.invoke(prBlockCommand, 'run-2')).stdout;
    const { exitCode, codes, json } = await check(shown);
    expect({ exitCode, code: codes.sandbox }).toEqual({ exitCode: 0, code: null });
    expect(json.checks).toContainEqual({
      check: 'sandbox',
      code: null,
      message: "none for P01, P03, P05, P06, so their programs could read and change whatever the worker's account can",
    });
    const hidden = shown.split('\n').filter((line) => !line.startsWith('> - Sandbox'));
    expect((await check(hidden.join('\n'))).refused).toEqual({ block: 'PR_BLOCK_DIFFERS' });
  });

  test('a run in which another model answered: a block that leaves it out is refused', async () => {
    await audited.publish({ patch, baseCommit: base, runId: 'run-2', servedModel: 'n-2' });
    amend({ message: 'Fix\n\nPromptOS-Run: run-2' });
    const shown = (await audited.invoke(prBlockCommand, 'run-2')).stdout;
    expect(shown).toContain('> - Models: P05 asked for `m-1`, answered by `n-2`');
    expect((await check(shown)).exitCode).toBe(0);
    const hidden = shown.split('\n').filter((line) => !line.startsWith('> - Models'));
    expect((await check(hidden.join('\n'))).refused).toEqual({ block: 'PR_BLOCK_DIFFERS' });
  });

  test('binary, renamed, deleted and executable files, and names that git quotes: what was applied is the patch', async () => {
    audited.git('reset', '-q', '--hard', base);
    await audited.write('src/old name.txt', lines('a', 'b', 'c', 'd', 'e'));
    await audited.write('src/gone.txt', 'gone\n');
    const from = audited.commitAll('more files');
    audited.git('mv', 'src/old name.txt', 'src/nëw "name".txt');
    audited.git('rm', '-q', 'src/gone.txt');
    await audited.write('src/blob.bin', '\u0000\u0001binary\u0000');
    await audited.write('src/run.sh', '#!/bin/sh\n');
    await chmod(join(audited.repo, 'src/run.sh'), 0o755);
    const whole = audited.takePatch();
    await audited.publish({ runId: 'run-2', patch: whole, baseCommit: from });
    await audited.invoke(applyCommand, 'run-2');
    const { stdout } = await audited.invoke(prBlockCommand, 'run-2');
    expect((await check(stdout)).refused).toEqual({});
    await audited.write('src/blob.bin', '\u0000\u0002binary\u0000');
    audited.git('commit', '-qa', '--amend', '--no-edit');
    expect((await check(stdout)).refused).toEqual({ change: 'COMMIT_DIFFERS' });
  });

  test("the user's own settings of git change nothing", async () => {
    const settings = {
      'diff.noprefix': 'true',
      'diff.algorithm': 'patience',
      'diff.context': '0',
      'diff.renames': 'copies',
    };
    for (const [key, value] of Object.entries(settings)) audited.git('config', key, value);
    expect((await check(block)).refused).toEqual({});
  });

  test('pr-check: a shallow clone is reported: its oldest commit only seems to have no parent', async () => {
    const clone = join(audited.folder, 'shallow');
    audited.git('clone', '-q', '--depth', '1', `file://${audited.repo}`, clone);
    const shallow = { ...audited, repo: clone };
    const body = join(audited.folder, 'body.md');
    await writeFile(body, block);
    const answer = invokeIn(shallow, prCheckCommand, '--body', body, '--commit', 'HEAD');
    await expect(answer).rejects.toMatchObject({ code: 'BASE_NOT_FOUND', message: expect.stringContaining('shallow') });
  });

  test('PR_BLOCK_MISSING without a block, inside a comment, and inside a block of code', async () => {
    for (const body of ['Fixes the sum.', `<!--\n${block}\n-->`, `\`\`\`\n${block}\n\`\`\``, `~~~~md\n${block}`]) {
      const { exitCode, refused } = await check(body);
      expect({ exitCode, refused }).toEqual({ exitCode: 1, refused: { block: 'PR_BLOCK_MISSING' } });
    }
  });

  test('PR_BLOCK_DIFFERS for each of the six lines, for our own lines, a line less, and two blocks', async () => {
    const all = block.trimEnd().split('\n');
    for (const index of [1, 2, 3, 4, 5]) {
      const changed = all.map((line, at) => (at === index ? line.replace(/`[^`]*`$/, '`other`') : line));
      expect((await check(changed.join('\n'))).refused).toEqual({ block: 'PR_BLOCK_DIFFERS' });
    }
    for (const body of [
      all.slice(0, 5).join('\n'),
      `${block}\n\n${block}`,
      block.replace(/Run Record: `sha256:..../, 'Run Record: `sha256:0000'),
      block.replace(/Approvals: .*/, 'Approvals: P05 by `everybody`'),
    ]) {
      expect((await check(body)).refused).toEqual({ block: 'PR_BLOCK_DIFFERS' });
    }
  });

  test('the six lines alone are enough, and lines that we do not know may follow', async () => {
    const six = block.split('\n').slice(0, 6).join('\n');
    expect((await check(six)).refused).toEqual({});
    expect((await check(`${six}\n> - Reviewed In: \`a meeting\``)).refused).toEqual({});
  });

  test('pr-check: --artifacts-dir is in the block, and a session there must be that of the run', async () => {
    const own = (await audited.invoke(prBlockCommand, 'run-1', '--artifacts-dir', 'proof')).stdout;
    expect((await check(own)).refused).toEqual({ block: 'PR_BLOCK_DIFFERS' });
    expect((await check(own, '--artifacts-dir', 'proof')).refused).toEqual({});
    await expect(check(own, '--artifacts-dir', '../proof')).rejects.toMatchObject({ code: 'PATH_ESCAPES' });
  });

  test('pr-check: the exported session may be in the same commit; another one is SESSION_DIFFERS', async () => {
    const folder = join(audited.repo, 'artifacts/evidence');
    audited.git('reset', '-q', '--soft', 'HEAD~');
    await audited.invoke(exportCommand, '--artifacts-dir', folder, '--run', 'run-1');
    audited.commitAll('change and session');
    expect((await check(block)).refused).toEqual({});

    await audited.publish({ runId: 'run-2', patch, baseCommit: base, notes: 'another' });
    await audited.invoke(exportCommand, '--artifacts-dir', folder, '--run', 'run-2', '--force');
    audited.git('reset', '-q', '--soft', 'HEAD~');
    audited.commitAll('change and the session of another run');
    expect((await check(block)).refused).toEqual({ session: 'SESSION_DIFFERS' });

    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'prompt_session.json'), '{}');
    audited.git('reset', '-q', '--soft', 'HEAD~');
    audited.commitAll('change and a made-up session');
    expect((await check(block)).refused).toEqual({ session: 'SESSION_DIFFERS', change: 'COMMIT_DIFFERS' });
  });

  test('COMMIT_DIFFERS for one byte more, one file more, white space, another mode, a merge, and the parent', async () => {
    const edits: readonly (() => Promise<unknown>)[] = [
      () => audited.write('src/sum.txt', lines('one', 'TWO', 'three', '')),
      () => audited.write('src/evil.txt', 'x\n'),
      () => audited.write('src/sum.txt', lines('one', ' TWO', 'three')),
      () => chmod(join(audited.repo, 'src/sum.txt'), 0o755),
    ];
    const good = audited.git('rev-parse', 'HEAD');
    for (const edit of edits) {
      await edit();
      audited.git('add', '-A');
      audited.git('commit', '-q', '--amend', '--no-edit', '--allow-empty');
      expect((await check(block)).refused).toEqual({ change: 'COMMIT_DIFFERS' });
      audited.git('reset', '-q', '--hard', good);
    }
    audited.git('checkout', '-q', '-b', 'side', base);
    await audited.write('other.txt', 'x\n');
    audited.commitAll('side');
    audited.git('merge', '-q', '--no-ff', '-m', 'merge', 'main');
    expect((await check(block)).refused).toEqual({ change: 'COMMIT_DIFFERS' });
    expect((await check(block, '--commit', base)).refused).toMatchObject({ change: 'COMMIT_DIFFERS' });
  });

  test('promptos pr-check: a rebase whose lines moved passes; the same lines at another place are COMMIT_DIFFERS', async () => {
    const body = ['a', 'b', 'c', 'two', 'd', 'e', 'f'];
    const changed = body.map((line) => (line === 'two' ? 'TWO' : line));
    audited.git('reset', '-q', '--hard', base);
    await audited.write('src/sum.txt', lines(...body, 'x', ...body));
    const from = audited.commitAll('twins');
    await audited.write('src/sum.txt', lines(...changed, 'x', ...body));
    await audited.publish({ runId: 'run-2', patch: audited.takePatch(), baseCommit: from });
    await audited.write('src/sum.txt', lines('zero', ...body, 'x', ...body));
    const elsewhere = audited.commitAll('elsewhere');
    const own = (await audited.invoke(prBlockCommand, 'run-2')).stdout;
    for (const [place, refused] of [
      [['zero', ...changed, 'x', ...body], {}],
      [['zero', ...body, 'x', ...changed], { change: 'COMMIT_DIFFERS' }],
    ] as const) {
      audited.git('reset', '-q', '--hard', elsewhere);
      await audited.write('src/sum.txt', lines(...place));
      audited.commitAll('rebased');
      expect((await check(own)).refused).toEqual(refused);
    }
  });

  test('promptos pr-check: a change that was applied before is COMMIT_DIFFERS', async () => {
    audited.git('revert', '--no-edit', 'HEAD');
    audited.git('revert', '--no-edit', 'HEAD');
    expect((await check(block)).refused).toEqual({ change: 'COMMIT_DIFFERS' });
  });

  /** The branch of the run, and a commit that came into main meanwhile. */
  async function branchBehindMain(): Promise<void> {
    audited.git('checkout', '-q', '-b', 'run');
    audited.git('checkout', '-q', '-B', 'main', base);
    await audited.write('other.txt', 'x\n');
    audited.commitAll('elsewhere');
    audited.git('checkout', '-q', 'run');
  }

  test('promptos pr-check: "update branch" merges and a session-export commit above the change pass', async () => {
    const change = audited.git('rev-parse', 'HEAD');
    await branchBehindMain();
    audited.git('merge', '-q', '--no-ff', '-m', "Merge branch 'main'", 'main');
    expect((await check(block)).refused).toEqual({});
    await audited.invoke(exportCommand, '--artifacts-dir', join(audited.repo, 'artifacts/evidence'), '--run', 'run-1');
    audited.commitAll('session');
    audited.commitAll('nothing, to run the checks again');
    const { refused, json } = await check(block);
    expect(refused).toEqual({});
    expect(json.change_commit).toBe(change);
  });

  test('promptos pr-check: a merge with an edit, dropped changes or a resolved conflict is COMMIT_DIFFERS', async () => {
    await branchBehindMain();
    audited.git('merge', '-q', '--no-ff', '-m', 'merge', 'main');
    await audited.write('evil.txt', 'x\n');
    audited.git('add', '-A');
    audited.git('commit', '-q', '--amend', '--no-edit');
    expect((await check(block)).refused).toEqual({ change: 'COMMIT_DIFFERS' });
    audited.commitAll('an empty commit above it');
    expect((await check(block)).refused).toEqual({ change: 'COMMIT_DIFFERS' });
    audited.git('reset', '-q', '--hard', 'HEAD~2');
    audited.git('merge', '-q', '-s', 'ours', '-m', 'drops what main has', 'main');
    expect((await check(block)).refused).toEqual({ change: 'COMMIT_DIFFERS' });
  });

  test('promptos pr-check: a session-export commit with another file or of another run does not pass', async () => {
    const folder = join(audited.repo, 'artifacts/evidence');
    await audited.invoke(exportCommand, '--artifacts-dir', folder, '--run', 'run-1');
    await audited.write('evil.txt', 'x\n');
    audited.commitAll('session and more');
    expect((await check(block)).refused).toEqual({ change: 'COMMIT_DIFFERS' });
    audited.git('reset', '-q', '--hard', 'HEAD~');
    await audited.publish({ runId: 'run-2', patch, baseCommit: base, notes: 'another' });
    await audited.invoke(exportCommand, '--artifacts-dir', folder, '--run', 'run-2', '--force');
    audited.commitAll('session of another run');
    expect((await check(block)).refused).toEqual({ session: 'SESSION_DIFFERS' });
  });

  test('promptos pr-check: the session of an earlier run that main has is not of the pull request', async () => {
    const folder = join(audited.repo, 'artifacts/evidence');
    await audited.publish({ runId: 'run-2', patch, baseCommit: base, notes: 'another' });
    audited.git('reset', '-q', '--hard', base);
    await audited.invoke(exportCommand, '--artifacts-dir', folder, '--run', 'run-2');
    audited.commitAll('session of an earlier run');
    await audited.invoke(applyCommand, 'run-1');
    expect((await check(block)).refused).toEqual({});
  });

  test('TRAILER_DIFFERS for another run, a second run, and another record', async () => {
    const trailers = [
      'PromptOS-Run: run-9',
      'PromptOS-Run: run-1\nPromptOS-Run: run-9',
      `PromptOS-Run: run-1\nPromptOS-Record: ${'0'.repeat(64)}`,
    ];
    for (const trailer of trailers) {
      amend({ message: `Fix\n\n${trailer}` });
      expect((await check(block)).refused).toEqual({ trailers: 'TRAILER_DIFFERS' });
    }
    amend({ message: 'Fix' });
    expect((await check(block)).refused).toEqual({});
  });

  test('COMMITTER_IS_DEVELOPER by name, address, mailbox or account, in whatever case', async () => {
    for (const [name, email] of [
      ['ADA', 'x@example.org'],
      ['Somebody', 'Ada@example.org'],
      ['Somebody', 'ada+work@example.org'],
      ['Somebody', '1234+ada@users.noreply.github.com'],
    ] as const) {
      amend({ name, email });
      expect((await check(block)).refused).toEqual({ committer: 'COMMITTER_IS_DEVELOPER' });
    }
    amend({ name: 'Adam', email: 'adam@example.org' });
    expect((await check(block)).refused).toEqual({});
  });

  test('COMMITTER_IS_WRITER, whatever the policy says of self-approval', async () => {
    amend({ name: 'Quill', email: 'bot@example.org' });
    expect((await check(block)).refused).toEqual({ committer: 'COMMITTER_IS_WRITER' });
  });

  test('the developer may commit where the policy lets them decide on their own run', async () => {
    const own = await readFile(join(audited.store.locate('run-1'), 'evidence/policy.yaml'), 'utf8');
    const policy = `${own}\nself_approval: allowed\n`;
    await audited.publish({ runId: 'run-2', patch, baseCommit: base, policy, plan: { self_approval: 'allowed' } });
    amend({ name: 'Ada', email: 'ada@example.org' });
    const { stdout } = await audited.invoke(prBlockCommand, 'run-2');
    expect((await check(stdout)).refused).toEqual({});
  });

  test('RUN_NOT_APPROVED and RUN_NOT_VERIFIED: what was rejected, and what was changed afterwards', async () => {
    await audited.publish({ runId: 'run-2', patch, baseCommit: base, outcome: 'rejected' });
    const rejected = (await audited.invoke(prBlockCommand, 'run-2')).stdout;
    amend({ message: 'Fix' });
    expect((await check(rejected)).refused).toMatchObject({ outcome: 'RUN_NOT_APPROVED' });

    await writeFile(join(audited.store.locate('run-1'), 'plan.md'), '# Another plan\n');
    const { refused, json } = await check(block);
    expect(refused).toEqual({ record: 'RUN_NOT_VERIFIED' });
    expect(json.verification.problem.code).toBe('OBJECT_CORRUPT');
  });

  test('--policy: a run under another policy is RUN_NOT_VERIFIED with POLICY_UNKNOWN', async () => {
    const own = join(audited.store.locate('run-1'), 'evidence/policy.yaml');
    expect((await check(block, '--policy', own)).refused).toEqual({});
    const other = join(audited.folder, 'other.yaml');
    await writeFile(other, `${await readFile(own, 'utf8')}# another\n`);
    const { refused, json } = await check(block, '--policy', other);
    expect(refused).toEqual({ record: 'RUN_NOT_VERIFIED' });
    expect(json.verification.problem.code).toBe('POLICY_UNKNOWN');
  });

  test('NO_MATCH when neither description nor commit leads to a run', async () => {
    await rm(audited.store.locate('run-1'), { recursive: true });
    const { exitCode, refused, json } = await check(block);
    expect(exitCode).toBe(1);
    expect(json.run_id).toBeNull();
    expect(refused).toEqual({ block: 'PR_BLOCK_DIFFERS', record: 'NO_MATCH' });
  });

  test('wrong usage: a missing body, a missing commit', async () => {
    await expect(check(block, '--commit', 'nowhere')).rejects.toMatchObject({ code: 'BASE_NOT_FOUND', exitCode: 2 });
    const nowhere = ['--body', join(audited.folder, 'nowhere'), '--commit', 'HEAD'];
    const missing = audited.invoke((context) => prCheckCommand(context, verifyDigests), ...nowhere);
    await expect(missing).rejects.toMatchObject({ code: 'FILE_NOT_READABLE', exitCode: 2 });
  });

  test('text: a line for each check, and the next step behind a refusal', async () => {
    const file = join(audited.folder, 'body.md');
    await writeFile(file, 'nothing');
    const { stdout } = await audited.invoke(
      (context) => prCheckCommand(context, verifyDigests),
      ...['--body', file, '--commit', 'HEAD'],
    );
    expect(stdout).toMatch(/^FAILED block: PR_BLOCK_MISSING: .*\n {7}next: .*pr-block/);
    expect(stdout.match(/^ok {5}\w+: /gm)).toHaveLength(6);
  });
});
