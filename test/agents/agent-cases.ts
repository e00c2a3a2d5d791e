import type { AgentName } from '../../src/contracts/names.js';
import type { ModelTurn } from '../support/model-protocols.js';
import type { ModelCall } from '../support/model-server.js';

/** What the contract needs to know of one agent, beside its preset. */
export interface AgentCase {
  readonly agent: AgentName;
  readonly registry: 'npm' | 'pypi';
  readonly package: string;
  /** The version that is installed. Written down in docs/agents. */
  readonly version: string;
  readonly model: string;
  /** How the agent is pointed at the model server: variables, and arguments where it has no variable. */
  connect(url: string): { readonly set: Readonly<Record<string, string>>; readonly arguments?: readonly string[] };
  /** The turn that writes a file, from the tools that the agent offers. */
  write(path: string, text: string, call: ModelCall): ModelTurn;
  /** Calls that the agent makes beside its work; null for a call of the work. */
  aside?(call: ModelCall): ModelTurn | null;
  /** Files of a checkout that hold the instruction, by path. */
  readonly instructions: readonly string[];
  /** Files of a checkout that would run `touch` with the path of a marker when the agent starts. */
  hooks(marker: string): Readonly<Record<string, string>>;
  /** What the agent's flags do not keep out, so that only the engine's rule on steering files does. */
  readonly reaches?: readonly ('instructions' | 'hooks')[];
  /** Which model it names as the one that answered. */
  readonly served: 'served' | 'none';
  /** Whether it reports tokens. */
  readonly counts: boolean;
  /** What it reports of its tools when it writes one file: the name of the call, and a tool of its list where it has one. */
  readonly reports: { readonly call: string | null; readonly tool?: string };
  /** What the agent says of a failure where it keeps the provider's words to itself. */
  readonly ownWords?: Readonly<Partial<Record<'transient' | 'authentication', RegExp>>>;
  /** The program as the record has it, where it is not called as the agent is. */
  readonly program?: string;
  /** Whether one answer of the model holds the edit and the words, for agents without tools. */
  readonly editsByText?: true;
}

const tool = (name: string, input: Readonly<Record<string, unknown>>): ModelTurn => ({ kind: 'tool', name, input });

const mcpServers = (marker: string): string =>
  JSON.stringify({ mcpServers: { planted: { command: 'touch', args: [marker] } } });

const sessionHook = (marker: string): string =>
  JSON.stringify({ hooks: { SessionStart: [{ hooks: [{ type: 'command', command: `touch '${marker}'` }] }] } });

/** A shell command that writes a file, for agents that edit by command. */
const writeCommand = (path: string, text: string): string => `printf '%s' '${text}' > '${path}'`;

/**
 * Calls of a smaller model: which model is to answer, where none is asked for, and over the Agent Client Protocol a summary. What
 * is no score is asked for again for more than a minute.
 */
const geminiAside: NonNullable<AgentCase['aside']> = ({ path, text }) => {
  if (!path.includes('flash-lite')) return null;
  const asksForScore = text.includes('"complexity_score"');
  return {
    kind: 'text',
    text: asksForScore ? '{"complexity_reasoning":"One file.","complexity_score":20}' : 'A summary',
  };
};

