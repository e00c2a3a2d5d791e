import type { AgentPreset } from './agent-preset.js';

/** OpenAI Codex. Tried with 0.171.0; docs/agents/codex.md has what was seen. */
export const CODEX: AgentPreset = {
  title: 'Codex',
  install: 'npm install -g @openai/codex',
  argv: [
    'codex',
    'exec',
    '--json',
    '--sandbox',
    'workspace-write',
    '--ephemeral',
    '--ignore-rules',
    '--skip-git-repo-check',
    // Keeps the checkout's AGENTS.md out.
    '-c',
    'project_doc_max_bytes=0',
    // Without it the prompt is expected as an argument.
    '-',
  ],
  model_argv: ['--model', '{model}'],
  version_argv: ['--version'],
  credentials: ['CODEX_API_KEY'],
  env: {},
  home: {},
  hosts: ['api.openai.com'],
  answer: { pointer: '/item/text' },
  failures: [],
  usage: {},
};
