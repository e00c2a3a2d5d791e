import type { IncomingMessage } from 'node:http';
import { isIPv4 } from 'node:net';
import type { Destination } from './allow-list.js';

const HTTP_PORT = 80;
/** A name as DNS has them, or an IPv4 address. The schema of the worker config knows no other, IPv6 addresses neither. */
const HOST = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/;
/** The last label of a name is never a number: `127.1` and `0x7f000001` are addresses in disguise. */
const NUMBER = /^(?:[0-9]+|0x[0-9a-f]*)$/;

const isHost = (host: string): boolean =>
  isIPv4(host) || (HOST.test(host) && !NUMBER.test(host.slice(host.lastIndexOf('.') + 1)));

/** `host:port`, or `host` where there is a usual port; null for anything else. */
export function readAuthority(authority: string, usualPort: number | null): Destination | null {
  const [, given = '', digits] = /^([^:]+)(?::([0-9]{1,5}))?$/.exec(authority) ?? [];
  const host = given.toLowerCase();
  const port = digits === undefined ? usualPort : Number(digits);
  return port !== null && port >= 1 && port <= 65_535 && isHost(host) ? { host, port } : null;
}

/** The values of a header, each as it was sent: a second one is never merged or dropped. */
export const headerValues = ({ rawHeaders }: IncomingMessage, name: string): readonly string[] =>
  rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);

/** Whether every `Host` header that came with a request names its destination. */
export function namesOnly(request: IncomingMessage, { host, port }: Destination, usualPort: number): boolean {
  const named = headerValues(request, 'host').map((value) => readAuthority(value.trim(), usualPort));
  return named.length <= 1 && named.every((one) => one?.host === host && one.port === port);
}

/** A request in the clear: where it goes, and what it asks for there. */
export interface PlainRequest {
  readonly destination: Destination;
  readonly path: string;
}

/**
 * Reads the target of a request in the clear.
 * @param tunnelled where the tunnel leads that the request came through; then the target is a path alone
 */
export function readPlainTarget(target: string, tunnelled: Destination | null): PlainRequest | null {
  if (tunnelled !== null) return /^\/[^#\s]*$/.test(target) ? { destination: tunnelled, path: target } : null;
  const [, authority = '', path = ''] = /^http:\/\/([^/?#\\@\s]+)((?:[/?][^#\s]*)?)$/i.exec(target) ?? [];
  const destination = readAuthority(authority, HTTP_PORT);
  return destination === null ? null : { destination, path: path.startsWith('/') ? path : `/${path}` };
}

/** Whether a body has one end only, by whatever rule it is read. Node's parser has refused the rest, but not all codings. */
export function isPlainlyFramed(request: IncomingMessage): boolean {
  const codings = headerValues(request, 'transfer-encoding');
  const lengths = headerValues(request, 'content-length');
  const chunked = codings.length === 1 && codings[0]?.trim().toLowerCase() === 'chunked';
  return codings.length === 0 ? lengths.length <= 1 : chunked && lengths.length === 0;
}
