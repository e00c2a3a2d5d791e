import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, isIPv4 } from 'node:net';
import { resolve } from 'node:path';
import process from 'node:process';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { describeKeyFile } from '../../../adapters/keys/key-files.js';
import { readPolicy } from '../../../config/policy-file.js';
import { messageOf, PromptOsError } from '../../../contracts/errors.js';
import { own } from '../../../contracts/json.js';
import type { CommandContext } from '../../app/context.js';
import { createOutput } from '../../app/output.js';
import { findProject, type Project, projectPolicies } from '../../app/project.js';
import { stopSignal } from '../../app/stop-signal.js';
import { type ClientServer, createMcpServer } from './mcp-server.js';
import type { McpSession } from './tool.js';

export interface McpOptions {
  readonly as: string;
  readonly key?: string;
  readonly http?: string;
  readonly claimant?: string;
  /** Of this program, for clients to show. */
  readonly version: string;
}

/**
 * `mcp`: serves until the client goes, or SIGINT or SIGTERM.
 * @throws PromptOsError USAGE, POLICY_NOT_FOUND, POLICY_INVALID, KEY_NOT_FOUND, KEY_NOT_READABLE, ENVIRONMENT_INVALID
 */
export async function serveMcp(
  context: CommandContext,
  { as, key, http, claimant, version }: McpOptions,
): Promise<void> {
  const address = http === undefined ? null : readHttpAddress(http);
  const project = await findProject(context);
  await requirePrincipal(project, as);
  // A passphrase is asked for when something is signed, a wrong name is said now.
  if (key !== undefined) await describeKeyFile(resolve(context.cwd, key));
  const quiet = withoutStandardOutput(context);
  const session: McpSession = { context: quiet, principal: as, key, claimant, inTurn: createTurns() };
  if (address === null) return serveStdio(session, version);
  const given = project.environment.promptos.PROMPTOS_MCP_TOKEN;
  const token = given === undefined ? randomBytes(TOKEN_BYTES).toString('hex') : requireStrong(given);
  const output = context.output();
  const stopped = stopSignal();
  const endpoint = await openHttpEndpoint({
    address,
    token,
    createServer: () => createMcpServer(session, version),
    note: output.note,
  });
  output.say(`serves  ${endpoint.url} as ${as}`);
  output.say(given === undefined ? `token   ${token}` : 'token   that of PROMPTOS_MCP_TOKEN');
  output.emit({ event: 'ready', url: endpoint.url, principal: as, ...(given === undefined ? { token } : {}) });
  await stopped;
  await endpoint.close();
  output.emit({ event: 'stopped' });
}

async function serveStdio(session: McpSession, version: string): Promise<void> {
  const { protocol, settled } = createMcpServer(session, version);
  const ended = new Promise<void>((end) => process.stdin.once('end', end).once('close', end));
  await protocol.connect(new StdioServerTransport(process.stdin, process.stdout));
  session.context.output().note(`promptos mcp: serves on standard input and output as ${session.principal}`);
  await Promise.race([ended, stopSignal()]);
  await settled();
  await protocol.close();
}

/** Whether a principal of a policy that counts here is meant. @throws PromptOsError USAGE, POLICY_NOT_FOUND, POLICY_INVALID */
async function requirePrincipal(project: Project, name: string): Promise<void> {
  const files = (await projectPolicies(project)).filter((file) => existsSync(file));
  const policies = await Promise.all((files.length === 0 ? [project.files.policy] : files).map(readPolicy));
  if (policies.some(({ policy }) => own(policy.principals, name) !== undefined)) return;
  const known = [...new Set(policies.flatMap(({ policy }) => Object.keys(policy.principals)))];
  throw new PromptOsError(
    'USAGE',
    `--as: expected a principal of the policy (${known.join(', ')}), received ${JSON.stringify(name)}.`,
    { hint: 'Name the principal that the client works as; the policy lists them under principals.' },
  );
}

