import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findServerBinary } from '../../src/embedded/temporal-cli.js';

const run = promisify(execFile);

/**
 * The `temporal` command line as an integrator has it, with no converter of ours: runs it with these arguments and
 * gives the JSON that it prints, or null when it prints none.
 */
export type TemporalCommand = (...args: readonly string[]) => Promise<unknown>;

/** The Temporal CLI that the tests' own server was started with, with the address of that server. */
export async function temporalCommand(address: string): Promise<TemporalCommand> {
  const { path } = await findServerBinary({ env: process.env });
  return async (...args) => {
    const { stdout } = await run(path, [...args, '--address', address, '--output', 'json'], {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, TEMPORAL_CONFIG_FILE: '/dev/null' },
    });
    return stdout.trim().startsWith('{') ? JSON.parse(stdout) : null;
  };
}

/** Everything that the current details show to be pasted: paragraphs that are nothing but inline code. */
export const pasteable = (details: string): readonly string[] =>
  details.split('\n\n').flatMap((part) => /^`([^`]+)`$/.exec(part)?.[1] ?? []);

/** The JSON under the name of a signal. */
export function shownJson(details: string, signal: string): string {
  const parts = details.split('\n\n');
  const json = parts[parts.findIndex((part) => part.startsWith(`**${signal}**`)) + 1] ?? '';
  if (!/^`\{.*\}`$/.test(json)) throw new Error(`the details show no JSON for ${signal}:\n${details}`);
  return json.slice(1, -1);
}
