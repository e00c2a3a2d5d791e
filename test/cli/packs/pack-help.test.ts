import type { CommandUnknownOpts as Command } from '@commander-js/extra-typings';
import { expect, test } from 'vitest';
import type { CommandContext } from '../../../src/cli/app/context.js';
import { hooksCommand, lintCommand, promptsCommand } from '../../../src/cli/packs/pack-commands.js';

const context: CommandContext = {
  output: () => {
    throw new Error('help needs no output');
  },
  cwd: '/',
  env: {},
  exit: () => {
    throw new Error('help sets no exit code');
  },
};

const withChildren = (command: Command): Command[] => [command, ...command.commands.flatMap(withChildren)];
const commands = [lintCommand, promptsCommand, hooksCommand].flatMap((make) => withChildren(make(context)));

test('help: every command about packs is here', () => {
  expect(commands.map((command) => command.name())).toEqual([
    'lint',
    'prompts',
    'list',
    'show',
    'lock',
    'hooks',
    'install',
  ]);
});

test.each(commands.map((command) => [command.name(), command] as const))('help: %s has an example', (_, command) => {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  expect(text).toMatch(/\nExamples?:\n {2}promptos /);
});
