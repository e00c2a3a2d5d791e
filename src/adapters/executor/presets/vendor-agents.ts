import { type AgentPreset, TOOL_USE_CALLS, TRANSIENT_STATUSES } from './agent-preset.js';

/* Agents of the companies whose models they call. */

/** Its own words come alone on one line: an answer of the model may have the same words among others. */
const sentence = (words: string): string => `(?i)\\A(?:API Error: [^\\n]*|[^\\n{]*)(?:${words})[^\\n]*\\z`;

/** Claude Code. Tried with 2.1.197; docs/agents/claude.md has what was seen. */
export const CLAUDE: AgentPreset = {
  title: 'Claude Code',
  install: 'npm install -g @anthropic-ai/claude-code',
  argv: [
    'claude',
    '--print',
    // The one format that names the model that served; `json` repeats the one that was asked for.
    '--output-format',
    'stream-json',
    '--verbose',
    '--permission-mode',
    'acceptEdits',
    // Keep out what the checkout says: settings, hooks, MCP servers and CLAUDE.md of the project.
    '--setting-sources',
    'user',
    '--strict-mcp-config',
    '--no-session-persistence',
  ],
  model_argv: ['--model', '{model}'],
  version_argv: ['--version'],
  credentials: ['ANTHROPIC_API_KEY', 'CLAUDE_CODE_OAUTH_TOKEN', 'ANTHROPIC_AUTH_TOKEN'],
  env: {
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    DISABLE_AUTOUPDATER: '1',
    // By default it repeats a wrong key and an overload for minutes.
    CLAUDE_CODE_MAX_RETRIES: '2',
  },
  home: {},
  hosts: ['api.anthropic.com'],
  service: { url: 'ANTHROPIC_BASE_URL' },
  answer: { pointer: '/result' },
  failures: [
    { class: 'budget', pointer: '/result', matches: sentence('credit balance is too low|usage limit reached') },
    { class: 'authentication', pointer: '/api_error_status', equals: [401, 403], message: '/result' },
    { class: 'authentication', pointer: '/result', matches: sentence('not logged in|please run /login') },
    { class: 'transient', pointer: '/api_error_status', equals: TRANSIENT_STATUSES, message: '/result' },
    // Such as an unknown model, or a prompt that is too long: the same call fails again.
    { class: 'configuration', pointer: '/api_error_status', matches: '^4[0-9]{2}$', message: '/result' },
    // Without a status the service was not reached, or the stream was cut.
    { class: 'transient', pointer: '/result', matches: '\\AAPI Error' },
  ],
  usage: {
    input_tokens: '/usage/input_tokens',
    output_tokens: '/usage/output_tokens',
    cached_tokens: '/usage/cache_read_input_tokens',
    cached_apart: true,
    cost_usd: '/total_cost_usd',
    session_id: '/session_id',
  },
  served_pointer: '/message/model',
  work: {
    tools: { at: '/tools', listed_by: 'agent' },
    mcp_servers: '/mcp_servers',
    settings: { permission_mode: '/permissionMode' },
    calls: TOOL_USE_CALLS,
  },
};

/** OpenAI Codex. Tried with 0.171.0; docs/agents/codex.md has what was seen. */
export const CODEX: AgentPreset = {
  title: 'Codex',
  install: 'npm install -g @openai/codex',
  argv: [
    'codex',
    'exec',
    '--json',
    '--ephemeral',
    '--ignore-rules',
    '--skip-git-repo-check',
    // Keeps the checkout's AGENTS.md out.
    '-c',
    'project_doc_max_bytes=0',
    // Without it the prompt is expected as an argument.
    '-',
  ],
  // In the worker's sandbox no further one can be made, and every command of the agent would fail.
  sandbox_argv: { boxed: ['--sandbox', 'danger-full-access'], none: ['--sandbox', 'workspace-write'] },
  model_argv: ['--model', '{model}'],
  version_argv: ['--version'],
  credentials: ['CODEX_API_KEY'],
  env: {},
  home: {},
  hosts: ['api.openai.com'],
  answer: { pointer: '/item/text' },
  failures: [
    { class: 'budget', pointer: '/error/message', matches: '(?i)usage limit|exceeded your current quota' },
    { class: 'authentication', pointer: '/error/message', matches: 'status:? (?:401|403)\\b' },
    { class: 'configuration', pointer: '/error/message', matches: 'status:? (?:400|404)\\b' },
    // What is left is trouble of the service or of the network, which it words in many ways.
    { class: 'transient', pointer: '/error/message', matches: 'status:? (?:408|429|5[0-9]{2})\\b' },
    {
      class: 'transient',
      pointer: '/error/message',
      matches: '(?i)high demand|stream disconnected|error sending request',
    },
  ],
  usage: {
    input_tokens: '/usage/input_tokens',
    output_tokens: '/usage/output_tokens',
    cached_tokens: '/usage/cached_input_tokens',
    session_id: '/thread_id',
  },
  work: {
    // It names the kind of a call, and the tool only of an MCP server.
    calls: {
      kind: 'events',
      at: '/item',
      type: { member: 'type', is: ['command_execution', 'file_change', 'mcp_tool_call', 'web_search'] },
      name: '/type',
      id: '/id',
    },
  },
};

