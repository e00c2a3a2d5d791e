import type { Variables } from './environment.js';
import { proxyFor } from './proxy.js';

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
