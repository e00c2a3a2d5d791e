import { type AgentPreset, TRANSIENT_STATUSES } from './agent-preset.js';

/** opencode. Tried with 1.18.33; docs/agents/opencode.md has what was seen. */
export const OPENCODE: AgentPreset = {
  title: 'opencode',
  install: 'npm install -g opencode-ai',
  argv: ['opencode', 'run', '--format', 'json', '--pure'],
  model_argv: ['--model', '{model}'],
  version_argv: ['--version'],
  credentials: ['ANTHROPIC_API_KEY', 'OPENAI_API_KEY', 'GEMINI_API_KEY', 'OPENROUTER_API_KEY'],
  env: {
    OPENCODE_CONFIG_CONTENT: JSON.stringify({ share: 'disabled', autoupdate: false }),
    OPENCODE_DISABLE_AUTOUPDATE: '1',
    OPENCODE_DISABLE_DEFAULT_PLUGINS: '1',
    OPENCODE_DISABLE_LSP_DOWNLOAD: '1',
    OPENCODE_DISABLE_MODELS_FETCH: '1',
    OPENCODE_DISABLE_PROJECT_CONFIG: '1',
    OPENCODE_DISABLE_CLAUDE_CODE: '1',
  },
  home: {},
  hosts: ['api.anthropic.com', 'api.openai.com', 'generativelanguage.googleapis.com', 'openrouter.ai'],
  answer: { pointer: '/part/text' },
  failures: [
    // Some providers have the status of a limit of rate for it.
    {
      class: 'budget',
      pointer: '/error/data/message',
      matches: '(?i)insufficient_quota|exceeded your current quota|credit balance is too low',
    },
    { class: 'authentication', pointer: '/error/data/statusCode', equals: [401, 403], message: '/error/data/message' },
    {
      class: 'transient',
      pointer: '/error/data/statusCode',
      equals: TRANSIENT_STATUSES,
      message: '/error/data/message',
    },
    { class: 'transient', pointer: '/error/data/isRetryable', equals: [true], message: '/error/data/message' },
    { class: 'configuration', pointer: '/error/data/statusCode', equals: [400, 404], message: '/error/data/message' },
    {
      class: 'configuration',
      pointer: '/error/name',
      matches: 'ProviderModelNotFound|ProviderInit',
      message: '/error/data/message',
    },
  ],
  usage: {
    // It reports each step by itself.
    take: 'sum',
    input_tokens: '/part/tokens/input',
    output_tokens: '/part/tokens/output',
    cached_tokens: '/part/tokens/cache/read',
    cost_usd: '/part/cost',
    session_id: '/sessionID',
  },
  work: {
    calls: { kind: 'events', at: '/part', type: { member: 'type', is: ['tool'] }, name: '/tool', id: '/callID' },
  },
};