/** It ends with the status of HTTP, of which a process keeps the last eight bits. */
const exitCode = (status: number): number => status % 256;

/** Gemini CLI. Tried with 0.61.0; docs/agents/gemini.md has what was seen. */
export const GEMINI: AgentPreset = {
  title: 'Gemini CLI',
  install: 'npm install -g @google/gemini-cli',
  argv: ['gemini', '--output-format', 'json', '--approval-mode', 'auto_edit', '--skip-trust', '--extensions', 'none'],
  model_argv: ['--model', '{model}'],
  version_argv: ['--version'],
  credentials: ['GEMINI_API_KEY'],
  env: {
    GEMINI_TELEMETRY_ENABLED: 'false',
    // As the system's settings they hold against those of the checkout.
    GEMINI_CLI_SYSTEM_SETTINGS_PATH: '{scratch}/../home/.gemini/settings.json',
  },
  home: {
    '.gemini/settings.json': JSON.stringify({
      security: { auth: { selectedType: 'gemini-api-key' } },
      // By default it repeats a call ten times, for minutes.
      general: { enableAutoUpdate: false, enableAutoUpdateNotification: false, maxAttempts: 3, retryFetchErrors: true },
      // Names no file, so that a GEMINI.md of the checkout does not reach the model.
      context: { fileName: ['.promptos-no-instructions'] },
      hooksConfig: { enabled: false },
      mcp: { allowed: ['promptos-none'] },
      privacy: { usageStatisticsEnabled: false },
    }),
  },
  hosts: ['generativelanguage.googleapis.com'],
  service: { url: 'GOOGLE_GEMINI_BASE_URL' },
  answer: { pointer: '/response' },
  failures: [
    { class: 'authentication', exit_codes: [41], message: '/error/message' },
    {
      class: 'authentication',
      exit_codes: [144],
      in: ['stderr'],
      matches: 'API key not valid',
      message: '/error/message',
    },
    { class: 'authentication', exit_codes: [401, 403].map(exitCode), message: '/error/message' },
    { class: 'transient', exit_codes: TRANSIENT_STATUSES.map(exitCode), message: '/error/message' },
    { class: 'configuration', exit_codes: [400, 404].map(exitCode), message: '/error/message' },
    { class: 'configuration', exit_codes: [52], message: '/error/message' },
  ],
  usage: {
    input_tokens: '/stats/models/*/tokens/input',
    output_tokens: '/stats/models/*/tokens/candidates',
    cached_tokens: '/stats/models/*/tokens/cached',
    session_id: '/session_id',
  },
  served_pointer: '/stats/models',
  work: { calls: { kind: 'counts', at: '/stats/tools/byName', count: 'count' } },
};

/** GitHub Copilot CLI. Tried with 1.0.102; docs/agents/copilot.md has what was seen. */
export const COPILOT: AgentPreset = {
  title: 'GitHub Copilot CLI',
  install: 'npm install -g @github/copilot',
  argv: [
    'copilot',
    '--output-format',
    'json',
    '--allow-all-tools',
    '--no-custom-instructions',
    '--disable-builtin-mcps',
    '--disable-client-telemetry',
  ],
  model_argv: ['--model', '{model}'],
  version_argv: ['--version'],
  credentials: ['COPILOT_GITHUB_TOKEN', 'GH_TOKEN', 'GITHUB_TOKEN', 'COPILOT_PROVIDER_API_KEY'],
  env: { COPILOT_AUTO_UPDATE: 'false' },
  home: {},
  hosts: ['api.github.com', '*.githubcopilot.com'],
  service: {
    url: 'COPILOT_PROVIDER_BASE_URL',
    with: ['COPILOT_PROVIDER_TYPE', 'COPILOT_MODEL', 'COPILOT_OFFLINE'],
  },
  answer: { pointer: '/data/content' },
  failures: [
    { class: 'authentication', pointer: '/data/statusCode', equals: [401, 403], message: '/data/errorMessage' },
    { class: 'transient', pointer: '/data/statusCode', equals: TRANSIENT_STATUSES, message: '/data/errorMessage' },
    { class: 'configuration', pointer: '/data/statusCode', equals: [400, 404], message: '/data/errorMessage' },
  ],
  usage: { session_id: '/sessionId' },
  work: {
    calls: {
      kind: 'events',
      at: '',
      type: { member: 'type', is: ['tool.execution_start'] },
      name: '/data/toolName',
      id: '/data/toolCallId',
    },
  },
};
