import { type AgentPreset, TOOL_USE_CALLS, TRANSIENT_STATUSES } from './agent-preset.js';

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
