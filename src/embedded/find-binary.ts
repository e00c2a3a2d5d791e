import { resolve } from 'node:path';
import gte from 'semver/functions/gte.js';
import { findProgram, isProgram } from '../adapters/platform/find-program.js';
import { PromptOsError } from '../contracts/errors.js';
import { type FetchToolOptions, fetchTool } from './fetch-tool.js';
import { TEMPORAL_CLI } from './tool-pins.js';

/** The oldest Temporal CLI that takes the settings of `settings.ts`: tried with 1.5.1 (server 1.29.1). */
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
