import type { AgentPreset } from './agent-preset.js';

/** aider. Tried with 0.86.2; docs/agents/aider.md has what was seen. */
export const AIDER: AgentPreset = {
  title: 'aider',
  install: 'uv tool install aider-chat',
  argv: [
    'aider',
    '--message-file',
    '/dev/stdin',
    '--edit-format',
    'diff',
    '--yes-always',
    '--no-auto-commits',
    '--no-dirty-commits',
    '--no-gitignore',
    '--no-pretty',
    '--no-stream',
    '--no-fancy-input',
    '--no-show-model-warnings',
    '--no-check-update',
    '--analytics-disable',
    '--no-suggest-shell-commands',
    '--no-auto-lint',
    '--no-auto-test',
    // By default it leaves its history in the checkout.
    '--chat-history-file',
    '/dev/null',
    '--input-history-file',
    '/dev/null',
    '--map-tokens',
    '0',
  ],
  model_argv: ['--model', '{model}'],
  version_argv: ['--version'],
  credentials: ['ANTHROPIC_API_KEY', 'OPENAI_API_KEY', 'GEMINI_API_KEY', 'OPENROUTER_API_KEY'],
  // It wraps what it prints at the width of the terminal, and breaks the answer.
  env: { COLUMNS: '100000' },
  home: {},
  hosts: ['api.anthropic.com', 'api.openai.com', 'generativelanguage.googleapis.com', 'openrouter.ai'],
  answer: {},
  failures: [
    // It ends with 0 and prints the error of its library. An empty account is a limit of rate for some providers.
    {
      class: 'budget',
      in: ['stdout'],
      matches: '(?i)^litellm\\..*(?:insufficient_quota|exceeded your current quota|credit balance is too low)',
    },
    { class: 'authentication', in: ['stdout'], matches: '^litellm\\.(?:AuthenticationError|PermissionDeniedError)' },
    {
      class: 'transient',
      in: ['stdout'],
      matches:
        // No block of an answer follows: it repeats calls itself, and a call may have got through.
        '^litellm\\.(?:RateLimitError|InternalServerError|ServiceUnavailableError|APIConnectionError|BadGatewayError|Timeout)[^`]*\\z',
    },
    { class: 'configuration', in: ['stdout'], matches: '^litellm\\.(?:NotFoundError|BadRequestError)' },
  ],
  usage: {},
  // It prints no events.
  work: {},
};
