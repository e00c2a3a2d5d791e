import { isIPv4 } from 'node:net';
import { PromptOsError } from '../../../contracts/errors.js';

export interface HttpAddress {
  /** To listen on. */
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
}

const MOST_PORT = 65_535;
const LOOPBACK_HOST = '127.0.0.1';

/** Only this machine reaches these: what listens there needs no TLS. */
const isLoopback = (host: string): boolean => (isIPv4(host) && host.startsWith('127.')) || host === '::1';

/**
 * What `--http` names: `3917`, `127.0.0.1:3917`, `localhost:3917`, `[::1]:3917`.
 * @throws PromptOsError USAGE for anything else, and for an address that other machines reach
 */
export function readHttpAddress(text: string): HttpAddress {
  const [, named, digits] = /^(?:(.+):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > MOST_PORT) {
    throw new PromptOsError('USAGE', `--http: expected [HOST:]PORT, received ${JSON.stringify(text)}.`);
  }
  const bare = named?.replace(/^\[(.*)\]$/, '$1') ?? LOOPBACK_HOST;
  const host = bare === 'localhost' ? LOOPBACK_HOST : bare;
  if (isLoopback(host)) return { host, port };
  throw new PromptOsError('USAGE', `--http: expected a loopback address, received ${JSON.stringify(named)}.`, {
    hint: 'Use 127.0.0.1, localhost or [::1]; another machine reaches it through a tunnel of its own, such as ssh -L.',
  });
}

/** What a client on this machine writes into the Host header. */
export function hostHeaders({ host, port }: HttpAddress): readonly string[] {
  const own = host.includes(':') ? `[${host}]` : host;
  return [own, 'localhost'].map((name) => `${name}:${port}`);
}
