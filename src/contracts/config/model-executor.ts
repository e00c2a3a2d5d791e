import { z } from 'zod';
import { hostOfUrl, networkAccessSchema, networkBeyond } from '../network-access.js';
import { durationSchema } from '../primitives.js';

/** The services that the model executor speaks to. The first of all is built in; each other one is a package of the user's. */
export const SERVICE_PROVIDERS = ['anthropic', 'openai', 'google'] as const;
export const MODEL_PROVIDERS = ['openai-compatible', ...SERVICE_PROVIDERS] as const;
export type ModelProvider = (typeof MODEL_PROVIDERS)[number];

const baseUrlSchema = z
  .string()
  .refine((text) => {
    if (!URL.canParse(text)) return false;
    const { protocol, username, password, search, hash } = new URL(text);
    return /^https?:$/.test(protocol) && [username, password, search, hash].every((part) => part === '');
  }, 'expected an address without credentials, "?" and "#", such as "http://127.0.0.1:8080/v1" or "https://api.example.com/v1"')
  .describe('where the service is, up to and without /chat/completions; openai-compatible needs it');

const parametersSchema = z.strictObject({
  temperature: z.number().min(0).max(2).optional().describe('how much chance there is in an answer'),
  top_p: z
    .number()
    .gt(0)
    .max(1)
    .optional()
    .describe('only the likeliest words that make up this share are chosen from'),
  max_output_tokens: z.int().positive().optional().describe('tokens of one answer of the model'),
  seed: z.int().optional().describe('for services that can repeat an answer'),
  frequency_penalty: z.number().min(-2).max(2).optional().describe('makes words that came before less likely'),
  presence_penalty: z.number().min(-2).max(2).optional().describe('makes subjects that came before less likely'),
  provider_options: z
    .record(z.string().min(1), z.union([z.string(), z.number(), z.boolean()]))
    .default({})
    .describe("options of the provider's package, such as reasoningEffort"),
});
export type ModelParameters = z.infer<typeof parametersSchema>;

const answerBoundsSchema = z.strictObject({
  items: z.int().min(1).max(1_000).optional().describe('items of a list'),
  characters: z.int().min(16).max(2_000).optional().describe('characters of a text'),
});
export type AnswerBounds = z.infer<typeof answerBoundsSchema>;

/** Where the service of a provider with a package of its own is. */
const SERVICE_HOSTS: Readonly<Record<Exclude<ModelProvider, 'openai-compatible'>, string>> = {
  anthropic: 'api.anthropic.com',
  openai: 'api.openai.com',
  google: 'generativelanguage.googleapis.com',
};

interface ModelService {
  readonly provider: ModelProvider;
  readonly base_url?: string | undefined;
}

/** The host of the model service as a list of hosts has it, with the port where it is not that of TLS. */
export function serviceHost({ provider, base_url }: ModelService): string {
  if (base_url === undefined) return provider === 'openai-compatible' ? '' : SERVICE_HOSTS[provider];
  return hostOfUrl(new URL(base_url));
}

/** What the program that runs in the sandbox is given of a model executor's config. */
const MODEL_FIELDS = {
  provider: z
    .enum(MODEL_PROVIDERS)
    .default('openai-compatible')
    .describe(
      'the kind of the service; the others than openai-compatible need their package, such as @ai-sdk/anthropic',
    ),
  base_url: baseUrlSchema.optional(),
  model: z.string().min(1).describe('the name of the model, as the service knows it'),
  api_key_env: z
    .string()
    .min(1)
    .optional()
    .describe("the variable of the worker's environment that holds the key of the service; without it no key is sent"),
  output: z
    .enum(['schema', 'json', 'text'])
    .default('schema')
    .describe(
      "how the answer's form is asked for: schema forces the gate's JSON Schema, json any JSON object, text leaves it to the prompt",
    ),
  answer_bounds: answerBoundsSchema
    .optional()
    .describe(
      'the most that a list and a text of an answer have, the letters of ids and names and the least number of a line, with output: schema; for small models, which repeat themselves, on services whose decoder takes maxItems, maxLength, pattern and exclusiveMinimum, such as llama.cpp. The items must be no fewer than the criteria of a request',
    ),
  edits: z
    .enum(['tools', 'diff', 'files'])
    .default('tools')
    .describe(
      'how the model sees and changes files: tools calls tools to list, read, search and write; diff and files, for models without tools, ask for a unified diff or whole files at P05',
    ),
  parameters: parametersSchema.prefault({}).describe('settings of the model'),
  max_steps: z
    .int()
    .min(1)
    .max(500)
    .default(60)
    .describe('calls of the model in one try, those with tool calls included'),
};

export const modelProgramSchema = z.strictObject(MODEL_FIELDS);
export type ModelProgram = z.infer<typeof modelProgramSchema>;

/** A model that is called over its API by a program of ours, which runs in the sandbox like any other executor. */
export const modelExecutorSchema = z
  .strictObject({
    kind: z.literal('model').describe('a model that is called by its API'),
    ...MODEL_FIELDS,
    env: z
      .strictObject({
        allow: z
          .array(z.string().min(1))
          .default([])
          .describe("variables of the worker's own environment that pass, such as NODE_EXTRA_CA_CERTS"),
        set: z.record(z.string().min(1), z.string()).default({}).describe('variables that are set'),
      })
      .prefault({})
      .describe('the environment of the program that calls the model, beside the key'),
    network: networkAccessSchema
      .optional()
      .describe('what the program may reach of the network; without it the host and port of the service alone'),
    timeout: durationSchema.default(30 * 60_000).describe('the program is stopped and the try fails after this long'),
    retry_for: durationSchema
      .default(24 * 3_600_000)
      .describe('how long transient trouble of the provider is retried before a P08 asks people'),
  })
  .superRefine(({ provider, base_url, network }, context) => {
    if (provider === 'openai-compatible' && base_url === undefined) {
      context.addIssue({
        code: 'custom',
        path: ['base_url'],
        message:
          'expected the address of the service, such as "http://127.0.0.1:8080/v1", since provider is openai-compatible',
      });
    }
    const host = base_url === undefined || URL.canParse(base_url) ? serviceHost({ provider, base_url }) : '';
    const lacksHost = network !== undefined && networkBeyond({ hosts: [host] }, network).length > 0;
    if (lacksHost && host !== '') {
      const message = `expected the host of the model service among the hosts: ${host}`;
      context.addIssue({ code: 'custom', path: ['network'], message });
    }
    if (network === undefined && base_url !== undefined && /^https?:\/\/\[/i.test(base_url)) {
      context.addIssue({
        code: 'custom',
        path: ['base_url'],
        message: 'expected a name or an IPv4 address: the sandbox lists no IPv6 addresses',
      });
    }
  });
export type ModelExecutorConfig = z.infer<typeof modelExecutorSchema>;
