import { type AgentPreset, TOOL_USE_CALLS, TRANSIENT_STATUSES } from './agent-preset.js';

/* Agents that call models of any company. */

/** aider. Tried with 0.86.2; docs/agents/aider.md has what was seen. */
export const AIDER: AgentPreset = {
  title: 'aider',
  install: 'uv tool install aider-chat',
  argv: [
    'aider',
    '--message-file',
    '/dev/stdin',
    '--edit-format',
    'diff',
    '--yes-always',
    '--no-auto-commits',
    '--no-dirty-commits',
    '--no-gitignore',
    '--no-pretty',
    '--no-stream',
    '--no-fancy-input',
    '--no-show-model-warnings',
    '--no-check-update',
    '--analytics-disable',
    '--no-suggest-shell-commands',
    '--no-auto-lint',
    '--no-auto-test',
    // By default it leaves its history in the checkout.
    '--chat-history-file',
    '/dev/null',
    '--input-history-file',
    '/dev/null',
    '--map-tokens',
    '0',
  ],
  model_argv: ['--model', '{model}'],
  version_argv: ['--version'],
  credentials: ['ANTHROPIC_API_KEY', 'OPENAI_API_KEY', 'GEMINI_API_KEY', 'OPENROUTER_API_KEY'],
  // It wraps what it prints at the width of the terminal, and breaks the answer.
  env: { COLUMNS: '100000' },
  home: {},
  hosts: ['api.anthropic.com', 'api.openai.com', 'generativelanguage.googleapis.com', 'openrouter.ai'],
  answer: {},
  failures: [
    // It ends with 0 and prints the error of its library. An empty account is a limit of rate for some providers.
    {
      class: 'budget',
      in: ['stdout'],
      matches: '(?i)^litellm\\..*(?:insufficient_quota|exceeded your current quota|credit balance is too low)',
    },
    { class: 'authentication', in: ['stdout'], matches: '^litellm\\.(?:AuthenticationError|PermissionDeniedError)' },
    {
      class: 'transient',
      in: ['stdout'],
      matches:
        // No block of an answer follows: it repeats calls itself, and a call may have got through.
        '^litellm\\.(?:RateLimitError|InternalServerError|ServiceUnavailableError|APIConnectionError|BadGatewayError|Timeout)[^`]*\\z',
    },
    { class: 'configuration', in: ['stdout'], matches: '^litellm\\.(?:NotFoundError|BadRequestError)' },
  ],
  usage: {},
  // It prints no events.
  work: {},
};

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

/** Qwen Code. Tried with 0.15.10; docs/agents/qwen.md has what was seen. */
export const QWEN: AgentPreset = {
  title: 'Qwen Code',
  install: 'npm install -g @qwen-code/qwen-code',
  argv: [
    'qwen',
    // `json` prints an array whose last element no pointer reaches.
    '--output-format',
    'stream-json',
    '--auth-type',
    'openai',
    '--approval-mode',
    'auto-edit',
    '--extensions',
    'none',
  ],
  model_argv: ['--model', '{model}'],
  version_argv: ['--version'],
  credentials: ['OPENAI_API_KEY'],
  // As the system's settings they hold against those of the checkout.
  env: { QWEN_CODE_SYSTEM_SETTINGS_PATH: '{scratch}/../home/.qwen/settings.json' },
  home: {
    '.qwen/settings.json': JSON.stringify({
      general: { disableAutoUpdate: true, disableUpdateNag: true },
      // Names no file, so that a QWEN.md of the checkout does not reach the model.
      context: { fileName: ['.promptos-no-instructions'] },
      disableAllHooks: true,
      // Sub-agents that take notes of the session would call the model beside the work.
      memory: { enableManagedAutoMemory: false, enableManagedAutoDream: false, enableAutoSkill: false },
      mcp: { allowed: ['promptos-none'] },
      model: { generationConfig: { maxRetries: 0 } },
      privacy: { usageStatisticsEnabled: false },
    }),
  },
  hosts: ['dashscope.aliyuncs.com', 'dashscope-intl.aliyuncs.com'],
  service: { url: 'OPENAI_BASE_URL', with: ['OPENAI_MODEL'] },
  answer: { pointer: '/result' },
  failures: [
    // It ends with 0 and gives the error as its answer.
    { class: 'authentication', pointer: '/result', matches: '\\A\\[API Error: (?:401|403)\\b' },
    {
      class: 'budget',
      pointer: '/result',
      matches: '(?i)\\A\\[API Error: (?:402\\b|.*insufficient_quota|.*exceeded your current quota)',
    },
    { class: 'transient', pointer: '/result', matches: '\\A\\[API Error: (?:408|429)\\b' },
    { class: 'configuration', pointer: '/result', matches: '\\A\\[API Error: 4[0-9]{2}\\b' },
    { class: 'transient', pointer: '/result', matches: '\\A\\[API Error: ' },
  ],
  usage: {
    input_tokens: '/usage/input_tokens',
    output_tokens: '/usage/output_tokens',
    cached_tokens: '/usage/cache_read_input_tokens',
    session_id: '/session_id',
  },
  work: {
    tools: { at: '/tools', listed_by: 'agent' },
    mcp_servers: '/mcp_servers',
    settings: { permission_mode: '/permission_mode' },
    calls: TOOL_USE_CALLS,
  },
};
