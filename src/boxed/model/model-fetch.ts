import { EnvHttpProxyAgent, fetch } from 'undici';
import { ModelFailure } from './model-failure.js';

const CONNECT_TIMEOUT_MS = 30_000;
/** A local model may read a long prompt for minutes before its first word. */
const SILENCE_MS = 15 * 60_000;

/** `fetch` by the sandbox's proxy, which the environment names: Node's own ignores it. */
export function createModelFetch(): typeof globalThis.fetch {
  const dispatcher = new EnvHttpProxyAgent({
    connect: { timeout: CONNECT_TIMEOUT_MS },
    headersTimeout: SILENCE_MS,
    bodyTimeout: SILENCE_MS,
  });
  const viaProxy = async (...[url, init]: Parameters<typeof fetch>) => {
    const response = await fetch(url, { ...init, dispatcher });
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
