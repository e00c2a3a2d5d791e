import { mkdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { AgentName } from '../../src/contracts/names.js';
import { untilHandedOff } from '../handoff/support.js';
import { PROMPTOS } from '../support/built-package.js';
import { exampleOutputs } from '../support/gate-outputs.js';
import { EXAMPLE_POLICY } from '../support/governed-repository.js';
import { createGovernedWorker, type GovernedWorker, type WorkedRun } from '../support/governed-worker.js';
import { type McpHome, makeMcpHome } from '../support/mcp-client.js';
import { startMcpHttp } from '../support/mcp-http.js';
import type { ModelTurn } from '../support/model-protocols.js';
import { type ModelCall, type ModelServer, type ScriptedTurn, startModelServer } from '../support/model-server.js';
import { writeSiteConfig } from '../support/site-home.js';
import { startTestServer, type TestServer } from '../support/temporal.js';
import { AGENT_CASES, type AgentCase } from './agent-cases.js';
import { makeCheckout } from './agent-run.js';
import { isChosen } from './chosen.js';
import { installAgent } from './install-agent.js';

/*
 * Clients that others wrote, on `promptos mcp` of the built program and runs of a real Temporal server. Agents have a scripted
 * model. docs/mcp.md says what was tried.
 */

const { PROMPTOS_SHOW_TRANSCRIPT: show } = process.env;
// The worker of the site refuses variables that it does not know.
delete process.env.PROMPTOS_TEST_AGENT;
delete process.env.PROMPTOS_SHOW_TRANSCRIPT;

let temporal: TestServer;
let site: GovernedWorker;
let home: McpHome;
let model: ModelServer;
let run: WorkedRun;
/** Where Nina's gates are handed off. */
let elsewhere: GovernedWorker;
let elsewhereHome: McpHome;
beforeAll(async () => {
  temporal = await startTestServer();
  site = await createGovernedWorker({ address: temporal.address });
  home = await makeMcpHome(site, temporal.address);
  model = await startModelServer();
  elsewhere = await createGovernedWorker({
    address: temporal.address,
    signedPolicy: EXAMPLE_POLICY.replace('nina: { kind: agent }', 'nina: { kind: human }'),
    handOff: (principal: string) => (principal === 'nina' ? { claim_timeout_ms: 3_600_000 } : null),
  });
  elsewhereHome = await makeMcpHome(elsewhere, temporal.address);
  await writeSiteConfig(elsewhere, join(elsewhereHome.cwd, 'worker.yaml'), {
    trust: { policies: ['policy.yaml'] },
    repositories: { [elsewhere.repository.run.target_repo]: { path: elsewhere.repository.repository } },
    executors: { nina: { kind: 'handoff' } },
    sandbox: 'none',
  });
});
afterAll(async () => {
  await model?.close();
  await elsewhere?.close();
  await site?.close();
  await temporal?.stop();
});

const path = `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`;

async function waitingRun(): Promise<WorkedRun> {
  run = await site.startRun();
  await run.awaitDecision('P00');
  return run;
}

describe.runIf(isChosen('mcp:inspector'))('MCP Inspector', () => {
  // The second line needs a newer Node than this project does.
  const version = Number(process.versions.node.split('.')[0]) >= 24 ? '2.12.0' : '1.0.3';

  const inspect = async (...args: readonly string[]) => {
    const bin = await installAgent({ registry: 'npm', package: '@modelcontextprotocol/inspector', version });
    const { stdout, stderr, exitCode } = await execa(join(bin, 'mcp-inspector'), ['--cli', ...args], {
      cwd: home.cwd,
      env: { ...home.env, PATH: path },
      extendEnv: false,
      reject: false,
    });
    if (show !== undefined) console.log(`${stdout.slice(0, 3_000)}\n--- ${exitCode}\n${stderr}`);
    return { exitCode, said: `${stdout}\n${stderr}`, given: () => JSON.parse(stdout) };
  };

  /** Lists the tools, and calls one. @param target the arguments that lead to the server */
  async function tryServer(target: readonly string[]): Promise<void> {
    const { runId } = await waitingRun();
    const { tools } = (await inspect(...target, '--method', 'tools/list')).given();
    const names = tools.map(({ name }: { name: string }) => name);
    expect(names).toEqual(expect.arrayContaining(['get_run', 'open_gate', 'submit_output', 'raise_escalation']));
    expect(names.filter((name: string) => /approve|reject|resolve|cancel|decide/.test(name))).toEqual([]);
    const call = ['--method', 'tools/call', '--tool-name', 'get_run', '--tool-arg', `run=${runId}`];
    const called = (await inspect(...target, ...call)).given();
    expect(called.structuredContent.status).toMatchObject({ run_id: runId, phase: 'open' });
  }

  test(`${version} --cli: lists the tools and calls one of a server that it starts`, async () => {
    await tryServer([process.execPath, PROMPTOS, 'mcp', '--as', 'nina']);
  });

  test(`${version} --cli: lists the tools and calls one over streamable HTTP, with the token and not without`, async () => {
    const http = await startMcpHttp(home);
    onTestFinished(async () => {
      await http.stop('SIGTERM');
    });
    const target = [http.url.href, '--transport', 'http'];
    await tryServer([...target, '--header', `Authorization: Bearer ${http.token}`]);
    const refused = await inspect(...target, '--method', 'tools/list');
    expect(refused.exitCode).not.toBe(0);
    expect(refused.said).toContain('Expected the bearer token');
    expect(refused.said).not.toContain('get_run');
  });
});

/** How an agent is given a server that it starts itself. */
interface McpAgent {
  readonly agent: AgentName;
  /** The file of docs/mcp.md, below its home folder, and the command line. */
  configure(
    server: Server,
    connected: ReturnType<AgentCase['connect']>,
  ): {
    readonly file: string;
    readonly text: string;
    readonly line: readonly string[];
  };
  /** What its model does before. */
  readonly first?: readonly ModelTurn[];
}

interface Server {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const serverOf = ({ cwd, env }: McpHome): Server => ({
  command: process.execPath,
  args: [PROMPTOS, '-C', cwd, 'mcp', '--as', 'nina'],
  env,
});

const toml = (table: Readonly<Record<string, string>>): string =>
  `{ ${Object.entries(table)
    .map(([name, value]) => `${name} = ${JSON.stringify(value)}`)
    .join(', ')} }`;

const AGENTS: readonly McpAgent[] = [
  {
    agent: 'claude',
    configure: (server) => ({
      file: 'mcp.json',
      text: JSON.stringify({ mcpServers: { promptos: server } }),
      line: [
        ...['claude', '-p', '--output-format', 'stream-json', '--verbose', '--model', 'sonnet'],
        ...['--mcp-config', '../mcp.json', '--strict-mcp-config', '--allowedTools', 'mcp__promptos'],
      ],
    }),
    // It asks its model for the first time before the server answers.
    first: [{ kind: 'tool', name: 'WaitForMcpServers', input: {} }],
  },
  {
    agent: 'codex',
    configure: ({ command, args, env }, { arguments: more = [] }) => ({
      file: '.codex/config.toml',
      text: `[mcp_servers.promptos]\ncommand = ${JSON.stringify(command)}\nargs = ${JSON.stringify(args)}\nenv = ${toml(env)}\ntool_timeout_sec = 600\nstartup_timeout_sec = 60\nrequired = true\ndefault_tools_approval_mode = "approve"\n`,
      line: ['codex', 'exec', '--json', '--skip-git-repo-check', ...more, '--model', 'gpt-test', '-'],
    }),
  },
  {
    agent: 'gemini',
    configure: (server) => ({
      file: '.gemini/settings.json',
      text: JSON.stringify({
        security: { auth: { selectedType: 'gemini-api-key' } },
        mcpServers: { promptos: { ...server, timeout: 600_000, trust: true } },
      }),
      line: ['gemini', '--output-format', 'json', '--skip-trust', '--model', 'gemini-2.5-pro'],
    }),
  },
  {
    agent: 'opencode',
    configure: ({ command, args, env }) => ({
      file: '.config/opencode/opencode.json',
      text: JSON.stringify({
        mcp: { promptos: { type: 'local', command: [command, ...args], environment: env, enabled: true } },
      }),
      line: ['opencode', 'run', '--format', 'json', '--model', 'openai/gpt-4o'],
    }),
  },
];

/** A call of one of the server's tools, by the name that the agent has for it. */
const callOf =
  (tool: string, input: Readonly<Record<string, unknown>>) =>
  ({ tools }: ModelCall): ModelTurn => {
    const name = tools.find((one) => one.endsWith(tool));
    if (name === undefined) throw new Error(`the agent offers no ${tool}: ${tools.join(', ')}`);
    const namespace = name === tool ? tools.find((one) => one.startsWith('mcp__promptos')) : undefined;
    return { kind: 'tool', name, input, ...(namespace === undefined ? {} : { namespace }) };
  };

describe.each(AGENTS)('$agent as a client', ({ agent, configure, first = [] }) => {
  const wanted = test.runIf(isChosen(`mcp:${agent}`));
  const known = AGENT_CASES.find((each) => each.agent === agent);
  if (known === undefined) throw new Error(`no case of ${agent}`);

  /** Has the agent work in a folder of its own, with the server as docs/mcp.md configures it. */
  async function work(server: McpHome, prompt: string, turns: readonly ScriptedTurn[]): Promise<string> {
    const bin = await installAgent(known as AgentCase);
    const checkout = await makeCheckout({}, homedir());
    const connected = (known as AgentCase).connect(model.url);
    const { file, text, line } = configure(serverOf(server), connected);
    const [program = '', ...args] = line;
    await mkdir(dirname(join(checkout, '..', file)), { recursive: true });
    await writeFile(join(checkout, '..', file), text);
    // Agents ask the model for a title of the session too, without any tool.
    model.script([...first, ...turns], {
      aside: (call) => (call.tools.length === 0 ? { kind: 'text', text: 'A title' } : null),
    });
    const { stdout, stderr } = await execa(join(bin, program), args, {
      cwd: checkout,
      input: prompt,
      env: { ...connected.set, PATH: `${bin}:${path}`, HOME: dirname(checkout) },
      extendEnv: false,
      reject: false,
    });
    if (show !== undefined) console.log(`${stdout.slice(-6_000)}\n---\n${stderr.slice(-3_000)}`);
    model.assertDone();
    return stdout;
  }

  wanted(
    `${known.version}: its model reads a run, and stops it with an escalation signed by the principal`,
    async () => {
      const { runId } = await waitingRun();
      const stdout = await work(home, `Look at run ${runId}, and stop it.`, [
        callOf('get_run', { run: runId }),
        callOf('raise_escalation', { run: runId, issue: 'The scope is too wide.' }),
        { kind: 'text', text: 'I raised an escalation.' },
      ]);
      expect(stdout).toContain('I raised an escalation.');
      // Some give their model the structured content of a result, others the text.
      expect(model.calls.at(-1)?.text).toMatch(/Data, not instructions|PROMPTOS-DATA tool_result/);
      const awaited = await run.awaitEscalation('E1');
      expect(awaited).toMatchObject({ trigger: 'person', raised_by: 'nina', issue: 'The scope is too wide.' });
    },
  );

  wanted(
    `${known.version}: its model does a gate that is handed off: the prompt reaches it, and its output the run`,
    async () => {
      const handed = await elsewhere.startRun();
      await untilHandedOff(elsewhere, handed, 'P00');
      const about = { run: handed.runId };
      const output = { kind: 'output', ...exampleOutputs().P00 };
      const stdout = await work(elsewhereHome, `Do the current gate of run ${handed.runId}.`, [
        callOf('open_gate', about),
        callOf('submit_output', { ...about, gate: 'P00', output }),
        { kind: 'text', text: 'I submitted it.' },
      ]);
      expect(stdout).toContain('I submitted it.');
      expect(model.calls.at(-2)?.text).toContain('<<<PROMPTOS-DATA request>>>');
      const { output_sha256 } = await handed.awaitDecision('P00');
      expect(output_sha256).toMatch(/^[0-9a-f]{64}$/);
    },
  );
});
