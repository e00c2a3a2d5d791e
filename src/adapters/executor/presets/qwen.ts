import { type AgentPreset, TOOL_USE_CALLS } from './agent-preset.js';

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
