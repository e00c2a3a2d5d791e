import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { PROMPTOS } from './built-package.js';
import type { GovernedWorker } from './governed-worker.js';
import { makeSiteHome } from './site-home.js';

/** What a tool gave, as its caller sees it. */
interface ToolAnswer {
  /** Of a result that is no error. */
  readonly data: Readonly<Record<string, unknown>>;
  /** Of a result that is one. */
  readonly error: { readonly code: string; readonly message: string; readonly next: string } | null;
  readonly text: string;
}

/** A client of a server, such as an editor. */
export interface McpCaller {
  readonly client: Client;
  call(name: string, given?: Readonly<Record<string, unknown>>): Promise<ToolAnswer>;
}

/** Where `promptos mcp` works on the runs of a site. */
export interface McpHome {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A home for the runs of a site, with their policy. */
export async function makeMcpHome(site: GovernedWorker, address: string): Promise<McpHome> {
  const { cwd, env } = await makeSiteHome(site, address);
  await writeFile(join(cwd, 'policy.yaml'), await site.store.readObject(site.repository.run.policy_sha256));
  const set = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { cwd, env: Object.fromEntries(set) };
}

/** The library's own client over a transport. */
export async function connectCaller(transport: Transport): Promise<McpCaller> {
  const client = new Client({ name: 'test', version: '1.0.0' });
  await client.connect(transport);
  return {
    client,
    call: async (name, given = {}) => {
      const { content, structuredContent, isError } = await client.callTool({ name, arguments: { ...given } });
      const [first] = content as readonly { readonly text: string }[];
      const text = first?.text ?? '';
      if (isError !== true) return { data: structuredContent as ToolAnswer['data'], error: null, text };
      return { data: {}, error: JSON.parse(text).error, text };
    },
  };
}

/** A server process of its own, as an MCP client starts it. */
export const startServer = (
  principal: string,
  { cwd, env }: McpHome,
  more: readonly string[] = [],
): Promise<McpCaller> =>
  connectCaller(
    new StdioClientTransport({
      command: process.execPath,
      args: [PROMPTOS, 'mcp', '--as', principal, ...more],
      cwd,
      env: { ...env },
      stderr: 'ignore',
    }),
  );
