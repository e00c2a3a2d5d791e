import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { loadProgram } from '../../src/build/commands-page.js';
import { withSubcommands } from '../../src/cli/app/options.js';
import { fullName } from '../../src/cli/main.js';
import { COMMANDS } from '../../src/cli/program.js';
import { promptos } from '../support/command-line.js';

const program = await loadProgram();
const commands = withSubcommands(program).map((command) => [fullName(command).split(' ').slice(1), command] as const);

const DOCUMENTED =
  'demo init dev doctor approve reject escalate resolve export pr-block apply lint worker version completion';
const SUBCOMMANDS = [
  'run list',
  'run status',
  'run watch',
  'run logs',
  'run cancel',
  'prompts list',
  'prompts show',
  'prompts lock',
];

test('program: every command that is documented is there', () => {
  const names = commands.map(([path]) => path.join(' '));
  const documented = [...DOCUMENTED.split(' '), ...SUBCOMMANDS, 'hooks install', 'server status', 'server stop'];
  expect(documented.filter((name) => !names.includes(name))).toEqual([]);
});

test('program: help shows the arguments that each command takes', () => {
  const shown = Object.values(COMMANDS).flatMap((entries) => entries.map(({ name, takes }) => [name, takes ?? '']));
  const taken = program.commands.map((command) => [
    command.name(),
    command.registeredArguments.map((one) => (one.required ? `<${one.name()}>` : `[${one.name()}]`)).join(' '),
  ]);
  expect(shown).toEqual(taken);
});

test('program: every group names its commands before its code is loaded', () => {
  const outlined = Object.values(COMMANDS).flatMap((entries) =>
    entries.map(({ name, commands = [] }) => [name, commands]),
  );
  const loaded = program.commands.map((command) => [command.name(), command.commands.map((one) => one.name())]);
  expect(outlined).toEqual(loaded);
});

test('program: an option that must be given has no default in its description', () => {
  const mandatory = commands.flatMap(([path, { options }]) =>
    options.filter((option) => option.mandatory).map(({ long, description }) => [...path, long, description].join(' ')),
  );
  expect(mandatory.some((line) => line.startsWith('check --job '))).toBe(true);
  expect(mandatory.filter((line) => line.includes('default'))).toEqual([]);
});

test.each(['--version', '-V'])('promptos %s: the version of the package', async (option) => {
  const { version } = createRequire(import.meta.url)('../../package.json') as { readonly version: string };
  expect(await promptos([option])).toMatchObject({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
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
