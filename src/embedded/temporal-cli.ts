import { resolve } from 'node:path';
import gte from 'semver/functions/gte.js';
import { findProgram, isProgram } from '../adapters/platform/find-program.js';
import { PromptOsError } from '../contracts/errors.js';
import { type FetchToolOptions, fetchTool } from './fetch-tool.js';
import { TEMPORAL_CLI } from './tool-pins.js';

export const SERVER_IP = '127.0.0.1';
export const SERVER_NAMESPACE = 'default';

/** Seconds for which the server keeps ended runs: 30 days; its own default of one day is over before a review is. */
export const RETENTION_SECONDS = 30 * 24 * 3_600;

interface ServerSetting {
  readonly arguments: readonly string[];
  readonly reason: string;
  /** The first version of the Temporal CLI that is known to take it. */
  readonly since?: string;
}

/** How the dev server is run, each setting with its reason. Together they make a run about twice as quick as plain `start-dev` does. */
export const SERVER_SETTINGS: readonly ServerSetting[] = [
  {
    arguments: ['--ip', SERVER_IP],
    reason: 'The server has no authentication: only this machine reaches it, and never by IPv6.',
  },
  {
    arguments: ['--sqlite-pragma', 'journal_mode=wal'],
    reason: 'A write-ahead log needs one sync for each commit; the default rollback journal needs several.',
  },
  {
    arguments: ['--sqlite-pragma', 'synchronous=full'],
    reason: 'What was acknowledged survives a power cut; `normal` is quicker, but may lose the last commits.',
  },
  {
    arguments: ['--dynamic-config-value', 'history.transferProcessorMaxPollRPS=1000'],
    reason: 'The default of 20 polls a second adds some 25 ms before every workflow task.',
  },
  {
    arguments: ['--log-format', 'json', '--log-level', 'warn'],
    reason: 'The log stays small and its last lines explain a failed start.',
  },
  {
    arguments: ['--ui-disable-news-fetch'],
    reason: 'The embedded server asks nothing of the internet.',
    since: '1.9.1',
  },
];

interface ServerArgumentsInput {
  readonly version: string;
  readonly port: number;
  readonly uiPort: number;
  /** Relative to the folder that the server runs in: a path with `?`, `#` or `%` would not survive in SQLite's URL. */
  readonly databaseFile: string;
}

export const serverArguments = ({ version, port, uiPort, databaseFile }: ServerArgumentsInput): string[] => [
  'server',
  'start-dev',
  ...['--port', String(port), '--ui-port', String(uiPort), '--db-filename', databaseFile],
  ...SERVER_SETTINGS.filter(({ since }) => since === undefined || gte(version, since)).flatMap(
    (setting) => setting.arguments,
  ),
];

/** The oldest Temporal CLI that takes these settings: tried with 1.5.1 (server 1.29.1). */
export const OLDEST_CLI = '1.5.1';

export interface ServerBinary {
  readonly path: string;
  readonly version: string;
  readonly origin: 'TEMPORAL_CLI_PATH' | 'PATH' | 'cache';
}

/** The version that a Temporal CLI says it has, or the reason why it cannot be used. */
export async function readCliVersion(
  path: string,
): Promise<{ readonly version: string } | { readonly problem: string }> {
  if (!isProgram(path)) return { problem: 'it is not an executable file' };
  const { execa } = await import('execa');
  const result = await execa(path, ['--version'], { reject: false, stdin: 'ignore', timeout: 20_000 });
  const version = /^temporal version (\d+\.\d+\.\d+)/m.exec(result.stdout ?? '')?.[1];
  if (version === undefined) return { problem: 'it did not answer --version as a Temporal CLI does' };
  if (!gte(version, OLDEST_CLI)) return { problem: `expected version ${OLDEST_CLI} or newer, received ${version}` };
  return { version };
}

/**
 * A Temporal CLI: the one that `TEMPORAL_CLI_PATH` names and no other, else one on PATH that is new enough, else the
 * pinned one, which is fetched when the cache lacks it.
 * @throws PromptOsError SERVER_BINARY_MISSING, SERVER_BINARY_CORRUPT
 */
export async function findServerBinary(options: FetchToolOptions): Promise<ServerBinary> {
  const named = options.env.TEMPORAL_CLI_PATH;
  if (named) {
    const path = resolve(named);
    const answer = await readCliVersion(path);
    if ('version' in answer) return { path, version: answer.version, origin: 'TEMPORAL_CLI_PATH' };
    throw new PromptOsError('SERVER_BINARY_MISSING', `TEMPORAL_CLI_PATH names ${path}: ${answer.problem}.`);
  }

  const installed = findProgram(TEMPORAL_CLI.executable, options.env.PATH);
  const answer = installed === null ? { problem: 'there is none' } : await readCliVersion(installed);
  if (installed !== null && 'version' in answer) return { path: installed, version: answer.version, origin: 'PATH' };
  try {
    return { path: await fetchTool(TEMPORAL_CLI, options), version: TEMPORAL_CLI.version, origin: 'cache' };
  } catch (error) {
    if (!(error instanceof PromptOsError) || error.code !== 'SERVER_BINARY_MISSING' || !('problem' in answer))
      throw error;
    const onPath = `${installed ?? '`temporal` on PATH'}: ${answer.problem}`;
    throw new PromptOsError('SERVER_BINARY_MISSING', `${error.summary} ${onPath}.`, { cause: error });
  }
}
