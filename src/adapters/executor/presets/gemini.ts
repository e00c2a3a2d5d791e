import { type AgentPreset, TRANSIENT_STATUSES } from './agent-preset.js';

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
