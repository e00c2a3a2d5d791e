import type { AgentPreset } from './agent-preset.js';

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
    // Keeps out what the checkout says: QWEN.md, settings, hooks and MCP servers.
    '--bare',
  ],
  model_argv: ['--model', '{model}'],
  version_argv: ['--version'],
  credentials: ['OPENAI_API_KEY'],
  env: {},
  home: {
    '.qwen/settings.json': JSON.stringify({
      general: { disableAutoUpdate: true, disableUpdateNag: true },
      privacy: { usageStatisticsEnabled: false },
    }),
  },
  hosts: ['dashscope.aliyuncs.com', 'dashscope-intl.aliyuncs.com'],
  answer: { pointer: '/result' },
  failures: [],
  usage: {},
};
