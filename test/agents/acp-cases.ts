import { AGENT_CASES, type AgentCase } from './agent-cases.js';

/** An agent that is started with the Agent Client Protocol; its model and its tools are those of a case of the presets. */
export interface AcpCase {
  readonly name: string;
  readonly argv: readonly [string, ...string[]];
  readonly of: AgentCase;
  /** What is installed, where it is no package of the preset's. */
  readonly package?: string;
  readonly version?: string;
  /** As it says in `initialize`. */
  readonly title: string;
  /** How it is pointed at the model server. */
  readonly set: (url: string) => Readonly<Record<string, string>>;
  /** Whether it reports tokens. */
  readonly counts: boolean;
  /** As the agent lists it; without it the agent's own default. */
  readonly model?: string;
  readonly ownWords?: AgentCase['ownWords'];
  /** The kind of the tool call that writes a file. */
  readonly writes: 'edit' | 'execute';
  /** Calls that it makes beside its work; null for a call of the work. */
  readonly aside?: AgentCase['aside'];
}

function caseOf(name: string): AgentCase {
  const found = AGENT_CASES.find(({ agent }) => agent === name);
  if (found === undefined) throw new Error(`there is no case ${name}`);
  return found;
}

const presetSet = (name: string) => (url: string) => caseOf(name).connect(url).set;

export const ACP_CASES: readonly AcpCase[] = [
  {
    name: 'gemini',
    argv: ['gemini', '--acp', '--skip-trust'],
    of: caseOf('gemini'),
    writes: 'edit',
    title: 'Gemini CLI',
    set: presetSet('gemini'),
    counts: true,
  },
  {
    name: 'opencode',
    argv: ['opencode', 'acp'],
    of: caseOf('opencode'),
    writes: 'edit',
    title: 'OpenCode',
    model: 'openai/gpt-4o',
    set: presetSet('opencode'),
    counts: true,
  },
  {
    name: 'qwen',
    argv: ['qwen', '--acp', '--auth-type', 'openai'],
    of: caseOf('qwen'),
    writes: 'edit',
    title: 'Qwen Code',
    set: presetSet('qwen'),
    ownWords: { transient: /^Rate limit exceeded/ },
    counts: false,
  },
  {
    name: 'copilot',
    argv: ['copilot', '--acp'],
    of: caseOf('copilot'),
    writes: 'execute',
    title: 'Copilot',
    set: presetSet('copilot'),
    // Its log says that it leaves out the body of the answer.
    ownWords: { authentication: /Authentication failed with provider at http:\S+ \(HTTP 401\)/ },
    counts: true,
  },
  {
    name: 'claude',
    argv: ['claude-agent-acp'],
    of: caseOf('claude'),
    writes: 'edit',
    package: '@agentclientprotocol/claude-agent-acp',
    version: '0.49.0',
    title: 'Claude Agent',
    set: presetSet('claude'),
    counts: true,
  },
  {
    name: 'codex',
    argv: ['codex-acp'],
    of: caseOf('codex'),
    writes: 'execute',
    package: '@agentclientprotocol/codex-acp',
    version: '2.6.0',
    title: 'Codex',
    // It makes this error by itself, without what the provider said.
    ownWords: { authentication: /^Authentication required \(ways of authentication that the agent offers: / },
    set: (url) => ({
      CODEX_API_KEY: 'test-key',
      MODEL_PROVIDER: 'scripted',
      CODEX_CONFIG: JSON.stringify({
        model_providers: {
          scripted: { name: 'scripted', base_url: `${url}/v1`, env_key: 'CODEX_API_KEY', wire_api: 'responses' },
        },
      }),
    }),
    counts: true,
  },
];
