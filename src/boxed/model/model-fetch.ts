import { EnvHttpProxyAgent, fetch } from 'undici';
import { ModelFailure } from './model-failure.js';

const CONNECT_TIMEOUT_MS = 30_000;
/** A local model may read a long prompt for minutes before its first word. */
const SILENCE_MS = 15 * 60_000;

const REDIRECTS = [301, 302, 303, 307, 308];
const MAX_SHOWN = 200;

const withoutQuery = (address: string): string => (address.split(/[?#]/)[0] ?? '').slice(0, MAX_SHOWN);

/** `fetch` by the sandbox's proxy, which the environment names: Node's own ignores it. */
export function createModelFetch(): typeof globalThis.fetch {
  const dispatcher = new EnvHttpProxyAgent({
    connect: { timeout: CONNECT_TIMEOUT_MS },
    headersTimeout: SILENCE_MS,
    bodyTimeout: SILENCE_MS,
  });
  const viaProxy = async (...[url, init]: Parameters<typeof fetch>) => {
    // A redirect is not followed: the key, which some services take in a header of their own, would go to the other host.
    const response = await fetch(url, { ...init, dispatcher, redirect: 'manual' });
    const to = response.headers.get('location');
    if (REDIRECTS.includes(response.status) && to !== null) {
      throw new ModelFailure(
        'configuration',
        `${response.url} redirects to ${withoutQuery(to)}, which is not followed: name the address of the service itself as base_url.`,
      );
    }
    const type = response.headers.get('content-type') ?? '';
    if (response.ok && type.startsWith('text/html')) {
      throw new ModelFailure(
        'configuration',
        `${response.url} answers with a web page, so it is no model service: base_url is wrong.`,
      );
    }
    return response;
  };
  // The same interface; undici's types and those of Node's copy of it differ in names alone.
  return viaProxy as unknown as typeof globalThis.fetch;
}
