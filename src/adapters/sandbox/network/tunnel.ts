import type { IncomingMessage } from 'node:http';
import { isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { NetworkRefusal } from '../../../contracts/record/network-log.js';
import { allowsPlainText, type Destination } from './allow-list.js';
import { type FirstBytes, readFirstBytes } from './client-hello.js';
import { dialTunnel, NotConnected } from './dial.js';
import { isRefusal, type ProxyRules, refusalText } from './plain-http.js';
import { namesOnly, readAuthority } from './read-request.js';

/** A client sends its ClientHello at once. */
const FIRST_BYTES_TIMEOUT_MS = 10_000;

/** The alert "unrecognized_name" of TLS, so that the client says what was wrong. */
const UNRECOGNISED_NAME = Buffer.from([21, 3, 1, 0, 2, 2, 112]);

/** Takes over a tunnel in which a request in the clear comes. */
export type AcceptPlain = (client: Duplex, destination: Destination) => void;

function answer(client: Duplex, status: string, text: string): void {
  client.end(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\nContent-Length: ${text.length}\r\nConnection: close\r\n\r\n${text}`,
  );
}

/** Why the first bytes in a tunnel are refused, or null. */
function refusalOf(first: FirstBytes, { host }: Destination): NetworkRefusal | null {
  if (first.kind !== 'client_hello') return 'not_tls';
  if (first.encrypted) return 'encrypted_server_name';
  // Addresses have no server name.
  const expected = isIP(host) === 0 ? host : null;
  return first.server_name === expected ? null : 'other_server_name';
}

type Arrived = { readonly bytes: Buffer; readonly first: FirstBytes } | 'too_slow' | 'gone';

/** Reads until it is known what comes. */
const untilFirstBytes = (client: Duplex, head: Buffer): Promise<Arrived> =>
  new Promise((resolve) => {
    let bytes = head;
    const end = (result: Arrived) => {
      clearTimeout(timer);
      client.removeListener('readable', take);
      client.removeListener('end', gone);
      client.removeListener('close', gone);
      resolve(result);
    };
    const gone = () => end('gone');
    const timer = setTimeout(() => end('too_slow'), FIRST_BYTES_TIMEOUT_MS);
    const take = () => {
      for (let chunk: Buffer | null = client.read(); chunk !== null; chunk = client.read()) {
        bytes = Buffer.concat([bytes, chunk]);
      }
      const first = readFirstBytes(bytes);
      if (first.kind !== 'incomplete') end({ bytes, first });
    };
    client.on('readable', take);
    client.once('end', gone);
    client.once('close', gone);
    take();
  });

/** Joins two connections until both have ended; when one breaks, so does the other. */
function join(client: Duplex, server: Socket): void {
  client.pipe(server);
  server.pipe(client);
  client.once('close', () => server.destroy());
  server.once('close', () => client.destroy());
}

/**
 * Answers a CONNECT. The allow-list judges its target; the first bytes in the tunnel show whether it is TLS to the same name.
 * @param head what came after the request's head
 */
export async function openTunnel(
  rules: ProxyRules,
  acceptPlain: AcceptPlain,
  request: IncomingMessage,
  client: Duplex,
  head: Buffer,
): Promise<void> {
  const { list, log, outside } = rules;
  const destination = readAuthority(request.url ?? '', null);
  const asked = { method: 'connect', destination } as const;
  if (destination === null) {
    log.refused(asked, 'malformed');
    return answer(client, '400 Bad Request', refusalText('malformed', null));
  }
  const unlisted = list.refusal(destination);
  const refusal = unlisted ?? (namesOnly(request, destination, destination.port) ? null : 'other_host_header');
  const refuse = (why: NetworkRefusal) => {
    log.refused(asked, why);
    answer(client, '403 Forbidden', refusalText(why, destination));
  };
  if (refusal !== null) return refuse(refusal);
  let server: Socket;
  try {
    server = await dialTunnel(list, outside, destination);
  } catch (error) {
    if (!(error instanceof NotConnected)) throw error;
    if (isRefusal(error.why)) return refuse(error.why);
    log.allowed(asked, error.why);
    return answer(client, '502 Bad Gateway', `${destination.host}:${destination.port}: ${error.why}\n`);
  }
  // The client may have gone while the server was dialled, as when the proxy was closed.
  if (client.destroyed) {
    server.destroy();
    return;
  }
  client.once('close', () => server.destroy());
  client.write('HTTP/1.1 200 Connection established\r\n\r\n');
  const came = await untilFirstBytes(client, head);
  if (typeof came === 'string') {
    if (came === 'too_slow') log.refused(asked, came);
    else log.allowed(asked);
    client.destroy();
    server.destroy();
    return;
  }
  const { first, bytes } = came;
  if (first.kind === 'not_tls' && allowsPlainText(destination)) {
    server.destroy();
    client.unshift(bytes);
    return acceptPlain(client, destination);
  }
  const wrong = refusalOf(first, destination);
  if (wrong !== null) {
    log.refused(asked, wrong);
    client.end(UNRECOGNISED_NAME);
    server.destroy();
    return;
  }
  log.allowed(asked);
  server.write(bytes);
  join(client, server);
}
