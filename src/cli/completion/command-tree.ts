import type { Command, Option } from 'commander';

/** One option as shells complete it. */
export interface CompletedOption {
  /** Its spellings, such as `-C` and `--repo`. */
  readonly names: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  /** The values that it takes, where there is a list of them. */
  readonly values: readonly string[];
}

/** One command as shells complete it. */
export interface CompletedCommand {
  /** Its name and those above it, without the program's: `[]`, `['run']`, `['run', 'list']`. */
  readonly path: readonly string[];
  readonly description: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly CompletedOption[];
  /** Values of its first argument, where there is a list of them. */
  readonly values: readonly string[];
}

/** Every command of a program, the program itself first. Names and values are words that need no quoting. */
export function completedCommands(command: Command, path: readonly string[] = []): readonly CompletedCommand[] {
  const help = command.createHelp();
  const completed = {
    path,
    description: command.description(),
    commands: help.visibleCommands(command).map((one) => ({ name: one.name(), description: one.description() })),
    options: help.visibleOptions(command).map(completedOption),
    values: command.registeredArguments[0]?.argChoices ?? [],
  };
  return [completed, ...command.commands.flatMap((one) => completedCommands(one, [...path, one.name()]))];
}

const completedOption = ({ short, long, description, required, optional, argChoices }: Option): CompletedOption => ({
  names: [short, long].filter((name) => name !== undefined),
  description,
  takesValue: required || optional,
  values: argChoices ?? [],
});

/** Text inside a shell's single quotes. */
export const singleQuoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Every option of a program that takes a value: a shell must know that the next word is no command. */
export const valueOptions = (commands: readonly CompletedCommand[]): readonly string[] => [
  ...new Set(
    commands.flatMap(({ options }) => options.filter(({ takesValue }) => takesValue).flatMap(({ names }) => names)),
  ),
];
