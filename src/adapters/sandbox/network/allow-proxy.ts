import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { NetworkLog, NetworkRefusal } from '../../../contracts/record/network-log.js';
import { createAllowList, type Destination } from './allow-list.js';
import type { Outside } from './dial.js';
import { type ProxyRules, passPlainRequest } from './plain-http.js';
import { createRequestLog } from './request-log.js';
import { openTunnel } from './tunnel.js';

const MAX_CONNECTIONS = 256;
const MAX_HEAD_BYTES = 32 * 1_024;
const HEAD_TIMEOUT_MS = 10_000;

/** The allow-listing proxy of one program. */
export interface AllowProxy {
  /** Ends every connection. @returns what was asked for */
  close(): Promise<NetworkLog>;
}

/** What node's parser says of a head that it does not accept. */
const HEAD_PROBLEMS: Readonly<Record<string, { readonly why: NetworkRefusal; readonly status: string }>> = {
  HPE_HEADER_OVERFLOW: { why: 'head_too_long', status: '431 Request Header Fields Too Large' },
  ERR_HTTP_REQUEST_TIMEOUT: { why: 'too_slow', status: '408 Request Timeout' },
};
const MALFORMED = { why: 'malformed', status: '400 Bad Request' } as const;
/** The client went away, which is no request. */
const GONE = ['ECONNRESET', 'EPIPE', 'HPE_INVALID_EOF_STATE'];

/**
 * Listens on a Unix socket for one program, and lets through what the list allows. Node's own strict parser reads the requests:
 * it refuses two lengths, folded headers and bare line feeds.
 * @param socketPath where the socket is made
 */
export async function startAllowProxy(
  socketPath: string,
  hosts: readonly string[],
  outside: Outside,
): Promise<AllowProxy> {
  const log = createRequestLog(hosts);
  const rules: ProxyRules = { list: createAllowList(hosts), outside, log };
  const sockets = new Set<Duplex>();
  const tunnelled = new WeakMap<Duplex, Destination>();
  const server = createServer({
    maxHeaderSize: MAX_HEAD_BYTES,
    headersTimeout: HEAD_TIMEOUT_MS,
    // An upload may take as long as the program has.
    requestTimeout: 0,
    keepAliveTimeout: 5_000,
    connectionsCheckingInterval: 1_000,
    insecureHTTPParser: false,
    // HTTP/1.0 has none; one that is there is judged.
    requireHostHeader: false,
  });
  server.maxConnections = MAX_CONNECTIONS;
  const drop = (client: Duplex) => () => client.destroy();
  const acceptPlain = (client: Duplex, destination: Destination): void => {
    tunnelled.set(client, destination);
    server.emit('connection', client);
  };
  server.on('connection', (socket: Socket) => {
    if (sockets.has(socket)) return;
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('drop', () => log.refused({ method: null, destination: null }, 'too_many_connections'));
  server.on('connect', (request: IncomingMessage, client: Duplex, head: Buffer) => {
    // A tunnel inside a tunnel would be one to a place that is not looked at.
    if (tunnelled.has(client)) return drop(client)();
    openTunnel(rules, acceptPlain, request, client, head).catch(drop(client));
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const destination = tunnelled.get(request.socket) ?? null;
    passPlainRequest(rules, destination, request, response).catch(drop(request.socket));
  });
  server.on('clientError', (error: Error, client: Duplex) => {
    const code = 'code' in error ? String(error.code) : '';
    const silent = 'bytesRead' in client && client.bytesRead === 0;
    if (!GONE.includes(code) && !silent) {
      const { why, status } = HEAD_PROBLEMS[code] ?? MALFORMED;
      log.refused({ method: null, destination: null }, why);
      if (client.writable) client.write(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
    }
    client.destroy();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
  return {
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
      return log.read();
    },
  };
}