function createTurns(): McpSession['inTurn'] {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const turn = last.then(work);
    last = turn.catch(() => undefined);
    return turn;
  };
}

const TOKEN_BYTES = 32;
/** 32 hexadecimal digits have 128 bits. */
const LEAST_TOKEN = 32;

/** @throws PromptOsError ENVIRONMENT_INVALID, which does not show the token */
function requireStrong(token: string): string {
  if (token.length >= LEAST_TOKEN && /^[\x21-\x7e]+$/.test(token)) return token;
  throw new PromptOsError(
    'ENVIRONMENT_INVALID',
    `PROMPTOS_MCP_TOKEN: expected at least ${LEAST_TOKEN} characters without spaces, received ${token.length}.`,
    { hint: 'Set it to what `openssl rand -hex 32` prints, or unset it: the server then makes one and prints it.' },
  );
}

/** For the tools: they work as commands do, and what those say to a person goes to standard error. */
const withoutStandardOutput = (context: CommandContext): CommandContext => {
  const { stderr } = process;
  const output = createOutput({ json: false, stdout: stderr, stderr, stdinIsTerminal: false, noColor: true });
  const { cwd, env, program } = context;
  return { cwd, env, ...(program === undefined ? {} : { program }), exit: () => undefined, output: () => output };
};

interface HttpAddress {
  /** To listen on. */
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
}

const MOST_PORT = 65_535;
const LOOPBACK_HOST = '127.0.0.1';

/** Only this machine reaches these: what listens there needs no TLS. */
const isLoopback = (host: string): boolean => (isIPv4(host) && host.startsWith('127.')) || host === '::1';

/**
 * What `--http` names: `3917`, `127.0.0.1:3917`, `localhost:3917`, `[::1]:3917`.
 * @throws PromptOsError USAGE for anything else, and for an address that other machines reach
 */
export function readHttpAddress(text: string): HttpAddress {
  const [, named, digits] = /^(?:(.+):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > MOST_PORT) {
    throw new PromptOsError('USAGE', `--http: expected [HOST:]PORT, received ${JSON.stringify(text)}.`);
  }
  const bare = named?.replace(/^\[(.*)\]$/, '$1') ?? LOOPBACK_HOST;
  const host = bare === 'localhost' ? LOOPBACK_HOST : bare;
  if (isLoopback(host)) return { host, port };
  throw new PromptOsError('USAGE', `--http: expected a loopback address, received ${JSON.stringify(named)}.`, {
    hint: 'Use 127.0.0.1, localhost or [::1]; another machine reaches it through a tunnel of its own, such as ssh -L.',
  });
}

/** What a client on this machine writes into the Host header. */
function hostHeaders({ host, port }: HttpAddress): readonly string[] {
  const own = host.includes(':') ? `[${host}]` : host;
  return [own, 'localhost'].map((name) => `${name}:${port}`);
}

const PATH = '/mcp';
/** Sessions at once; one more ends the one that was not used for the longest. */
const MOST_SESSIONS = 32;
/** Bytes of one request: an output with its patch. */
const MOST_BYTES = 64 * 1_048_576;

interface HttpEndpoint {
  readonly url: string;
  /** Ends every session and stops listening. */
  close(): Promise<void>;
}

interface HttpSession {
  readonly server: ClientServer;
  readonly transport: StreamableHTTPServerTransport;
  used: number;
}

interface HttpEndpointOptions {
  readonly address: HttpAddress;
  /** What every request must bring as its bearer token. */
  readonly token: string;
  readonly createServer: () => ClientServer;
  readonly note: (text: string) => void;
}

/**
 * Serves MCP over streamable HTTP on a loopback address. Every user and every program of the machine reaches such an
 * address, and so does a web page through a name that leads there: requests need the token, and headers that name it.
 * @throws PromptOsError USAGE when the port is taken
 */
