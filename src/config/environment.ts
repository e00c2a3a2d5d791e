import { existsSync } from 'node:fs';
import process from 'node:process';
import { type ClientConnectConfig, loadClientConnectConfig } from '@temporalio/envconfig';
import { z } from 'zod';
import { messageOf, PromptOsError } from '../contracts/errors.js';
import { runIdSchema } from '../contracts/primitives.js';
import { nearestName } from '../contracts/sentences.js';

export type Variables = Readonly<Record<string, string | undefined>>;

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

const promptosVariablesSchema = z.strictObject({
  PROMPTOS_HOME: z.string().optional().describe('the folder to use in place of .promptos'),
  PROMPTOS_CACHE_DIR: z.string().optional().describe('where fetched programs are kept'),
  PROMPTOS_KEYS_DIR: z.string().optional().describe('where private keys of people are kept'),
  PROMPTOS_PASSPHRASE_FILE: z.string().optional().describe('the file that holds the passphrase of private keys'),
  PROMPTOS_MCP_TOKEN: z.string().optional().describe('the bearer token that `promptos mcp --http` asks for'),
  PROMPTOS_LOG_LEVEL: z.enum(LOG_LEVELS, `expected one of ${LOG_LEVELS.join(', ')}`).default('info'),
  // What an executor is given: a command that it calls must not stumble over them.
  PROMPTOS_RUN_ID: runIdSchema.optional(),
  PROMPTOS_GATE: z.string().optional(),
  PROMPTOS_ATTEMPT: z.string().optional(),
  PROMPTOS_SCRATCH: z.string().optional(),
});

/** Every PROMPTOS_ variable, typed. A variable that is empty counts as not set. */
type PromptOsVariables = z.infer<typeof promptosVariablesSchema>;

export interface Environment {
  /** All variables of the process, for those who pass some of them on. */
  readonly variables: Variables;
  readonly promptos: PromptOsVariables;
}

/** How to reach a Temporal that the user named, or null when none is named and the embedded server is meant. */
export interface TemporalConnection extends ClientConnectConfig {
  /** What named it: variables such as `TEMPORAL_ADDRESS`, or a profile of temporal.toml. */
  readonly named_by: readonly string[];
}

const setVariables = (variables: Variables): Record<string, string> =>
  Object.fromEntries(
    Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== ''),
  );

/**
 * The only reader of the process's environment; everybody else is handed what this gives.
 * @throws PromptOsError ENVIRONMENT_INVALID naming every PROMPTOS_ variable that is unknown or has a wrong value
 */
export function readEnvironment(variables: Variables = process.env): Environment {
  const ours = Object.fromEntries(
    Object.entries(setVariables(variables)).filter(([name]) => name.startsWith('PROMPTOS_')),
  );
  const parsed = promptosVariablesSchema.safeParse(ours);
  if (parsed.success) return { variables: { ...variables }, promptos: parsed.data };
  const known = Object.keys(promptosVariablesSchema.shape);
  const problems = parsed.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((name) => {
          const nearest = nearestName(
            name.slice('PROMPTOS_'.length),
            known.map((one) => one.slice('PROMPTOS_'.length)),
          );
          const advice = nearest === null ? `Known are ${known.join(', ')}.` : `Did you mean PROMPTOS_${nearest}?`;
          return `${name} is no variable of PromptOS. ${advice}`;
        })
      : [`${issue.path.join('.')}: ${issue.message}, received "${ours[String(issue.path[0])]}".`],
  );
  throw new PromptOsError('ENVIRONMENT_INVALID', problems.join(' '));
}

/** Variables that say where Temporal is or how to speak to it. TEMPORAL_CLI_PATH only names a program. */
const isConnectionVariable = (name: string): boolean =>
  /^TEMPORAL_(ADDRESS|NAMESPACE|API_KEY|PROFILE|CONFIG_FILE|TLS|TLS_.+|GRPC_META_.+)$/.test(name);

/**
 * Reads TEMPORAL_* and temporal.toml as the `temporal` command line does.
 * @returns null when neither names a server
 * @throws PromptOsError ENVIRONMENT_INVALID for a profile that is missing or a file that cannot be read
 */
export function readTemporalConnection(variables: Variables): TemporalConnection | null {
  const set = setVariables(variables);
  const named = Object.keys(set).filter(isConnectionVariable).sort();
  try {
    const file = set.TEMPORAL_CONFIG_FILE;
    // The library takes a file that is missing for an empty one, and would connect to localhost.
    if (file !== undefined && !existsSync(file)) throw new Error(`there is no file ${file}`);
    const fromFile = loadClientConnectConfig({ overrideEnvVars: withoutConnection(set) });
    const fileNames =
      fromFile.namespace !== undefined ||
      Object.values(fromFile.connectionOptions).some((value) => value !== undefined);
    if (named.length === 0 && !fileNames) return null;
    const profile = `profile "${set.TEMPORAL_PROFILE ?? 'default'}" of temporal.toml`;
    return {
      ...loadClientConnectConfig({ overrideEnvVars: set }),
      named_by: fileNames ? [...named, profile] : named,
    };
  } catch (error) {
    const source = named.length === 0 ? 'temporal.toml' : named.join(', ');
    throw new PromptOsError(
      'ENVIRONMENT_INVALID',
      `The connection to Temporal cannot be read from ${source}: ${messageOf(error)}.`,
      { cause: error, hint: 'Correct the variable or the file; `temporal config list` shows what it holds.' },
    );
  }
}

/** Only what says which file and profile to read. */
const withoutConnection = (set: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(set).filter(
      ([name]) => !isConnectionVariable(name) || name === 'TEMPORAL_PROFILE' || name === 'TEMPORAL_CONFIG_FILE',
    ),
  );
