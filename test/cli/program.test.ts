import { expect, test } from 'vitest';
import { fullName } from '../../src/cli/command-line.js';
import { withSubcommands } from '../../src/cli/global-options.js';
import { createProgram } from '../../src/cli/program.js';
import { promptos } from '../support/command-line.js';

const program = createProgram({
  output: () => {
    throw new Error('help needs no output');
  },
  cwd: '/',
  env: {},
  exit: () => undefined,
  openStore: () => Promise.reject(new Error('help needs no store')),
});
const commands = withSubcommands(program).map((command) => [fullName(command).split(' ').slice(1), command] as const);

test('program: every command that is documented is there', () => {
  expect(commands.map(([path]) => path.join(' '))).toEqual([
    '',
    'demo',
    'init',
    'dev',
    'doctor',
    'approve',
    'reject',
    'escalate',
    'resolve',
    'run',
    'run list',
    'run status',
    'run watch',
    'run cancel',
    'export',
    'pr-block',
    'apply',
    'lint',
    'prompts',
    'prompts list',
    'prompts show',
    'prompts lock',
    'hooks',
    'hooks install',
    'worker',
    'server',
    'server status',
    'server stop',
    'version',
    'completion',
  ]);
});

test.each(commands)(
  'promptos %j --help: a description, an example, the global options, exit 0',
  async (path, command) => {
    const { exitCode, stdout, stderr } = await promptos([...path, '--help']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(command.description()).not.toBe('');
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain(command.description());
    expect(stdout).toMatch(new RegExp(`\\nExamples?:\\n.*${path.join(' ')}`));
    for (const option of ['--json', '-C', '--no-color', '--help']) expect(stdout).toContain(option);
  },
);

test.each(commands)('promptos %j --nonsense: exit 2, one message with the code', async (path) => {
  const { exitCode, stdout, stderr } = await promptos([...path, '--nonsense']);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toMatch(/^error USAGE: (unknown option '--nonsense'|required option ').*\n {2}next: .+\n$/);
});