export async function openHttpEndpoint(options: HttpEndpointOptions): Promise<HttpEndpoint> {
  const { token, note } = options;
  const sessions = new Map<string, HttpSession>();
  let hosts: readonly string[] = [];
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const refusal = refusalOf(request, hosts, token);
    if (refusal !== null) return refuse(response, refusal);
    const id = request.headers['mcp-session-id'];
    const known = typeof id === 'string' ? sessions.get(id) : undefined;
    // A client starts a new session when its old one is not found.
    if (id !== undefined && known === undefined) return refuse(response, { status: 404, text: 'No such session' });
    const { transport } = known ?? (await begin());
    if (known !== undefined) known.used = performance.now();
    await transport.handleRequest(request, response);
    if (transport.sessionId === undefined) await transport.close();
  };
  const begin = async (): Promise<HttpSession> => {
    const server = options.createServer();
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      maxRequestBodySize: MOST_BYTES,
      onsessioninitialized: (id) => {
        if (sessions.size >= MOST_SESSIONS) void leastUsed(sessions)?.server.protocol.close();
        sessions.set(id, session);
      },
    });
    const session: HttpSession = { server, transport, used: performance.now() };
    await server.protocol.connect(transport);
    server.protocol.server.onclose = () => void sessions.delete(transport.sessionId ?? '');
    return session;
  };
  const http = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      note(`error of a request: ${messageOf(error)}`);
      if (response.headersSent) response.destroy();
      else refuse(response, { status: 500, text: 'Internal error' });
    });
  });
  const port = await listen(http, options.address);
  hosts = hostHeaders({ ...options.address, port });
  return {
    url: `http://${hosts[0]}${PATH}`,
    close: async () => {
      const stopped = new Promise<void>((done) => http.close(() => done()));
      await Promise.all([...sessions.values()].map(({ server }) => server.settled()));
      await Promise.all([...sessions.values()].map(({ server }) => server.protocol.close()));
      http.closeAllConnections();
      await stopped;
    },
  };
}

async function listen(http: ReturnType<typeof createServer>, { host, port }: HttpAddress): Promise<number> {
  await new Promise<void>((listening, failed) => {
    const refused = (error: Error) =>
      failed(
        new PromptOsError('USAGE', `--http: cannot listen on ${host}, port ${port}: ${error.message}.`, {
          cause: error,
          hint: 'Name another port, or 0 for any that is free.',
        }),
      );
    http.once('error', refused).listen(port, host, () => {
      http.off('error', refused);
      listening();
    });
  });
  return (http.address() as AddressInfo).port;
}

interface Refusal {
  readonly status: number;
  readonly text: string;
}

/** Why a request is not answered; null for one that is. */
function refusalOf({ headers, url }: IncomingMessage, hosts: readonly string[], token: string): Refusal | null {
  const { host, origin, authorization } = headers;
  if (host === undefined || !hosts.includes(host.toLowerCase())) {
    return { status: 403, text: `Expected the Host ${hosts.join(' or ')}` };
  }
  if (origin !== undefined && !hosts.includes(origin.toLowerCase().replace(/^http:\/\//, ''))) {
    return { status: 403, text: 'Expected no Origin but the own' };
  }
  const given = /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  if (given === undefined || !sameSecret(given, token)) {
    return { status: 401, text: 'Expected the bearer token that the server printed, or that PROMPTOS_MCP_TOKEN names' };
  }
  return url?.split('?')[0] === PATH ? null : { status: 404, text: `Expected the path ${PATH}` };
}

/** Whether two secrets are equal, in a time that says nothing of where they differ. */
const sameSecret = (one: string, other: string): boolean => timingSafeEqual(digest(one), digest(other));
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

const leastUsed = (sessions: ReadonlyMap<string, HttpSession>): HttpSession | undefined =>
  [...sessions.values()].sort((one, other) => one.used - other.used)[0];

function refuse(response: ServerResponse, { status, text }: Refusal): void {
  const challenge = status === 401 ? { 'www-authenticate': 'Bearer realm="promptos mcp"' } : {};
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close', ...challenge });
  response.end(JSON.stringify({ jsonrpc: '2.0', error: { code: -32_000, message: `${text}.` }, id: null }));
}
