import { pathToFileURL } from 'node:url';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import type { wrapLanguageModel } from 'ai';
import { EnvHttpProxyAgent, fetch } from 'undici';
import type { ModelProgram, ModelProvider } from '../../contracts/config/model-executor.js';
import { isRecord } from '../../contracts/json.js';
import { ModelFailure } from './model-failure.js';

/** A model as `wrapLanguageModel` takes it. */
export type OpenedModel = Parameters<typeof wrapLanguageModel>[0]['model'];

interface ProviderOptions {
  readonly baseURL?: string;
  readonly apiKey?: string;
  readonly fetch: typeof globalThis.fetch;
}
/** What every provider's package exports under a name of its own. */
type CreateProvider = (options: ProviderOptions) => (model: string) => OpenedModel;

/** The names of those functions. */
const CREATES: Readonly<Record<Exclude<ModelProvider, 'openai-compatible'>, string>> = {
  anthropic: 'createAnthropic',
  openai: 'createOpenAI',
  google: 'createGoogleGenerativeAI',
};

/** @throws ModelFailure for a provider's package that cannot be loaded */
export async function openModel(
  settings: ModelProgram,
  apiKey: string | undefined,
  providerFile: string | undefined,
): Promise<OpenedModel> {
  const { provider, base_url, model, output } = settings;
  const options: ProviderOptions = {
    fetch: createModelFetch(),
    ...(base_url === undefined ? {} : { baseURL: base_url.replace(/\/+$/, '') }),
    ...(apiKey === undefined ? {} : { apiKey }),
  };
  if (provider === 'openai-compatible') {
    return createOpenAICompatible({
      name: provider,
      baseURL: '',
      ...options,
      includeUsage: true,
      supportsStructuredOutputs: output === 'schema',
    })(model);
  }
  const create = await loadProvider(CREATES[provider], providerFile);
  return create(options)(model);
}

async function loadProvider(name: string, file: string | undefined): Promise<CreateProvider> {
  const module: unknown = file === undefined ? null : await import(pathToFileURL(file).href);
  const exported = isRecord(module) ? module[name] : undefined;
  if (typeof exported !== 'function') {
    throw new ModelFailure(
      'configuration',
      `The provider's package ${file ?? ''} has no ${name}: install another version.`,
    );
  }
  return exported as CreateProvider;
}

const CONNECT_TIMEOUT_MS = 30_000;
/** A local model may read a long prompt for minutes before its first word. */
const SILENCE_MS = 15 * 60_000;

const REDIRECTS = [301, 302, 303, 307, 308];
const MAX_SHOWN = 200;

const withoutQuery = (address: string): string => (address.split(/[?#]/)[0] ?? '').slice(0, MAX_SHOWN);

/** `fetch` by the sandbox's proxy, which the environment names: Node's own ignores it. */
function createModelFetch(): typeof globalThis.fetch {
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
