import type {
  NetworkFailure,
  NetworkLog,
  NetworkRefusal,
  NetworkRequest,
} from '../../../contracts/record/network-log.js';
import type { Destination } from './allow-list.js';

/** Different requests that are listed; a program that asks for more is counted. */
const MAX_LISTED = 200;

/** What a request was about: nothing is known of bytes that are none. */
interface AskedFor {
  readonly method: 'connect' | 'http' | null;
  readonly destination: Destination | null;
}

/** Counts what one program asks of the network, in memory that is bounded. */
export interface RequestLog {
  allowed(asked: AskedFor, failure?: NetworkFailure): void;
  refused(asked: AskedFor, why: NetworkRefusal): void;
  read(): NetworkLog;
}

export function createRequestLog(hosts: readonly string[]): RequestLog {
  const listed = new Map<string, NetworkRequest>();
  const omitted = { allowed: 0, refused: 0 };
  const add = ({ method, destination }: AskedFor, allowed: boolean, reason: NetworkRequest['reason']): void => {
    const { host = null, port = null } = destination ?? {};
    const key = JSON.stringify([method, host, port, allowed, reason]);
    const known = listed.get(key);
    if (known === undefined && listed.size >= MAX_LISTED) omitted[allowed ? 'allowed' : 'refused'] += 1;
    else listed.set(key, { method, host, port, allowed, reason, count: (known?.count ?? 0) + 1 });
  };
  return {
    allowed: (asked, failure) => add(asked, true, failure ?? null),
    refused: (asked, why) => add(asked, false, why),
    read: () => ({
      schema_version: 1,
      hosts: [...hosts],
      requests: [...listed.values()],
      refused_omitted: omitted.refused,
      allowed_omitted: omitted.allowed,
    }),
  };
}
