import { writeFile } from 'node:fs/promises';
import type { CommandUnknownOpts as Command, Option } from '@commander-js/extra-typings';
import { COMMANDS, createProgram } from '../cli/program.js';

const HEAD = `# Commands: every option

<!-- Made by \`npm run schemas\`. Change the definitions of the commands in src/cli instead. -->

With this page you can look up every command, argument and option. \`--help\` of a command says the same, and has its examples
and exit codes. The options of the program count before a command's name and after it; where a command has a \`--repo\` of its
own, the folder is \`-C\` alone.
`;

/** The commands, for what looks at them and carries none out. */
export const loadProgram = (): Promise<Command> =>
  createProgram({
    output: () => {
      throw new Error('a definition has no output');
    },
    cwd: '/',
    env: {},
    exit: () => undefined,
    openStore: () => Promise.reject(new Error('a definition has no store')),
  });

/** `docs/commands.md`: every command by its heading in the help, with what it takes. */
export async function renderCommandsPage(): Promise<string> {
  const program = await loadProgram();
  const sections = Object.entries(COMMANDS).map(([heading, entries]) => {
    const names = entries.map(({ name }) => name);
    const commands = program.commands.filter((command) => names.includes(command.name()));
    return [`## ${heading.replace(/:$/, '')}`, ...commands.flatMap((command) => sectionsOf(command))].join('\n\n');
  });
  const own = ['## Options of the program', table(program.options.map(optionRow(program)))];
  return `${[HEAD.trimEnd(), ...own, ...sections].join('\n\n')}\n`;
}

/** A command and those below it, each with a table of what it takes beside the options of the program. */
function sectionsOf(command: Command, above = 'promptos'): readonly string[] {
  const name = `${above} ${command.name()}`;
  const help = command.createHelp();
  const rows = [
    ...command.registeredArguments.map((one) => row(help.argumentTerm(one), help.argumentDescription(one))),
    ...command.options.filter(({ helpGroupHeading }) => helpGroupHeading === undefined).map(optionRow(command)),
  ];
  const description = command.description();
  const text = `${description.charAt(0).toUpperCase()}${description.slice(1)}.`;
  return [
    [`### ${name}`, text, ...(rows.length === 0 ? [] : [table(rows)])].join('\n\n'),
    ...command.commands.flatMap((one) => sectionsOf(one, name)),
  ];
}

const optionRow = (command: Command) => {
  const help = command.createHelp();
  return (option: Option): string =>
    row(help.optionTerm(option), `${help.optionDescription(option)}${option.mandatory ? '; required' : ''}`);
};

const row = (term: string, meaning: string): string => `| \`${term}\` | ${meaning.replaceAll('|', '\\|')} |`;
const table = (rows: readonly string[]): string => ['| | meaning |', '|---|---|', ...rows].join('\n');

export const writeCommandsPage = async (): Promise<void> =>
  writeFile(new URL('../../docs/commands.md', import.meta.url), await renderCommandsPage());
