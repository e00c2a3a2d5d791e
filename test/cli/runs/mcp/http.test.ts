import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type OutgoingHttpHeaders, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { PROMPTOS } from '../../../support/built-package.js';
import { createGovernedWorker, type GovernedWorker, type WorkedRun } from '../../../support/governed-worker.js';
import { connectCaller, type McpHome, makeMcpHome } from '../../../support/mcp-client.js';
import { type McpHttpServer, startMcpHttp } from '../../../support/mcp-http.js';

/*
 * Streamable HTTP of the built program. Every user and every web page of the machine reaches a loopback address.
 */

const OWN_TOKEN = 'a-token-of-the-test-0123456789-abcdef';

let site: GovernedWorker;
let home: McpHome;
let run: WorkedRun;
let server: McpHttpServer;
beforeAll(async () => {
  site = await createGovernedWorker({ address: inject('temporalAddress') });
  home = await makeMcpHome(site, inject('temporalAddress'));
  run = await site.startRun();
  await run.awaitDecision('P00');
  server = await startMcpHttp(home);
});
afterAll(async () => {
  await server?.stop('SIGTERM');
  await site.close();
});

const connect = ({ url, token }: McpHttpServer) => {
  const transport = new StreamableHTTPClientTransport(url, {
    requestInit: { headers: { authorization: `Bearer ${token}` } },
  });
  return { transport, caller: connectCaller(transport) };
};

const HELLO = {
  ...{ jsonrpc: '2.0', id: 1, method: 'initialize' },
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
};

interface Raw {
  readonly headers?: OutgoingHttpHeaders;
  readonly method?: string;
  readonly path?: string;
  readonly body?: object | null;
}

/** A request with any headers at all. */
async function raw(
  { url, token }: McpHttpServer,
  { headers = {}, method = 'POST', path = url.pathname, body = HELLO }: Raw,
) {
  const sent = request({
    ...{ host: url.hostname, port: url.port, path, method },
    headers: {
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      authorization: `Bearer ${token}`,
      ...headers,
    },
  });
  sent.end(body === null ? undefined : JSON.stringify(body));
  const [response] = await once(sent, 'response');
  return { status: response.statusCode as number, headers: response.headers, body: await text(response) };
}

describe('mcp --http', () => {
  test('with the token: a client lists tools and reads, and its session ends when it says so', async () => {
    const { transport, caller } = connect(server);
    const { client, call } = await caller;
    expect((await client.listTools()).tools.length).toBeGreaterThan(4);
    expect((await call('get_run', { run: run.runId })).data.status).toMatchObject({ run_id: run.runId, phase: 'open' });
    const about = { run: run.runId };
    const { artifacts } = (await call('list_artifacts', about)).data as { artifacts: readonly { path: string }[] };
    const read = await call('read_artifact', { ...about, path: artifacts[0]?.path });
    expect(read.data).toMatchObject({ path: artifacts[0]?.path, content: expect.stringMatching(/\w/) });
    expect((await call('read_artifact', { ...about, path: '../../policy.yaml' })).error?.code).toBe(
      'ARTIFACT_NOT_FOUND',
    );
    expect((await call('read_ledger', about)).data).toMatchObject({
      entries: expect.arrayContaining([expect.objectContaining({ type: 'runOpened' })]),
    });
    const session = { 'mcp-session-id': transport.sessionId };
    await transport.terminateSession();
    expect(
      await raw(server, { headers: session, body: { jsonrpc: '2.0', id: 2, method: 'tools/list' } }),
    ).toMatchObject({
      status: 404,
    });
    await client.close();
  });

  test.each([
    ['no token', { headers: { authorization: '' } }, 401],
    ['another token', { headers: { authorization: `Bearer ${'0'.repeat(64)}` } }, 401],
    ['the token in the address', { path: '/mcp?token=TOKEN&access_token=TOKEN', headers: { authorization: '' } }, 401],
    ['the token by another scheme', { headers: { authorization: `Basic ${'0'.repeat(64)}` } }, 401],
    ['a Host that leads here by DNS', { headers: { host: 'evil.example:80' } }, 403],
    ['the Origin of a web page', { headers: { origin: 'https://evil.example' } }, 403],
    ['the Origin of a page without one', { headers: { origin: 'null' } }, 403],
    ['another path', { path: '/' }, 404],
    ['a path that is no address', { path: '//' }, 404],
    ['a session that is not there', { headers: { 'mcp-session-id': 'nothing' } }, 404],
    ['a call without a session', { body: { jsonrpc: '2.0', id: 2, method: 'tools/list' } }, 400],
    ['no JSON', { headers: { 'content-type': 'text/plain' } }, 415],
    ['another method', { method: 'PUT' }, 405],
  ] as const)('%s: refused', async (_, how, status) => {
    const answer = await raw(server, how);
    expect({ status: answer.status, started: answer.headers['mcp-session-id'] }).toEqual({
      status,
      started: undefined,
    });
    expect(JSON.parse(answer.body)).toMatchObject({ error: { message: expect.stringMatching(/\w/) } });
    if (status === 401) expect(answer.headers['www-authenticate']).toMatch(/^Bearer/);
  });

  test('the own Origin and localhost as the Host: answered', async () => {
    const host = `localhost:${server.url.port}`;
    const answer = await raw(server, { headers: { host, origin: `http://${host}` } });
    expect(answer).toMatchObject({ status: 200, headers: { 'mcp-session-id': expect.any(String) } });
  });

  test('more sessions than there is room for: the one that was not used for the longest ends', async () => {
    const begin = async () => String((await raw(server, {})).headers['mcp-session-id']);
    const list = (id: string) =>
      raw(server, { headers: { 'mcp-session-id': id }, body: { jsonrpc: '2.0', id: 2, method: 'tools/list' } });
    const stale = await begin();
    const used = await begin();
    for (let count = 0; count < 31; count += 1) {
      await begin();
      expect((await list(used)).status).toBe(200);
    }
    expect((await list(stale)).status).toBe(404);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('%s: ends with 0, also while a client is there', async (signal) => {
    const other = await startMcpHttp(home, { PROMPTOS_MCP_TOKEN: OWN_TOKEN });
    const { client } = await connect(other).caller;
    expect(await other.stop(signal)).toBe(0);
    expect(other.lines.map((line) => JSON.parse(line).event)).toEqual(['ready', 'stopped']);
    // The token of the variable is not printed.
    expect(other.lines.join('\n')).not.toContain(OWN_TOKEN);
    await client.close();
  });

  test.each([
    [['--http', '0.0.0.0:0'], {}, /USAGE: --http: expected a loopback address, received "0\.0\.0\.0"/],
    [['--http', 'example.org:3917'], {}, /USAGE: --http: expected a loopback address/],
    [['--http', 'port'], {}, /USAGE: --http: expected \[HOST:\]PORT, received "port"/],
    [['--http', '0'], { PROMPTOS_MCP_TOKEN: 'short' }, /ENVIRONMENT_INVALID: PROMPTOS_MCP_TOKEN: .* received 5/],
  ])('%j: exit 2', async (args, env, said) => {
    const child = spawn(PROMPTOS, ['mcp', '--as', 'nina', ...args], { cwd: home.cwd, env: { ...home.env, ...env } });
    const exited = once(child, 'exit');
    expect(await text(child.stderr)).toMatch(said);
    expect((await exited)[0]).toBe(2);
  });
});
