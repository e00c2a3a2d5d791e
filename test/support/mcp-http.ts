import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { PROMPTOS } from './built-package.js';
import { firstLine } from './first-line.js';
import type { McpHome } from './mcp-client.js';

/** A `promptos mcp --http` of the built program. */
export interface McpHttpServer {
  readonly url: URL;
  readonly token: string;
  /** What it has printed on its standard output. */
  readonly lines: readonly string[];
  /** @returns its exit code */
  stop(signal: NodeJS.Signals): Promise<number | null>;
}

/** Starts a server for Nina on a free port. @param env added to that of the home */
export async function startMcpHttp(home: McpHome, env: Readonly<Record<string, string>> = {}): Promise<McpHttpServer> {
  const child: ChildProcessByStdio<null, Readable, null> = spawn(
    process.execPath,
    [PROMPTOS, 'mcp', '--as', 'nina', '--http', '0', '--json'],
    { cwd: home.cwd, env: { ...home.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exited = once(child, 'exit');
  const lines: string[] = [];
  createInterface(child.stdout).on('line', (line) => lines.push(line));
  const { url, token } = JSON.parse(await firstLine(child));
  return {
    ...{ url: new URL(url), token: token ?? env.PROMPTOS_MCP_TOKEN, lines },
    stop: async (signal) => {
      child.kill(signal);
      const [code] = await exited;
      return code;
    },
  };
}
