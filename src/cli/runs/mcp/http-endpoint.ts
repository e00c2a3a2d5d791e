import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, isIPv4 } from 'node:net';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { messageOf, PromptOsError } from '../../../contracts/errors.js';
import type { ClientServer } from './mcp-server.js';

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
