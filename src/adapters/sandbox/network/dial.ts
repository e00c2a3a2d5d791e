import { lookup } from 'node:dns/promises';
import { BlockList, connect, isIP, isIPv4, isIPv6, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { NetworkFailure, NetworkRefusal } from '../../../contracts/record/network-log.js';
import type { AllowList, Destination } from './allow-list.js';

/** An address that a name resolved to. */
interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** How the worker itself reaches the internet. */
export interface Outside {
  /** The addresses of a name; it rejects when there are none. */
  resolve(host: string): Promise<readonly ResolvedAddress[]>;
  /** The proxy that the worker has to use for a host, or null for a direct connection. */
  proxyFor(protocol: 'http' | 'https', host: string, port: number): URL | null;
}

export const resolveBySystem: Outside['resolve'] = (host) => lookup(host, { all: true, verbatim: true });

/** Why there is no connection. */
export class NotConnected extends Error {
  constructor(readonly why: NetworkRefusal | NetworkFailure) {
    super(why);
  }
}

const CONNECT_TIMEOUT_MS = 30_000;
/** What a company's proxy answers to CONNECT is short. */
const MAX_PROXY_ANSWER_BYTES = 16_384;

/** The addresses of a destination that a program may be connected to. */
async function judgedAddresses(
  list: AllowList,
  outside: Outside,
  destination: Destination,
): Promise<readonly ResolvedAddress[]> {
  const { host } = destination;
  const family = isIP(host);
  const found = family === 0 ? await outside.resolve(host).catch(() => []) : [{ address: host, family }];
  if (found.length === 0) throw new NotConnected('not_resolved');
  const allowed = found.filter(({ address }) => isPublicAddress(address) || list.namesAddress(address, destination));
  if (allowed.length === 0) throw new NotConnected('address_not_public');
  return allowed;
}

/** Waits for a connection; a socket that does not come to be is destroyed. */
const untilConnected = (socket: Socket, event: 'connect' | 'secureConnect'): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const fail = () => {
      socket.destroy();
      reject(new NotConnected('not_reached'));
    };
    socket.setTimeout(CONNECT_TIMEOUT_MS, fail);
    socket.once('error', fail);
    socket.once(event, () => {
      socket.setTimeout(0);
      socket.removeListener('error', fail);
      // What uses the socket learns of an error by its close.
      socket.on('error', () => undefined);
      resolve(socket);
    });
  });

/**
 * Connects to an address that was judged: the name is not resolved a second time, so it cannot lead elsewhere then.
 * @throws NotConnected
 */
export async function connectDirectly(list: AllowList, outside: Outside, destination: Destination): Promise<Socket> {
  const addresses = await judgedAddresses(list, outside, destination);
  const socket = connect({
    host: destination.host,
    port: destination.port,
    allowHalfOpen: true,
    autoSelectFamily: addresses.length > 1,
    lookup: (_host, options, callback) => {
      const [first] = addresses;
      if (options.all === true) callback(null, [...addresses]);
      else callback(null, first?.address ?? '', first?.family);
    },
  });
  return untilConnected(socket, 'connect');
}

/** @throws NotConnected */
export function connectToProxy(proxy: URL): Promise<Socket> {
  const host = proxy.hostname.replace(/^\[(.*)\]$/, '$1');
  const secure = proxy.protocol === 'https:';
  const port = Number(proxy.port) || (secure ? 443 : 80);
  if (!secure) return untilConnected(connect({ host, port, allowHalfOpen: true }), 'connect');
  const servername = isIP(host) === 0 ? host : '';
  return untilConnected(connectTls({ host, port, servername, ALPNProtocols: ['http/1.1'] }), 'secureConnect');
}

/** The header by which the worker names itself to its own proxy, or nothing. */
export function proxyCredentials({ username, password }: URL): Readonly<Record<string, string>> {
  if (username === '') return {};
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'Proxy-Authorization': `Basic ${Buffer.from(login).toString('base64')}` };
}

