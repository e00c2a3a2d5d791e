import type { IncomingMessage } from 'node:http';
import { isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { NetworkRefusal } from '../../../contracts/record/network-log.js';
import { allowsPlainText, type Destination } from './allow-list.js';
import { dialTunnel, NotConnected } from './dial.js';
import { isRefusal, type ProxyRules, refusalText } from './plain-http.js';
import { namesOnly, readAuthority } from './read-request.js';

/** A client sends its ClientHello at once. */
const FIRST_BYTES_TIMEOUT_MS = 10_000;

/** The alert "unrecognized_name" of TLS, so that the client says what was wrong. */
const UNRECOGNISED_NAME = Buffer.from([21, 3, 1, 0, 2, 2, 112]);

/** Takes over a tunnel in which a request in the clear comes. */
type AcceptPlain = (client: Duplex, destination: Destination) => void;

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

/** What the first bytes of a connection are. */
type FirstBytes =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'not_tls' }
  | {
      readonly kind: 'client_hello';
      /** The name that the client asks for (SNI), in lower case; null when it names none. */
      readonly server_name: string | null;
      /** Whether the client offers a second name that only the server can read (ECH). */
      readonly encrypted: boolean;
    };

const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const ENCRYPTED_CLIENT_HELLO = 0xfe0d;
const MAX_RECORD_BYTES = 16_384;
/** With keys of post-quantum cryptography a ClientHello has some 2 KB. */
const MAX_HELLO_BYTES = 64 * 1_024;
/** Clients use a few. What arrives byte by byte is judged with each byte, so this must stay cheap. */
const MAX_RECORDS = 64;

const INCOMPLETE: FirstBytes = { kind: 'incomplete' };
const NOT_TLS: FirstBytes = { kind: 'not_tls' };

/** Reads the ClientHello of TLS, which is in the clear, without taking part in the connection. */
export function readFirstBytes(bytes: Buffer): FirstBytes {
  const fragments: Buffer[] = [];
  let length = 0;
  for (let at = 0; fragments.length < MAX_RECORDS; ) {
    if (bytes.length > at && bytes[at] !== HANDSHAKE_RECORD) return NOT_TLS;
    if (bytes.length < at + 5) return INCOMPLETE;
    const size = bytes.readUInt16BE(at + 3);
    if (bytes[at + 1] !== 3 || size === 0 || size > MAX_RECORD_BYTES) return NOT_TLS;
    const fragment = bytes.subarray(at + 5, at + 5 + size);
    fragments.push(fragment);
    length += fragment.length;
    const wanted = messageSize(fragments, length);
    if (wanted === null || wanted > MAX_HELLO_BYTES) return NOT_TLS;
    if (length >= wanted) return readHello(Buffer.concat(fragments).subarray(4, wanted));
    if (fragment.length < size) return INCOMPLETE;
    at += 5 + size;
  }
  return NOT_TLS;
}

/** The size of the message by its own head, as far as that is known; null for another message than a ClientHello. */
function messageSize(fragments: readonly Buffer[], length: number): number | null {
  const head = Buffer.concat(fragments.slice(0, 4).map((fragment) => fragment.subarray(0, 4)));
  if (length > 0 && head[0] !== CLIENT_HELLO) return null;
  return length < 4 ? 4 : 4 + head.readUIntBE(1, 3);
}

/** Takes the parts of a message one after the other. */
class Cursor {
  #at = 0;
  constructor(readonly bytes: Buffer) {}
  get atEnd(): boolean {
    return this.#at === this.bytes.length;
  }
  take(size: number): Buffer {
    const end = this.#at + size;
    if (end > this.bytes.length) throw new RangeError('the message ends too early');
    const part = this.bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }
  number(size: number): number {
    return this.take(size).readUIntBE(0, size);
  }
  /** A part that begins with its own length. */
  vector(sizeOfLength: number): Cursor {
    return new Cursor(this.take(this.number(sizeOfLength)));
  }
}

function readHello(message: Buffer): FirstBytes {
  try {
    const hello = new Cursor(message);
    // Version and random; then session id, cipher suites, compression methods.
    hello.take(2 + 32);
    hello.vector(1);
    hello.vector(2);
    hello.vector(1);
    const extensions = hello.atEnd ? new Cursor(Buffer.alloc(0)) : hello.vector(2);
    if (!hello.atEnd) return NOT_TLS;
    const names: string[] = [];
    let encrypted = false;
    while (!extensions.atEnd) {
      const type = extensions.number(2);
      const content = extensions.vector(2);
      if (type === SERVER_NAME) names.push(...readServerNames(content));
      encrypted ||= type === ENCRYPTED_CLIENT_HELLO;
    }
    // Two names are an attempt to show one here and another to the server.
    if (names.length > 1) return NOT_TLS;
    return { kind: 'client_hello', server_name: names[0] ?? null, encrypted };
  } catch (error) {
    if (error instanceof RangeError) return NOT_TLS;
    throw error;
  }
}

function readServerNames(content: Cursor): readonly string[] {
  const list = content.vector(2);
  if (!content.atEnd) throw new RangeError('there is more than the list of names');
  const names: string[] = [];
  while (!list.atEnd) {
    if (list.number(1) !== 0) throw new RangeError('a name of another type than a host name');
    names.push(list.vector(2).bytes.toString('latin1').toLowerCase());
  }
  return names;
}
