import type { AgentPreset } from './agent-preset.js';

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
  answer: { pointer: '/response' },
  failures: [],
  usage: {},
  served_pointer: '/stats/models',
};
