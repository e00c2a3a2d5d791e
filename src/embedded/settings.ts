import gte from 'semver/functions/gte.js';

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
