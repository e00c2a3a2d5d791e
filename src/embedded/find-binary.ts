import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { PromptOsError } from '../contracts/errors.js';
import type { Environment } from './cache-folder.js';
import { isExecutable, readCliVersion } from './cli-version.js';
import { type FetchToolOptions, fetchTool } from './fetch-tool.js';
import { TEMPORAL_CLI, TEMPORAL_TEST_SERVER } from './tool-pins.js';

/** A Temporal CLI that can run the embedded server. */
export interface ServerBinary {
  readonly path: string;
  readonly version: string;
  readonly origin: 'TEMPORAL_CLI_PATH' | 'PATH' | 'cache';
}

/** Relative entries are passed over: what lies in the current folder belongs to whoever wrote the repository. */
async function findOnPath(name: string, env: Environment): Promise<string | null> {
  for (const folder of (env.PATH ?? '').split(delimiter).filter((entry) => isAbsolute(entry))) {
    const candidate = join(folder, name);
    if (await isExecutable(candidate)) return candidate;
  }
  return null;
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

  const installed = await findOnPath(TEMPORAL_CLI.executable, options.env);
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

/**
 * The time-skipping test server: the one that `TEMPORAL_TEST_SERVER_PATH` names, else the pinned one.
 * @throws PromptOsError SERVER_BINARY_MISSING, SERVER_BINARY_CORRUPT
 */
export async function findTestServer(options: FetchToolOptions): Promise<string> {
  const named = options.env.TEMPORAL_TEST_SERVER_PATH;
  if (!named) return fetchTool(TEMPORAL_TEST_SERVER, options);
  if (await isExecutable(named)) return resolve(named);
  throw new PromptOsError(
    'SERVER_BINARY_MISSING',
    `TEMPORAL_TEST_SERVER_PATH names ${resolve(named)}, which is not an executable file.`,
    { hint: 'Correct or unset the variable.' },
  );
}
