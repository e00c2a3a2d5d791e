import type { Argument, CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { type WordKind, wordKindOf } from './word-kinds.js';

/** What shells offer for a value. */
export interface CompletedValue {
  /** The values that it takes, where there is a list of them. */
  readonly values: readonly string[];
  /** What `promptos completion words KIND` knows of it, for values that differ from place to place. */
  readonly kind: WordKind | null;
}

/** One option as shells complete it. */
export interface CompletedOption extends CompletedValue {
  /** Its spellings, such as `-C` and `--repo`. */
  readonly names: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
}

/** One command as shells complete it. */
export interface CompletedCommand {
  /** Its name and those above it, without the program's: `[]`, `['run']`, `['run', 'list']`. */
  readonly path: readonly string[];
  readonly description: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly CompletedOption[];
  /** By their position. */
  readonly arguments: readonly CompletedValue[];
}

/** Every command of a program, the program itself first. Names and values are words that need no quoting. */
export function completedCommands(
  command: CommandUnknownOpts,
  path: readonly string[] = [],
): readonly CompletedCommand[] {
  const help = command.createHelp();
  const visible = help.visibleCommands(command);
  const completed = {
    path,
    description: command.description(),
    commands: visible.map((one) => ({ name: one.name(), description: one.description() })),
    options: help.visibleOptions(command).map(completedOption),
    arguments: command.registeredArguments.map(completedArgument),
  };
  return [completed, ...visible.flatMap((one) => completedCommands(one, [...path, one.name()]))];
}

const completedOption = (option: Option): CompletedOption => {
  const { short, long, description, required, optional, argChoices } = option;
  return {
    names: [short, long].filter((name) => name !== undefined),
    description,
    takesValue: required || optional,
    values: argChoices ?? [],
    kind: wordKindOf(/[<[]([\w-]+)/.exec(option.flags)?.[1] ?? '', long ?? null),
  };
};

const completedArgument = (argument: Argument): CompletedValue => ({
  values: argument.argChoices ?? [],
  kind: wordKindOf(argument.name(), null),
});

/** Every option of a program that takes a value: a shell must know that the next word is no command. */
export const valueOptions = (commands: readonly CompletedCommand[]): readonly string[] => [
  ...new Set(
    commands.flatMap(({ options }) => options.filter(({ takesValue }) => takesValue).flatMap(({ names }) => names)),
  ),
];
