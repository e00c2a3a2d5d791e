import { isIPv4 } from 'node:net';
import type { NetworkRefusal } from '../../../contracts/record/network-log.js';

/** TLS has this port, and no request in the clear goes there. */
const TLS_PORT = 443;

/** Where a request goes. The host is in lower case: a name, or an address in its usual form. */
export interface Destination {
  readonly host: string;
  readonly port: number;
}

interface ListedHost extends Destination {
  /** Whether the sub-domains of the host are meant, and not the host itself. */
  readonly below: boolean;
}

/** The hosts of a worker config, as requests are held against them. */
export interface AllowList {
  /** Why a destination is refused, or null. */
  refusal(destination: Destination): NetworkRefusal | null;
  /** Whether the list names an address literally, or `localhost` for one of this machine. */
  namesAddress(address: string, destination: Destination): boolean;
}

/** Reads one host of a worker config. */
export function readEntry(entry: string): ListedHost {
  const [, wildcard, host = '', port] = /^(\*\.)?([^:]+)(?::(\d+))?$/.exec(entry) ?? [];
  return {
    host: host.toLowerCase(),
    port: port === undefined ? TLS_PORT : Number(port),
    below: wildcard !== undefined,
  };
}

/** Without TLS a host is reached only on a port that the list names: the port of TLS is never one of these. */
export const allowsPlainText = ({ port }: Destination): boolean => port !== TLS_PORT;

/** @param entries as the worker config has them: `host`, `*.host`, each with an optional port */
export function createAllowList(entries: readonly string[]): AllowList {
  const listed = entries.map(readEntry);
  const matches = (entry: ListedHost, host: string): boolean =>
    entry.below ? !isIPv4(host) && host.endsWith(`.${entry.host}`) : host === entry.host;
  const names = (host: string, port: number): boolean =>
    listed.some((entry) => !entry.below && entry.host === host && entry.port === port);
  return {
    refusal: ({ host, port }) => {
      const entries = listed.filter((entry) => matches(entry, host));
      if (entries.length === 0) return 'host_not_listed';
      return entries.some((entry) => entry.port === port) ? null : 'port_not_listed';
    },
    namesAddress: (address, { host, port }) =>
      names(address, port) || (host === 'localhost' && isOwnAddress(address) && names(host, port)),
  };
}

const isOwnAddress = (address: string): boolean => address === '::1' || (isIPv4(address) && address.startsWith('127.'));
