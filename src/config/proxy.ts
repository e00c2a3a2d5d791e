import { BlockList, isIP } from 'node:net';
import { PromptOsError } from '../contracts/errors.js';
import type { Variables } from './environment.js';

/** What a connection speaks. Temporal speaks gRPC, for which `grpc_proxy` goes before the variables of the web. */
export type ProxiedProtocol = 'grpc' | 'http' | 'https';

const PROXY_VARIABLES: Readonly<Record<ProxiedProtocol, readonly string[]>> = {
  grpc: ['grpc_proxy', 'https_proxy', 'http_proxy', 'all_proxy'],
  http: ['http_proxy', 'all_proxy'],
  https: ['https_proxy', 'all_proxy'],
};

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('0.0.0.0', 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');
LOOPBACK.addAddress('::', 'ipv6');

/** What names loopback for a program that reads `no_proxy` itself. */
const LOOPBACK_NAMES = 'localhost,127.0.0.1,::1';

/** A variable in either case; the lower case wins, as for curl. An empty variable counts as not set. */
const read = (variables: Variables, name: string): string | undefined =>
  variables[name] || variables[name.toUpperCase()] || undefined;

/** The host as it is compared: in lower case, without the brackets of IPv6 and without a dot at the end. */
const plainHost = (host: string): string =>
  host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');

function isInside(list: BlockList, host: string): boolean {
  const family = isIP(host);
  return family !== 0 && list.check(host, family === 4 ? 'ipv4' : 'ipv6');
}

/** Whether a host, by name or address, is this machine itself. */
export function isLoopback(host: string): boolean {
  const plain = plainHost(host);
  return plain === 'localhost' || plain.endsWith('.localhost') || isInside(LOOPBACK, plain);
}

function isInSubnet(host: string, network: string, bits: string): boolean {
  const family = isIP(network);
  const prefix = Number(bits);
  if (family === 0 || !/^\d{1,3}$/.test(bits) || prefix > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(network, prefix, family === 4 ? 'ipv4' : 'ipv6');
  return isInside(list, host);
}

/** Whether one entry of `no_proxy` is about a host: `*`, a domain with all below it, an address, a subnet; with a port, of that port only. */
function matchesEntry(entry: string, host: string, port: number): boolean {
  if (entry === '*') return true;
  const slash = entry.lastIndexOf('/');
  if (slash > 0) return isInSubnet(host, plainHost(entry.slice(0, slash)), entry.slice(slash + 1));
  const [, name = entry, entryPort] = isIP(entry) === 0 ? (/^(.+):(\d+)$/.exec(entry) ?? []) : [];
  if (entryPort !== undefined && Number(entryPort) !== port) return false;
  const domain = plainHost(name.replace(/^\*?\./, ''));
  return host === domain || (isIP(host) === 0 && host.endsWith(`.${domain}`));
}

function isExcepted(variables: Variables, protocol: ProxiedProtocol, host: string, port: number): boolean {
  const list =
    (protocol === 'grpc' ? read(variables, 'no_grpc_proxy') : undefined) ?? read(variables, 'no_proxy') ?? '';
  return list.split(/[\s,]+/).some((entry) => entry !== '' && matchesEntry(entry, host, port));
}

/**
 * The proxy through which a host is reached, or null for a direct connection. Loopback is never proxied.
 * @throws PromptOsError ENVIRONMENT_INVALID for a proxy that cannot be used
 */
export function proxyFor(variables: Variables, protocol: ProxiedProtocol, host: string, port: number): URL | null {
  const plain = plainHost(host);
  if (isLoopback(plain) || isExcepted(variables, protocol, plain, port)) return null;
  for (const name of PROXY_VARIABLES[protocol]) {
    const value = read(variables, name);
    if (value === undefined) continue;
    const url = /^[a-z][a-z\d+.-]*:\/\//i.test(value) ? value : `http://${value}`;
    const proxy = URL.canParse(url) ? new URL(url) : null;
    const usable = proxy?.protocol === 'http:' || (proxy?.protocol === 'https:' && protocol !== 'grpc');
    if (proxy !== null && usable) return proxy;
    // all_proxy is for every program of the user, and often names a SOCKS proxy for some of them.
    if (name === 'all_proxy') return null;
    // The value may hold a password, so it is not repeated.
    const found = proxy === null ? 'no URL' : `a proxy of the kind ${proxy.protocol}`;
    throw new PromptOsError(
      'ENVIRONMENT_INVALID',
      `${name}: expected an http:// proxy for ${plain}:${port}, received ${found}.`,
      { hint: `Correct the variable, or add ${plain} to no_proxy.` },
    );
  }
  return null;
}

/**
 * The variables for a program that reads the proxies itself: with loopback excepted, under both names, of which
 * programs read one or the other.
 */
export function withDirectLoopback(variables: Variables): Variables {
  const listed = read(variables, 'no_proxy');
  // Beside other entries many programs take the asterisk for a name.
  if (listed?.trim() === '*') return { ...variables, no_proxy: '*', NO_PROXY: '*' };
  const no_proxy = listed === undefined ? LOOPBACK_NAMES : `${listed},${LOOPBACK_NAMES}`;
  return { ...variables, no_proxy, NO_PROXY: no_proxy };
}

const DEFAULT_PORT = 7233;

/** A gRPC endpoint in its parts: `host`, `host:port` or `[address]:port`. */
function splitAddress(address: string): { readonly host: string; readonly port: number } {
  const [, host = address, port] = /^(\[.+\]|[^:]+)(?::(\d+))?$/.exec(address) ?? [];
  return { host, port: port === undefined ? DEFAULT_PORT : Number(port) };
}

const credentials = ({ username, password }: URL) =>
  username === '' ? null : { username: decodeURIComponent(username), password: decodeURIComponent(password) };

const portOf = ({ port }: URL): string => port || '80';

/** @returns the proxy for a Temporal at an address, or null for a direct connection; see `proxyFor` */
export function temporalProxy(variables: Variables, address: string): URL | null {
  const { host, port } = splitAddress(address);
  return proxyFor(variables, 'grpc', host, port);
}

/** gRPC's library for node reads the lower-case variables itself, and proxies loopback: it must not. */
const WITHOUT_OWN_PROXY = { 'grpc.enable_http_proxy': 0 } as const;

/** Options of a client's connection that goes through the proxy, or directly. They replace the address. */
export function clientRoute(address: string, proxy: URL | null) {
  if (proxy === null) return { address, channelArgs: WITHOUT_OWN_PROXY };
  const { host, port } = splitAddress(address);
  const target = `${host}:${port}`;
  const login = credentials(proxy);
  return {
    address: `${proxy.hostname}:${portOf(proxy)}`,
    channelArgs: {
      ...WITHOUT_OWN_PROXY,
      'grpc.http_connect_target': `dns:${target}`,
      'grpc.default_authority': target,
      ...(login === null ? {} : { 'grpc.http_connect_creds': `${login.username}:${login.password}` }),
    },
  };
}

/** Options of a worker's connection that goes through the proxy, or directly. */
export function workerRoute(proxy: URL | null) {
  if (proxy === null) return {};
  const basicAuth = credentials(proxy);
  return {
    proxy: {
      type: 'http-connect' as const,
      targetHost: `${proxy.hostname}:${portOf(proxy)}`,
      ...(basicAuth === null ? {} : { basicAuth }),
    },
  };
}
