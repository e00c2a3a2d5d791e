import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { COMMANDS } from '../../src/cli/program.js';
import { promptos } from '../support/command-line.js';
import { candidates } from './candidates.js';

/*
 * What the program offers for a line, by its own definition. Shells leave out what does not begin as the word does; here
 * that is done for them.
 */

const offered = async (...line: readonly string[]) =>
  (await candidates(line)).filter((candidate) => candidate.startsWith(line.at(-1) ?? ''));

const GATES = ['P00', 'P01', 'P03', 'P05', 'P06', 'P07'];
const OF_RUN = ['list', 'status', 'watch', 'logs', 'cancel', 'recover', 'prune'];

describe('promptos __complete', () => {
  test.each([
    [['a'], ['approve', 'apply']],
    [['h'], ['hooks', 'help']],
    [['run', ''], OF_RUN],
    [['run', 'st'], ['status']],
    [['run', 'status', 'x', ''], []],
    [['-C', 'somewhere', 'run', 'w'], ['watch']],
    [['--json', '--repo=somewhere', 'run', 'w'], ['watch']],
    [['help', 'run', ''], OF_RUN],
    [
      ['help', 'ap'],
      ['approve', 'apply'],
    ],
    [['help', 'run', '--'], []],
    [['run', 'list', '--li'], ['--limit']],
    [['run', 'list', '--js'], ['--json']],
    [['approve', 'run-1', '--gate', ''], GATES],
    [['approve', 'run-1', '--gate=P0'], GATES.map((gate) => `--gate=${gate}`)],
    [
      ['resolve', 'run-1', '--choose', 're'],
      ['retry', 'rework'],
    ],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['approve', '--comment', 'run', '--ga'], ['--gate']],
    [['approve', '--comment', '--', '--ga'], ['--gate']],
    [['--j'], ['--json']],
    [['no-such-command', ''], []],
  ])('%j', async (line, answers) => {
    expect(await offered(...line)).toEqual(answers);
  });

  test('every command, and nothing hidden', async () => {
    const names = Object.values(COMMANDS).flatMap((entries) => entries.map(({ name }) => name));
    expect(await offered('')).toEqual([...names, 'help']);
  });

  test('--gate = P0: three words of bash are one option with its value', async () => {
    expect(await candidates(['approve', 'run-1', '--gate', '='])).toEqual(GATES);
    expect(await candidates(['approve', 'run-1', '--gate', '=', 'P0'])).toEqual(GATES);
  });

  test('an option that was given is not offered again, unless it may be repeated', async () => {
    expect(await offered('run', 'list', '--limit', '3', '--prompt', 'P05', '--l')).toEqual([]);
    expect(await offered('run', 'list', '--limit=3', '--l')).toEqual([]);
    expect(await offered('approve', 'x', '--gate', 'P05', '--g')).toEqual([]);
    expect(await offered('run', 'list', '--limit', '3', '--prompt', 'P05', '--pr')).toEqual(['--prompt']);
    expect(await offered('worker', '--repository', 'a=b', '--reposi')).toEqual(['--repository']);
    expect(await offered('approve', 'x', '--acknowledge', 'f1', 'f2', '--ac')).toEqual(['--acknowledge']);
  });

  test.each([
    [['worker', '--worker-config', ''], ':files'],
    [['worker', '--worker-config=x'], ':files'],
    [['trace', ''], ':files'],
    [['verify', '--all', ''], ':files'],
    [['approve', 'x', '--acknowledge', 'f1', ''], ':files'],
    [['lint', ''], ':folders'],
    [['-C', ''], ':folders'],
    [['doctor', '--prompt-pack', ''], ':folders'],
  ])('%j: the shell is asked for paths', async (line, answer) => {
    expect(await candidates(line)).toEqual([answer]);
  });

  test('an option may follow where a value need not', async () => {
    expect(await offered('verify', '--all', '--us')).toEqual(['--using']);
  });

  test.each([[['--', '']], [['approve', '--', '']], [['approve', 'x', '--', '--g']]])('%j: nothing', async (line) => {
    expect(await candidates(line)).toEqual([]);
  });

  test('no line at all: no error', async () => {
    expect(await promptos(['__complete'])).toMatchObject({ exitCode: 0, stderr: '' });
  });

  test('a candidate carries its description behind a tab', async () => {
    const { stdout } = await promptos(['__complete', '--', 'run', '']);
    expect(stdout).toMatch(/^list\tlist the runs, the newest first$/m);
    // An alias may have global options.
    expect((await promptos(['--json', '-C', '/', '__complete', '--', 'run', ''])).stdout).toBe(stdout);
  });

  test('it is hidden', async () => {
    expect((await promptos(['--help'])).stdout).not.toContain('__complete');
  });
});

for (const shell of ['bash', 'zsh', 'fish']) {
  const there = spawnSync(shell, ['--version']).status === 0;
  test.skipIf(!there)(`${shell}: reads the script without complaint, which is short`, async () => {
    const { stdout } = await promptos(['completion', shell]);
    const folder = await mkdtemp(join(tmpdir(), 'promptos-completion-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    await writeFile(join(folder, shell), stdout);
    expect(execFileSync(shell, ['-n', join(folder, shell)], { encoding: 'utf8' })).toBe('');
    expect(stdout.split('\n').length).toBeLessThan(28);
  });
}

test('completion --json: one object', async () => {
  const [object] = (await promptos(['completion', 'fish', '--json'])).objects();
  expect(object).toMatchObject({ shell: 'fish', script: expect.stringContaining('complete -c promptos') });
});
