import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { promptos } from '../../support/command-line.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'promptos-completion-'));
  for (const shell of ['bash', 'zsh', 'fish']) {
    await writeFile(join(folder, shell), (await promptos(['completion', shell])).stdout);
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What bash offers for the last word of a line. */
function offered(...words: readonly string[]): readonly string[] {
  const script = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _promptos; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const answer = execFileSync('bash', ['--norc', '-euc', script, 'bash', join(folder, 'bash'), 'promptos', ...words], {
    cwd: folder,
    encoding: 'utf8',
  });
  return answer.split('\n').filter((line) => line !== '');
}

describe('bash', () => {
  test.each([
    [['a'], ['approve', 'apply']],
    [
      ['run', ''],
      ['list', 'status', 'watch', 'logs', 'cancel', 'recover'],
    ],
    [['run', 'st'], ['status']],
    [['-C', 'somewhere', 'run', 'w'], ['watch']],
    [['run', 'list', '--li'], ['--limit']],
    [
      ['approve', 'run-1', '--gate', ''],
      ['P00', 'P01', 'P03', 'P05', 'P06', 'P07'],
    ],
    [
      ['resolve', 'run-1', '--choose', 're'],
      ['retry', 'rework'],
    ],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['approve', '--comment', 'run', '--ga'], ['--gate']],
    [['--j'], ['--json']],
  ])('%j', (words, answers) => {
    expect(offered(...words)).toEqual(answers);
  });

  test('an option that takes any value: files are offered', () => {
    expect(offered('worker', '--worker-config', 'b')).toEqual(['bash']);
  });
});

test.each(['zsh', 'fish'])('%s: the script names every command and gate', async (shell) => {
  const { stdout } = await promptos(['completion', shell]);
  for (const word of ['approve', 'watch', 'P07', 'rework', '--worker-config'.slice(2)]) expect(stdout).toContain(word);
});

for (const shell of ['zsh', 'fish']) {
  const there = spawnSync(shell, ['--version']).status === 0;
  test.skipIf(!there)(`${shell}: reads the script without complaint`, () => {
    expect(execFileSync(shell, ['-n', join(folder, shell)], { encoding: 'utf8' })).toBe('');
  });
}

test('completion --json: one object', async () => {
  const [object] = (await promptos(['completion', 'fish', '--json'])).objects();
  expect(object).toMatchObject({ shell: 'fish', script: expect.stringContaining('complete -c promptos') });
});
