import type { AgentPreset } from './agent-preset.js';

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
