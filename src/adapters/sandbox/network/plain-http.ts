import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { pipeline } from 'node:stream';
import { NETWORK_REFUSALS, type NetworkRefusal } from '../../../contracts/record/network-log.js';
import { type AllowList, allowsPlainText, type Destination } from './allow-list.js';
import { connectDirectly, connectToProxy, NotConnected, type Outside, proxyCredentials } from './dial.js';
import { headerValues, isPlainlyFramed, namesOnly, type PlainRequest, readPlainTarget } from './read-request.js';
import type { RequestLog } from './request-log.js';

/** What requests are held against, and where they are written down. */
export interface ProxyRules {
  readonly list: AllowList;
  readonly outside: Outside;
  readonly log: RequestLog;
}

const HTTP_PORT = 80;

/** Headers that are of one connection (RFC 9110, 7.6.1), or that the proxy sets itself. */
const OF_CONNECTION = new Set([
  ...[
    'connection',
    'keep-alive',
    'proxy-connection',
    'te',
    'trailer',
    'transfer-encoding',
    'upgrade',
    'host',
    'expect',
  ],
  ...['proxy-authenticate', 'proxy-authorization', 'proxy-authentication-info'],
]);

export const isRefusal = (why: string): why is NetworkRefusal => (NETWORK_REFUSALS as readonly string[]).includes(why);

/** The answer to a refused client: a program that logs it shows why it got nothing. */
export function refusalText(why: string, destination: Destination | null): string {
  const what = destination === null ? 'the request' : `${destination.host}:${destination.port}`;
  return `The sandbox refused ${what}: ${why}. Reachable hosts are listed under network.hosts in the worker config.\n`;
}

/** The headers to pass on, name and value in turn. */
function passedHeaders({ rawHeaders }: IncomingMessage): string[] {
  const pairs = rawHeaders.flatMap((name, index) =>
    index % 2 === 0 ? [[name, rawHeaders[index + 1] ?? ''] as const] : [],
  );
  const listed = pairs
    .filter(([name]) => name.toLowerCase() === 'connection')
    .flatMap(([, value]) => value.toLowerCase().split(/[\s,]+/));
  // The length of the body is not the connection's, whatever the header says.
  const dropped = new Set([...OF_CONNECTION, ...listed.filter((name) => name !== 'content-length')]);
  return pairs.filter(([name]) => !dropped.has(name.toLowerCase())).flat();
}

/** Why a request in the clear is refused, or null. */
function refusalOf(request: IncomingMessage, { destination }: PlainRequest, list: AllowList): NetworkRefusal | null {
  if (!isPlainlyFramed(request)) return 'malformed';
  const unlisted = list.refusal(destination);
  if (unlisted !== null) return unlisted;
  if (!allowsPlainText(destination)) return 'not_tls';
  return namesOnly(request, destination, HTTP_PORT) ? null : 'other_host_header';
}

/**
 * Passes a request in the clear on. It is written from what was parsed, so the server reads what was judged here.
 * @param tunnelled where the tunnel leads that the request came through, or null for a request to the proxy itself
 */
export async function passPlainRequest(
  rules: ProxyRules,
  tunnelled: Destination | null,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { list, log, outside } = rules;
  const read = readPlainTarget(request.url ?? '', tunnelled);
  const asked = { method: 'http', destination: read?.destination ?? null } as const;
  const refuse = (why: NetworkRefusal, status = 403): void => {
    log.refused(asked, why);
    // What comes after a refused request on the same connection is not read.
    response.writeHead(status, { 'Content-Type': 'text/plain', Connection: 'close' });
    response.end(refusalText(why, asked.destination));
  };
  if (read === null) return refuse('malformed', 400);
  const refusal = refusalOf(request, read, list);
  if (refusal !== null) return refuse(refusal, refusal === 'malformed' ? 400 : 403);
  const { host, port } = read.destination;
  const proxy = outside.proxyFor('http', host, port);
  // Without it node sends the body of a GET without any framing.
  const framing = headerValues(request, 'transfer-encoding').length > 0 ? ['Transfer-Encoding', 'chunked'] : [];
  const authority = port === HTTP_PORT ? host : `${host}:${port}`;
  let socket: Socket;
  try {
    socket = await (proxy === null ? connectDirectly(list, outside, read.destination) : connectToProxy(proxy));
  } catch (error) {
    if (!(error instanceof NotConnected)) throw error;
    if (isRefusal(error.why)) return refuse(error.why);
    log.allowed(asked, error.why);
    response.writeHead(502, { 'Content-Type': 'text/plain' }).end(`${authority}: ${error.why}\n`);
    return;
  }
  log.allowed(asked);
  if (response.destroyed) {
    socket.destroy();
    return;
  }
  const onward = httpRequest({
    method: request.method ?? 'GET',
    path: proxy === null ? read.path : `http://${authority}${read.path}`,
    headers: [
      ...passedHeaders(request),
      ...framing,
      'Host',
      authority,
      ...Object.entries(proxy === null ? {} : proxyCredentials(proxy)).flat(),
    ],
    setHost: false,
    createConnection: () => socket,
  });
  const fail = () => {
    socket.destroy();
    if (response.headersSent) response.destroy();
    else response.writeHead(502, { 'Content-Type': 'text/plain' }).end(`${authority}: not_reached\n`);
  };
  onward.once('error', fail);
  // Without an error and an answer too, as when the server switches to another protocol.
  onward.once('close', () => {
    if (!response.headersSent && !response.destroyed) fail();
  });
  onward.once('response', (answer) => {
    try {
      response.writeHead(answer.statusCode ?? 502, passedHeaders(answer));
    } catch {
      return fail();
    }
    pipeline(answer, response, () => socket.destroy());
  });
  response.once('close', () => socket.destroy());
  request.pipe(onward);
}
