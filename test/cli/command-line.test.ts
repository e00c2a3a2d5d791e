import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { promptos } from '../support/command-line.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'promptos-line-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test.each([
  [['help'], ['--help']],
  [
    ['help', 'run', 'list'],
    ['run', 'list', '--help'],
  ],
])('%j: prints what %j does', async (args, same) => {
  const help = await promptos(args);
  expect(help).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('Usage: promptos') });
  expect(help.stdout).toBe((await promptos(same)).stdout);
});

describe('wrong usage', () => {
  test.each([
    [['aprove', 'run-1'], "unknown command 'aprove' (Did you mean approve?)"],
    [['run', 'lst'], "unknown command 'lst' (Did you mean list?)"],
    [['approve', 'run-1', '--coment', 'x'], "unknown option '--coment' (Did you mean --comment?)"],
    [['approve'], "missing required argument 'run'."],
    [['run', 'status', 'a', 'b'], "too many arguments for 'status'. Expected 1 argument but got 2."],
    [['approve', 'run-1', '--gate', 'P02'], 'Allowed choices are P00, P01, P03, P05, P06, P07.'],
    [['run', 'list', '--limit', '0'], 'expected a number from 1.'],
    [['reject', 'run-1', '--to', 'P03', '--final'], "option '--to <gate>' cannot be used with option '--final'."],
    [['worker', '--repository', 'shop'], 'expected NAME=PATH.'],
    [['worker', 'strat'], `unknown command 'strat' of "promptos worker", which has: restart.`],
    [['run'], '"promptos run" needs one of its commands: list, status, watch, logs, cancel, recover, prune.'],
    [['status', 'latest'], `unknown command 'status': it is "promptos run status" or "promptos server status".`],
    [['list'], `it is "promptos run list" or "promptos prompts list" or "promptos keys list".`],
    [['statsu', '--help'], `unknown command 'statsu' of "promptos", which has: demo, init, `],
    [['help', 'run', 'show'], `unknown command 'show' of "promptos run", which has: list, status, `],
    [['worker', 'strat', '--help'], `unknown command 'strat' of "promptos worker", which has: restart.`],
    [['completion', 'tcsh'], 'Allowed choices are bash, zsh, fish.'],
  ])('%j: USAGE, exit 2', async (args, message) => {
    const { exitCode, stdout, stderr } = await promptos(args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(/^error USAGE: /);
    expect(stderr).toContain(message);
  });

  test('--json: the error is one object on standard output too', async () => {
    const { exitCode, stderr, objects } = await promptos(['run', 'lst', '--json']);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^error USAGE: /);
    expect(objects()).toEqual([
      {
        error: {
          code: 'USAGE',
          message: "unknown command 'lst' (Did you mean list?)",
          next: 'Add --help to the command to see what it takes.',
        },
      },
    ]);
  });

  test('no arguments: the help, exit 0', async () => {
    const { exitCode, stdout } = await promptos([]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('Usage: promptos');
  });
});

describe('global options', () => {
  test.each([[['--json', 'prompts', 'list']], [['prompts', '--json', 'list']], [['prompts', 'list', '--json']]])(
    '%j: standard output holds one object',
    async (args) => {
      const { exitCode, objects } = await promptos(args, { env: process.env });
      expect(exitCode).toBe(0);
      expect(objects()).toHaveLength(1);
    },
  );

  test.each([[['-C', 'here', 'server', 'status']], [['server', 'status', '--repo', 'here']]])(
    '%j: another folder than the one that is there is refused',
    async (args) => {
      const { exitCode, stderr } = await promptos(args, { cwd: folder });
      expect(exitCode).toBe(2);
      expect(stderr).toContain(`error FILE_NOT_READABLE: -C: expected a folder, received ${join(folder, 'here')}.`);
    },
  );

  test.each([
    [['-C', '.', 'lint', 'prompts']],
    [['lint', '-C', '.', 'prompts']],
    [['lint', '-C', '/nowhere', '-C', '.', 'prompts']],
  ])('%j: paths are relative to that folder, the last one counts', async (args) => {
    const { exitCode, stdout } = await promptos(args, { cwd: process.cwd() });
    expect({ exitCode, stdout }).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('passed') });
  });

  test('the value of another option: is never taken for one of them', async () => {
    const { stdout, stderr } = await promptos(['escalate', 'run-1', '--issue', '--json'], {
      cwd: folder,
      env: { PROMPTOS_HOME: folder, HOME: folder },
    });
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^error SERVER_NOT_RUNNING: /);
  });

  test("apply: its own --repo is not the program's", async () => {
    const env = { PROMPTOS_HOME: folder, HOME: folder };
    const { stderr } = await promptos(['apply', 'run-1', '--repo', 'nowhere'], { cwd: folder, env });
    expect(stderr).toMatch(/^error RUN_NOT_FOUND: /);
  });
});

describe('errors', () => {
  test('promptos: a wrong environment variable is reported by name, exit 2', async () => {
    const { exitCode, stderr } = await promptos(['run', 'list'], { cwd: folder, env: { PROMPTOS_HOM: 'x' } });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('error ENVIRONMENT_INVALID: PROMPTOS_HOM is no variable of PromptOS.');
  });

  test('looking at runs where there are none: nothing is made', async () => {
    expect(await promptos(['run', 'list'], { cwd: folder, env: { HOME: folder } })).toMatchObject({
      exitCode: 0,
      stdout: 'There is no run yet: `promptos dev` starts one.\n',
      stderr: 'note: no Temporal server answers, so the runs are listed as the store has them\n',
    });
    const { stderr: other } = await promptos(['export', '--tree', 'out'], { cwd: folder, env: { HOME: folder } });
    expect(other).toMatch(/^error RUN_NOT_FOUND: /);
    const { readdir } = await import('node:fs/promises');
    expect(await readdir(folder)).toEqual([]);
  });
});
