import { type AgentPreset, TRANSIENT_STATUSES } from './agent-preset.js';

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
