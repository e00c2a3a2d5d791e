import {
  type ModelExecutorConfig,
  type ModelProvider,
  modelExecutorSchema,
  SERVICE_PROVIDERS,
} from '../../../contracts/config/model-executor.js';
import { PromptOsError } from '../../../contracts/errors.js';
import { suggestName } from '../../../contracts/sentences.js';

/** The usual variables of the services' keys. */
const KEYS: Readonly<Record<ModelProvider, string>> = {
  'openai-compatible': 'LLM_API_KEY',
  anthropic: 'ANTHROPIC_API_KEY',
  openai: 'OPENAI_API_KEY',
  google: 'GEMINI_API_KEY',
};

/** A worker config's executor as a person writes it. */
interface WrittenModelExecutor {
  readonly kind: 'model';
  readonly provider?: ModelProvider;
  readonly base_url?: string;
  readonly model: string;
  readonly api_key_env?: string;
}

export interface FirstModelExecutor {
  readonly executor: WrittenModelExecutor;
  readonly config: ModelExecutorConfig;
  /** For people. */
  readonly title: string;
}

const HINT = 'docs/agents/model.md shows what worker.yaml can say of a model.';

/**
 * What `init` writes for a model that is called by its API.
 * @param named `PROVIDER/MODEL`, or `MODEL@URL` for any service with the OpenAI protocol for chats
 * @throws PromptOsError USAGE
 */
export function firstModelExecutor(named: string): FirstModelExecutor {
  const executor = readModel(named);
  const config = modelExecutorSchema.safeParse(executor);
  if (config.success) {
    const { model, base_url, provider = '' } = executor;
    return { executor, config: config.data, title: `the model ${model} of ${base_url ?? provider}` };
  }
  const problem = config.error.issues[0]?.message ?? '';
  throw new PromptOsError('USAGE', `--agent model:${named}: ${problem}.`, { hint: HINT });
}

function readModel(named: string): WrittenModelExecutor {
  const [, compatible, base_url] = /^([^@\s]+)@(https?:\/\/\S+)$/.exec(named) ?? [];
  if (compatible !== undefined && base_url !== undefined) {
    const api_key_env = isLocal(base_url) ? undefined : KEYS['openai-compatible'];
    return { kind: 'model', base_url, model: compatible, ...(api_key_env === undefined ? {} : { api_key_env }) };
  }
  const [, before = named, model] = /^([^/\s]+)\/(\S+)$/.exec(named) ?? [];
  const provider = SERVICE_PROVIDERS.find((name) => name === before);
  if (provider !== undefined && model !== undefined) {
    return { kind: 'model', provider, model, api_key_env: KEYS[provider] };
  }
  const known = SERVICE_PROVIDERS.join(', ');
  throw new PromptOsError(
    'USAGE',
    `--agent: expected model:PROVIDER/MODEL with one of ${known}, or model:MODEL@URL with the address of a service that has the OpenAI protocol for chats, received ${JSON.stringify(`model:${named}`)}.${suggestName(before, SERVICE_PROVIDERS)}`,
    { hint: HINT },
  );
}

/** Whether a service is one of this machine, which wants no key as a rule. */
function isLocal(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { hostname } = new URL(address);
  return hostname === 'localhost' || hostname.startsWith('127.');
}
