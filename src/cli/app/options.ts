import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type CommandUnknownOpts as Command, InvalidArgumentError, Option } from '@commander-js/extra-typings';
import { PromptOsError } from '../../contracts/errors.js';

/** The word for the newest run of this repository. */
export const LATEST = 'latest';

export const RUN_ARGUMENT = 'the run: its id, the beginning of its id, or "latest", the newest of this repository';

export const WAITING_RUN_ARGUMENT =
  'the run: its id, the beginning of its id, or "latest", the one of this repository that waits for a person';

export const collect = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

export function positiveNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('expected a number from 1.');
  return Number(text);
}

const GROUP = 'Global options:';

/** What every command takes, before its name and after it. */
export interface GlobalOptions {
  readonly json: boolean;
  readonly noColor: boolean;
  /** As written; null when the command works where it was started. */
  readonly repo: string | null;
}

const globalOptions = (): readonly Option[] => [
  new Option('--json', 'one JSON object a line on standard output, everything else on standard error'),
  new Option('-C, --repo <path>', 'work as if started in this folder'),
  new Option('--no-color', 'no colour escapes (NO_COLOR does the same)'),
];

/** `-C` of a command whose own `--repo` means something else. */
const SHORT_REPO = new Option('-C <path>', 'work as if started in this folder');

const ours = new WeakMap<Command, ReadonlySet<string>>();

export const withSubcommands = (command: Command): Command[] => [command, ...command.commands.flatMap(withSubcommands)];

/**
 * Gives every command of a program the global options. Each gets them itself, instead of the program taking them from
 * anywhere in the line: so that `--comment --json` is a comment.
 */
export function addGlobalOptions(program: Command): void {
  for (const command of withSubcommands(program)) {
    command.enablePositionalOptions();
    const added = new Set<string>();
    for (const option of globalOptions()) {
      const present = command.options.find(({ long }) => long === option.long);
      // Its own --json is the same as ours; its own --repo is not.
      if (present !== undefined && option.short === undefined) added.add(present.attributeName());
      else added.add(addOption(command, present === undefined ? option : SHORT_REPO));
    }
    ours.set(command, added);
  }
}

function addOption(command: Command, option: Option): string {
  command.addOption(option.helpGroup(GROUP));
  return option.attributeName();
}

/** The global options of a parsed line: of the command that acts and of those above it; the last `-C` counts. */
export function readGlobalOptions(acting: Command): GlobalOptions {
  const line: Command[] = [];
  for (let command: Command | null = acting; command !== null; command = command.parent) line.push(command);
  const values = (...names: readonly string[]): unknown[] =>
    line.flatMap((command) =>
      names.filter((name) => ours.get(command)?.has(name)).map((name) => command.getOptionValue(name)),
    );
  const repo = values('repo', 'C').find((value) => typeof value === 'string');
  return {
    json: values('json').includes(true),
    noColor: values('color').includes(false),
    repo: typeof repo === 'string' ? repo : null,
  };
}

/** The folder that `-C` names. @throws PromptOsError FILE_NOT_READABLE */
export async function workingFolder(cwd: string, repo: string | null): Promise<string> {
  if (repo === null) return cwd;
  const folder = resolve(cwd, repo);
  const found = await stat(folder).catch(() => null);
  if (found?.isDirectory()) return folder;
  throw new PromptOsError('FILE_NOT_READABLE', `-C: expected a folder, received ${folder}.`);
}
