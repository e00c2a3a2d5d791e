import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StoreCommandContext } from '../../../../src/cli/app/published-run.js';
import { applyCommand, prCheckCommand } from '../../../../src/cli/audit/audit-commands.js';
import { prBlockCommand } from '../../../../src/cli/runs/run-commands.js';
import { type AuditedRepository, createPatchedRepository } from '../audited-repository.js';
import { verifyDigests } from '../verify/digest-verifier.js';

let audited: AuditedRepository;
let base: string;
let patch: string;

beforeEach(async () => {
  ({ audited, base, patch } = await createPatchedRepository());
});
afterEach(() => audited.remove());

const commitAs = (name: string, email: string): void => {
  Object.assign(audited.env, { GIT_COMMITTER_NAME: name, GIT_COMMITTER_EMAIL: email });
};
const apply = (...args: readonly string[]) => audited.invoke(applyCommand, 'run-1', ...args, '--json');
const committer = (): string => audited.git('log', '-1', '--format=%cn <%ce>');

/** The command in a terminal, where every question has this answer. */
function applyInTerminal(answer: boolean | null, ...args: readonly string[]) {
  const asked: string[] = [];
  const confirm = async (message: string): Promise<boolean | null> => {
    asked.push(message);
    return answer;
  };
  const inTerminal = (context: StoreCommandContext) => {
    const output = { ...context.output(), interactive: true };
    return applyCommand({ ...context, output: () => output }, { confirm });
  };
  return { asked, done: audited.invoke(inTerminal, 'run-1', ...args) };
}

/** What `pr-check` says of the committer of HEAD. */
async function checkedCommitter(run = 'run-1'): Promise<string | null> {
  const body = join(audited.folder, 'body.md');
  await writeFile(body, (await audited.invoke(prBlockCommand, run)).stdout);
  const { json } = await audited.invoke(
    (context) => prCheckCommand(context, verifyDigests),
    ...['--body', body, '--commit', 'HEAD', '--json'],
  );
  return json.checks.find(({ check }: { check: string }) => check === 'committer').code;
}

describe('promptos apply: the committer', () => {
  test.each([
    ['the developer by name', 'Ada', 'x@example.org', 'COMMITTER_IS_DEVELOPER'],
    ['the developer by address', 'Somebody', 'ada@example.org', 'COMMITTER_IS_DEVELOPER'],
    ['the writer', 'Quill', 'bot@example.org', 'COMMITTER_IS_WRITER'],
    ['an integrator', 'Grace', 'grace@example.org', null],
  ])('warning: %s gets the code that pr-check gives afterwards', async (_, name, email, code) => {
    commitAs(name, email);
    const { json, stderr } = await apply();
    expect(json).toMatchObject({ warning: code, committer: { name, email } });
    expect(await checkedCommitter()).toBe(code);
    if (code === null) expect(stderr).not.toContain('warning');
    else {
      expect(stderr).toContain(`warning: ${code}: pr-check will refuse this commit`);
      expect(stderr).toContain('Who may commit: grace. This commit is made all the same.');
    }
  });

  test.each([[[]], [['--branch', 'fix']]])('warning: what it advises makes a commit that passes (%j)', async (args) => {
    commitAs('Ada', 'ada@example.org');
    const { stderr } = await apply(...args);
    const [, branch = '', start = '', given = ''] =
      /they run: git branch (\S+) ([0-9a-f]{12}) && promptos apply run-1 (.*)\.$/m.exec(
        stderr.replace(', with an own address in `git config user.email`', ''),
      ) ?? [];
    audited.git('branch', branch, start);
    commitAs('Grace', 'grace@example.org');
    const { json } = await apply(...given.split(' '));
    expect(json).toMatchObject({ branch, warning: null });
  });

  test('in a terminal: what the warning advises names the branch of the command', async () => {
    commitAs('Ada', 'x@example.org');
    const { done } = applyInTerminal(false, '--branch', 'fix');
    await expect(done).rejects.toMatchObject({
      message: expect.stringContaining('They run: promptos apply run-1 --branch fix --as grace.'),
    });
  });

  test('warning: none for the developer where the policy lets them decide on their own run', async () => {
    const own = await readFile(join(audited.store.locate('run-1'), 'evidence/policy.yaml'), 'utf8');
    const policy = `${own}\nself_approval: allowed\n`;
    await audited.publish({ runId: 'run-2', patch, baseCommit: base, policy, plan: { self_approval: 'allowed' } });
    commitAs('Ada', 'ada@example.org');
    const { json } = await audited.invoke(applyCommand, 'run-2', '--json');
    expect(json.warning).toBeNull();
    expect(await checkedCommitter('run-2')).toBeNull();
  });

  test('--as: names the committer, and keeps the author and the address of git', async () => {
    commitAs('Somebody', 'somebody@example.org');
    const { json } = await apply('--as', 'grace');
    expect(json.committer).toEqual({ name: 'grace', email: 'somebody@example.org' });
    expect(committer()).toBe('grace <somebody@example.org>');
    expect(audited.git('log', '-1', '--format=%an')).toBe('Grace');
    expect(await checkedCommitter()).toBeNull();
  });

  test.each(['AUTHOR', 'COMMITTER'])(
    'GIT_FAILED with what to set, before anything is committed, without an identity (%s)',
    async (who) => {
      commitAs('Grace', 'grace@example.org');
      Object.assign(audited.env, { [`GIT_${who}_NAME`]: '' });
      await expect(apply()).rejects.toMatchObject({
        code: 'GIT_FAILED',
        message: expect.stringMatching(
          /^Git knows no identity for the .*empty ident name.*`git config --global user.name NAME`/,
        ),
      });
      expect(audited.git('rev-parse', 'HEAD')).toBe(base);
    },
  );

  test("--as: another name does not hide the developer's address, and the warning says so", async () => {
    commitAs('Ada', 'ada@example.org');
    const { json, stderr } = await apply('--as', 'grace');
    expect(json.warning).toBe('COMMITTER_IS_DEVELOPER');
    expect(stderr).toContain('with an own address in `git config user.email`');
    expect(await checkedCommitter()).toBe('COMMITTER_IS_DEVELOPER');
  });

  test('--as: USAGE and nothing committed for a name that the policy lacks', async () => {
    await expect(apply('--as', 'mallory')).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringMatching(/received "mallory"\. The policy has ada, grace/),
    });
    expect(audited.git('rev-parse', 'HEAD')).toBe(base);
  });

  test('in a terminal: asks before it commits, and "no" leaves the branch as it is', async () => {
    commitAs('Ada', 'ada@example.org');
    for (const answer of [false, null]) {
      const { asked, done } = applyInTerminal(answer);
      await expect(done).rejects.toMatchObject({ code: 'COMMITTER_IS_DEVELOPER', exitCode: 1 });
      expect(asked).toEqual(['Commit all the same?']);
      expect(audited.git('rev-parse', 'HEAD')).toBe(base);
      expect(audited.git('status', '--porcelain')).toBe('');
    }
    await applyInTerminal(true).done;
    expect(audited.git('rev-parse', 'HEAD~')).toBe(base);
  });

  test('in a terminal: asks nothing with --yes, and nothing of who may commit', async () => {
    const able = applyInTerminal(false, '--branch', 'one');
    await able.done;
    commitAs('Ada', 'ada@example.org');
    const sure = applyInTerminal(false, '--branch', 'two', '--yes');
    await sure.done;
    expect([...able.asked, ...sure.asked]).toEqual([]);
    expect(audited.git('rev-parse', 'one~', 'two~')).toBe(`${base}\n${base}`);
  });
});
