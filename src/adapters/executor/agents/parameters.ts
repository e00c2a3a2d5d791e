import { basename, isAbsolute } from 'node:path';
import type { CommandExecutorConfig } from '../../../contracts/config/executor-config.js';
import type { ModelProgram } from '../../../contracts/config/model-executor.js';
import { type ExecutorParameters, WORK_LIMITS } from '../../../contracts/run/agent-work.js';
import { printable } from '../../../rules/paths/path-names.js';
import { maskSecrets } from '../../../rules/secrets/mask-secrets.js';
import { SECRET_NAME } from '../../platform/passed-secrets.js';
import { shownText } from '../output/shown-name.js';
import type { KnownAgent } from './known-agent.js';

type Settings = NonNullable<ExecutorParameters['settings']>;

/**
 * What an executor was configured with that steers its model, for the record. It has no credential, no absolute path and
 * nothing of where this machine has programs of ours.
 * @param mask replaces the values of the program's own credentials
 */
export function parametersOf(
  config: CommandExecutorConfig,
  agent: KnownAgent | null,
  mask: (text: string) => string,
): ExecutorParameters {
  const set = Object.keys(config.env.set).sort().slice(0, WORK_LIMITS.names);
  const variables = set.length === 0 ? {} : { variables: set.map((name) => printable(name, WORK_LIMITS.name - 1)) };
  const shown = (text: string, most: number) => shownText(maskNamed(maskSecrets(mask(text)).slice(0, 4 * most)), most);
  switch (agent?.kind) {
    case 'model':
      return { ...variables, settings: shownSettings(modelSettings(agent.settings), shown) };
    case 'acp':
      return {
        ...argvOf(agent.argv, config, shown),
        ...variables,
        settings: shownSettings(JSON.parse(agent.settings) as Readonly<Record<string, unknown>>, shown),
      };
    default:
      return { ...argvOf(config.argv, config, shown), ...variables };
  }
}

function argvOf(
  argv: readonly string[],
  { model }: Pick<CommandExecutorConfig, 'model'>,
  shown: (text: string, most: number) => string,
): Pick<ExecutorParameters, 'argv' | 'more_arguments'> {
  const more = argv.length - WORK_LIMITS.arguments;
  return {
    argv: argv.slice(0, WORK_LIMITS.arguments).map((argument, index) => {
      // A flag says what follows it: a key of the user's own need not look like one.
      const flagBefore = /^--?[A-Za-z0-9_-]+$/.exec(argv[index - 1] ?? '')?.[0];
      if (flagBefore !== undefined && isSecret(flagBefore, argument)) return MASKED;
      const filled = argument.replaceAll('{model}', model.requested ?? '');
      const [flag = ''] = /^--?[A-Za-z0-9_-]+=/.exec(filled) ?? [];
      return shown(`${flag}${shortPath(filled.slice(flag.length))}`, WORK_LIMITS.argument);
    }),
    ...(more > 0 ? { more_arguments: more } : {}),
  };
}

const MASKED = '[masked]';
/** A number of tokens is a setting, and no secret. */
const isSecret = (name: string, value: string): boolean =>
  SECRET_NAME.test(name) && !(/tokens/i.test(name) && /^\d+$/.test(value));

/** A name with what is between it and its value: `NAME=`, `"name": "`, `Name: `, and `--name ` as scripts have it. */
const NAMED = /([\w.-]{1,80})["']?(?:\s{0,3}([=:])\s{0,3}|\s{1,3})(["']?)/g;
const PASSWORD_OF_ADDRESS = /(?<=:\/\/[^\s/?#@:]{0,80}:)[^\s/?#@]+(?=@)/g;

/** Masks the values whose names say that they are credentials. */
function maskNamed(text: string): string {
  let masked = '';
  let done = 0;
  for (const { 0: all, 1: name = '', 2: sign, 3: quote, index } of text.matchAll(NAMED)) {
    const start = index + all.length;
    if (index < done || (sign === undefined && !name.startsWith('-'))) continue;
    // A header's value may be several words.
    const ends = quote === '' ? (sign === ':' ? /["'\n]/ : /[\s"'&;,]/) : /["'\n]/;
    const rest = text.slice(start);
    const end = rest.search(ends);
    const value = end === -1 ? rest : rest.slice(0, end);
    if (value === '' || value.startsWith('[masked') || !isSecret(name, value)) continue;
    masked += `${text.slice(done, start)}${MASKED}`;
    done = start + value.length;
  }
  return `${masked}${text.slice(done)}`.replace(PASSWORD_OF_ADDRESS, MASKED);
}

/** Where a machine has a file says who works there. */
const shortPath = (text: string): string => (isAbsolute(text) ? `…/${basename(text)}` : text);

function modelSettings({ parameters, ...program }: ModelProgram): Readonly<Record<string, unknown>> {
  const { provider_options, ...numbers } = parameters;
  const { api_key_env: _, ...rest } = program;
  const options = Object.entries(provider_options).map(([name, value]) => [`provider_options.${name}`, value] as const);
  return { ...rest, ...numbers, ...Object.fromEntries(options) };
}

/** A value that is none by itself, such as a rule of permissions, as its JSON. */
function shownSettings(
  settings: Readonly<Record<string, unknown>>,
  shown: (text: string, most: number) => string,
): Settings {
  return Object.fromEntries(
    Object.entries(settings)
      .filter(([, value]) => value !== undefined)
      .slice(0, WORK_LIMITS.names)
      .map(([name, value]) => [printable(name, WORK_LIMITS.name - 1), shownValue(name, value, shown)]),
  );
}

function shownValue(name: string, value: unknown, shown: (text: string, most: number) => string): Settings[string] {
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (name.startsWith('provider_options.') && SECRET_NAME.test(name) && typeof value === 'string') return MASKED;
  return shown(typeof value === 'string' ? value : JSON.stringify(value), WORK_LIMITS.value);
}
