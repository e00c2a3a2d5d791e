import { pathToFileURL } from 'node:url';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import type { wrapLanguageModel } from 'ai';
import type { ModelProgram, ModelProvider } from '../../contracts/config/model-executor.js';
import { isRecord } from '../../contracts/json.js';
import { ModelFailure } from './model-failure.js';
import { createModelFetch } from './model-fetch.js';

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
