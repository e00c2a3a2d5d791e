import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { answerJsonSchema, decoderJsonSchema } from '../../contracts/answers/answer-schema.js';
import type { CommandExecutorConfig } from '../../contracts/config/executor-config.js';
import { fillPlaceholders, type Placeholder, placeholdersOf } from '../../contracts/config/placeholders.js';
import { prettyJson } from '../../contracts/json.js';
import type { ExecutorCall } from '../../ports/gate-executor.js';
import type { Scratch } from '../platform/scratch.js';

/**
 * The argument list as it is run. A program with a slash in its name is relative to the worker config's folder, never
 * to the checkout, whose files the work itself may have written; a bare name is looked for in PATH. An argument that
 * begins with `./` and names a file of that folder is replaced by its path; every other argument passes unchanged.
 */
export function resolveArguments(argv: readonly string[], configDir: string): readonly string[] {
  const [program = '', ...rest] = argv;
  const named = program.includes('/') && !isAbsolute(program) ? resolve(configDir, program) : program;
  return [named, ...rest.map((argument) => resolveArgument(argument, configDir))];
}

function resolveArgument(argument: string, configDir: string): string {
  if (!argument.startsWith('./')) return argument;
  const path = resolve(configDir, argument);
  return existsSync(path) ? path : argument;
}

/**
 * What a program may read since its command line names it: the files, and the folder of each, since scripts import what is beside
 * them. A file beside the worker config brings nothing else along: keys, state and policies are there. A sandbox shows no folder
 * that is more than a program's own, such as a home folder.
 * @param argv as it is run
 * @param configDir the absolute folder of the worker config
 */
export const namedFiles = (argv: readonly string[], configDir: string): readonly string[] => [
  ...new Set(
    argv
      .filter((argument) => isAbsolute(argument) && isFile(argument))
      .flatMap((file) => (dirname(file) === configDir ? [file] : [dirname(file), file])),
  ),
];

function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  } catch {
    return false;
  }
}

/** The files that placeholders name, with their contents. */
const FILES = {
  schema_file: { name: 'answer-schema.json', content: ({ gate }) => prettyJson(decoderJsonSchema(gate)) },
  schema_file_full: { name: 'answer-schema-full.json', content: ({ gate }) => prettyJson(answerJsonSchema(gate)) },
  prompt_file: { name: 'prompt.md', content: ({ prompt }) => prompt },
} satisfies Partial<
  Record<Placeholder, { readonly name: string; content(call: Pick<ExecutorCall, 'gate' | 'prompt'>): string }>
>;

const namesFile = (placeholder: Placeholder): placeholder is keyof typeof FILES => Object.hasOwn(FILES, placeholder);

/**
 * Fills in the placeholders of one call. The files that they name are written beside the executor's own, so that no name
 * of its answer clashes with them, and only where they are named.
 */
export function createFillIn(
  { argv, env, model }: Pick<CommandExecutorConfig, 'argv' | 'env' | 'model'>,
  call: Pick<ExecutorCall, 'gate' | 'prompt'>,
  scratch: Scratch,
): (text: string) => string {
  const folder = join(scratch.root, 'given');
  const files = [...placeholdersOf([...argv, ...Object.values(env.set)])].filter(namesFile);
  if (files.length > 0) mkdirSync(folder, { mode: 0o700 });
  for (const placeholder of files) {
    const { name, content } = FILES[placeholder];
    writeFileSync(join(folder, name), content(call), { mode: 0o600, flag: 'wx' });
  }
  const given = (placeholder: Placeholder): string => {
    if (namesFile(placeholder)) return join(folder, FILES[placeholder].name);
    switch (placeholder) {
      case 'scratch':
        return scratch.files;
      case 'schema_json':
        return JSON.stringify(decoderJsonSchema(call.gate));
      case 'model':
        return model.requested ?? '';
    }
  };
  return (text) => fillPlaceholders(text, given);
}