export const AGENT_CASES: readonly AgentCase[] = [
  {
    agent: 'claude',
    registry: 'npm',
    package: '@anthropic-ai/claude-code',
    version: '2.1.197',
    model: 'sonnet',
    connect: (url) => ({ set: { ANTHROPIC_BASE_URL: url, ANTHROPIC_API_KEY: 'test-key' } }),
    write: (path, content) => tool('Write', { file_path: path, content }),
    instructions: ['CLAUDE.md', '.claude/CLAUDE.md', 'CLAUDE.local.md', 'AGENTS.md'],
    hooks: (marker) => ({ '.claude/settings.json': sessionHook(marker), '.mcp.json': mcpServers(marker) }),
    reports: { call: 'Write', tool: 'Bash' },
    served: 'served',
    counts: true,
  },
  {
    agent: 'codex',
    registry: 'npm',
    package: '@openai/codex',
    version: '0.171.0',
    model: 'gpt-test',
    connect: (url) => ({
      set: { CODEX_API_KEY: 'test-key' },
      arguments: [
        '-c',
        'model_provider=scripted',
        '-c',
        `model_providers.scripted={name="scripted",base_url="${url}/v1",env_key="CODEX_API_KEY",wire_api="responses"}`,
      ],
    }),
    write: (path, text, { tools }) => {
      const command = writeCommand(path, text);
      // Its tools depend on the model: some get one that runs a program, which calls the others.
      if (tools.includes('exec')) {
        return {
          kind: 'script',
          name: 'exec',
          source: `await tools.exec_command(${JSON.stringify({ cmd: command })});`,
        };
      }
      return tools.includes('exec_command')
        ? tool('exec_command', { cmd: command })
        : tool('shell_command', { command });
    },
    instructions: ['AGENTS.md', 'AGENTS.override.md'],
    hooks: (marker) => ({
      '.codex/config.toml': `[mcp_servers.planted]\ncommand = "touch"\nargs = ["${marker}"]\n`,
      '.codex/hooks.json': sessionHook(marker),
    }),
    reports: { call: 'command_execution' },
    served: 'none',
    counts: true,
  },
  {
    agent: 'gemini',
    registry: 'npm',
    package: '@google/gemini-cli',
    version: '0.61.0',
    model: 'gemini-2.5-pro',
    connect: (url) => ({ set: { GOOGLE_GEMINI_BASE_URL: url, GEMINI_API_KEY: 'test-key' } }),
    write: (path, content) => tool('write_file', { file_path: path, content }),
    aside: geminiAside,
    instructions: ['GEMINI.md', 'src/GEMINI.md'],
    hooks: (marker) => ({
      '.gemini/settings.json': JSON.stringify({
        ...JSON.parse(mcpServers(marker)),
        ...JSON.parse(sessionHook(marker)),
        tools: { enableHooks: true },
      }),
    }),
    reports: { call: 'write_file' },
    served: 'served',
    reaches: ['instructions'],
    counts: true,
  },
  {
    agent: 'opencode',
    registry: 'npm',
    package: 'opencode-ai',
    version: '1.18.33',
    model: 'openai/gpt-4o',
    connect: (url) => ({
      set: {
        OPENAI_API_KEY: 'test-key',
        OPENCODE_CONFIG_CONTENT: JSON.stringify({
          share: 'disabled',
          autoupdate: false,
          provider: { openai: { npm: '@ai-sdk/openai-compatible', options: { baseURL: `${url}/v1` } } },
        }),
      },
    }),
    write: (filePath, content) => tool('write', { filePath, content }),
    aside: ({ tools }) => (tools.length === 0 ? { kind: 'text', text: 'A title' } : null),
    instructions: ['AGENTS.md', 'CLAUDE.md'],
    hooks: (marker) => ({
      'opencode.json': JSON.stringify({ mcp: { planted: { type: 'local', command: ['touch', marker] } } }),
      '.opencode/plugin/planted.js': `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(marker)}, ''); export const Planted = async () => ({});`,
    }),
    reports: { call: 'write' },
    served: 'none',
    reaches: ['hooks'],
    counts: true,
  },
  {
    agent: 'qwen',
    registry: 'npm',
    package: '@qwen-code/qwen-code',
    version: '0.15.10',
    model: 'qwen-test',
    connect: (url) => ({ set: { OPENAI_BASE_URL: `${url}/v1`, OPENAI_API_KEY: 'test-key' } }),
    write: (path, content) => tool('write_file', { file_path: path, content }),
    instructions: ['QWEN.md', 'AGENTS.md'],
    hooks: (marker) => ({
      '.qwen/settings.json': JSON.stringify({ ...JSON.parse(mcpServers(marker)), ...JSON.parse(sessionHook(marker)) }),
    }),
    reports: { call: 'write_file', tool: 'write_file' },
    served: 'none',
    counts: true,
  },
  {
    agent: 'copilot',
    registry: 'npm',
    package: '@github/copilot',
    version: '1.0.102',
    model: 'gpt-test',
    connect: (url) => ({
      set: {
        COPILOT_OFFLINE: 'true',
        COPILOT_PROVIDER_BASE_URL: `${url}/v1`,
        COPILOT_PROVIDER_API_KEY: 'test-key',
        COPILOT_MODEL: 'gpt-test',
      },
    }),
    write: (path, text) => tool('bash', { command: writeCommand(path, text), description: 'Make the file' }),
    instructions: ['AGENTS.md', 'CLAUDE.md', 'GEMINI.md', '.github/copilot-instructions.md'],
    hooks: (marker) => ({
      '.mcp.json': mcpServers(marker),
      '.github/hooks/planted.json': JSON.stringify({
        version: 1,
        hooks: { sessionStart: [{ type: 'command', bash: `touch '${marker}'` }] },
      }),
    }),
    reports: { call: 'bash' },
    served: 'none',
    counts: false,
  },
  {
    agent: 'aider',
    registry: 'pypi',
    package: 'aider-chat',
    version: '0.86.2',
    model: 'openai/gpt-4o',
    connect: (url) => ({ set: { OPENAI_API_BASE: `${url}/v1`, OPENAI_API_KEY: 'test-key' } }),
    write: (path, text) => ({
      kind: 'text',
      text: `${path.split('/').slice(-1)[0]}\n\`\`\`text\n<<<<<<< SEARCH\n=======\n${text}\n>>>>>>> REPLACE\n\`\`\`\n`,
    }),
    editsByText: true,
    instructions: ['CONVENTIONS.md', 'AGENTS.md'],
    hooks: (marker) => ({ '.aider.conf.yml': `test-cmd: touch ${marker}\nauto-test: true\n` }),
    reports: { call: null },
    served: 'none',
    counts: false,
  },
];
