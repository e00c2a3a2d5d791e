import type { AgentPreset } from './agent-preset.js';

/** Gemini CLI. Tried with 0.61.0; docs/agents/gemini.md has what was seen. */
export const GEMINI: AgentPreset = {
  title: 'Gemini CLI',
  install: 'npm install -g @google/gemini-cli',
  argv: ['gemini', '--output-format', 'json', '--approval-mode', 'auto_edit', '--skip-trust', '--extensions', 'none'],
  model_argv: ['--model', '{model}'],
  version_argv: ['--version'],
  credentials: ['GEMINI_API_KEY'],
  env: { GEMINI_TELEMETRY_ENABLED: 'false' },
  home: {
    '.gemini/settings.json': JSON.stringify({
      security: { auth: { selectedType: 'gemini-api-key' } },
      general: { enableAutoUpdate: false, enableAutoUpdateNotification: false },
      privacy: { usageStatisticsEnabled: false },
    }),
  },
  hosts: ['generativelanguage.googleapis.com'],
  answer: { pointer: '/response' },
  served_pointer: '/stats/models',
};