/** A tunnel through the worker's own proxy. @throws NotConnected */
async function connectThrough(proxy: URL, { host, port }: Destination): Promise<Socket> {
  const socket = await connectToProxy(proxy);
  const authority = `${host}:${port}`;
  const head = Object.entries({ Host: authority, ...proxyCredentials(proxy) });
  const lines = [`CONNECT ${authority} HTTP/1.1`, ...head.map(([name, value]) => `${name}: ${value}`)];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  const answer = await readAnswerHead(socket);
  if (/^HTTP\/1\.[01] 2\d\d(?: |\r\n)/.test(answer)) return socket;
  socket.destroy();
  throw new NotConnected('not_reached');
}

/** Reads to the end of an answer's head, and leaves what comes after it in the socket. */
const readAnswerHead = (socket: Socket): Promise<string> =>
  new Promise((resolve, reject) => {
    let read = Buffer.alloc(0);
    const end = (give: () => void) => {
      socket.setTimeout(0);
      socket.removeListener('readable', take);
      socket.removeListener('close', fail);
      give();
    };
    const fail = () =>
      end(() => {
        socket.destroy();
        reject(new NotConnected('not_reached'));
      });
    const take = () => {
      for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) {
        read = Buffer.concat([read, chunk]);
        const headEnd = read.indexOf('\r\n\r\n');
        if (headEnd >= 0) {
          const rest = read.subarray(headEnd + 4);
          if (rest.length > 0) socket.unshift(rest);
          return end(() => resolve(read.subarray(0, headEnd + 4).toString('latin1')));
        }
        if (read.length > MAX_PROXY_ANSWER_BYTES) return fail();
      }
    };
    socket.setTimeout(CONNECT_TIMEOUT_MS, fail);
    socket.on('readable', take);
    socket.once('close', fail);
  });

/**
 * A connection that carries TLS to a destination, directly or through the worker's own proxy, which then resolves the name.
 * @throws NotConnected
 */
export async function dialTunnel(list: AllowList, outside: Outside, destination: Destination): Promise<Socket> {
  const proxy = outside.proxyFor('https', destination.host, destination.port);
  return proxy === null ? connectDirectly(list, outside, destination) : connectThrough(proxy, destination);
}

/** Every IPv4 range that is not of the public internet, by the registry of special-purpose addresses (RFC 6890). */
const SPECIAL_IPV4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  // Multicast, reserved, broadcast.
  ['224.0.0.0', 3],
] as const;

/** Of IPv6 only 2000::/3 is public, without what it holds of documentation, benchmarks and Teredo. */
const SPECIAL_IPV6 = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['3fff::', 20],
] as const;

const special = new BlockList();
for (const [network, bits] of SPECIAL_IPV4) special.addSubnet(network, bits, 'ipv4');
const special6 = new BlockList();
for (const [network, bits] of SPECIAL_IPV6) special6.addSubnet(network, bits, 'ipv6');
const unicast6 = new BlockList();
unicast6.addSubnet('2000::', 3, 'ipv6');

/** The eight groups of an IPv6 address, or null. */
function groupsOf(address: string): readonly number[] | null {
  // A zone, as in "fe80::1%eth0", is of this machine's networks alone.
  if (!isIPv6(address) || address.includes('%')) return null;
  // A URL has it in the shortest form, with an embedded IPv4 address in hexadecimal.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const read = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)));
  const before = read(head);
  const after = tail === undefined ? [] : read(tail);
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
}

/** The IPv4 address that an IPv6 address leads to: mapped, compatible, translated (NAT64) or by 6to4. */
function embeddedIpv4(groups: readonly number[]): string | null {
  const dotted = (high = 0, low = 0) => [high >> 8, high & 255, low >> 8, low & 255].join('.');
  const [first, second] = groups;
  if (first === 0x2002) return dotted(second, groups[2]);
  const zeroes = (from: number, to: number) => groups.slice(from, to).every((group) => group === 0);
  const mapped = zeroes(0, 5) && (groups[5] === 0xffff || groups[5] === 0);
  const translated = first === 0x64 && second === 0xff9b && zeroes(2, 6);
  return mapped || translated ? dotted(groups[6], groups[7]) : null;
}

/** Whether an address is one of the public internet: not of this machine, its network, a cloud's metadata or a multicast. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !special.check(address, 'ipv4');
  const groups = groupsOf(address);
  if (groups === null) return false;
  const embedded = embeddedIpv4(groups);
  if (embedded !== null) return isPublicAddress(embedded);
  return unicast6.check(address, 'ipv6') && !special6.check(address, 'ipv6');
}
