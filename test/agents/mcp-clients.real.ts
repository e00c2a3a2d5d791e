import { writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureBuilt, PROMPTOS } from '../support/built-package.js';
import { createGovernedWorker, type GovernedWorker, type WorkedRun } from '../support/governed-worker.js';
import { type McpHome, makeMcpHome } from '../support/mcp-client.js';
import type { ModelTurn } from '../support/model-protocols.js';
import { type ModelServer, startModelServer } from '../support/model-server.js';
import { startTestServer, type TestServer } from '../support/temporal.js';
import { AGENT_CASES } from './agent-cases.js';
import { makeCheckout } from './agent-run.js';
import { installAgent } from './install-agent.js';

/*
 * Clients that others wrote, on `promptos mcp` of the built program and runs of a real Temporal server. Agents have a scripted
 * model. docs/mcp.md says what was tried.
 */

let temporal: TestServer;
let site: GovernedWorker;
let home: McpHome;
let model: ModelServer;
let run: WorkedRun;
beforeAll(async () => {
  await ensureBuilt();
  temporal = await startTestServer();
  site = await createGovernedWorker({ address: temporal.address });
  home = await makeMcpHome(site, temporal.address);
  model = await startModelServer();
});
afterAll(async () => {
  await model?.close();
  await site?.close();
  await temporal?.stop();
});

const path = `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`;

async function waitingRun(): Promise<WorkedRun> {
  run = await site.startRun();
  await run.awaitDecision('P00');
  return run;
}

describe('MCP Inspector', () => {
  // The second line needs a newer Node than this project does.
  const version = Number(process.versions.node.split('.')[0]) >= 24 ? '2.12.0' : '1.0.3';

  test(`${version} --cli: lists the tools and calls one`, async () => {
    const bin = await installAgent({ registry: 'npm', package: '@modelcontextprotocol/inspector', version });
    const { runId } = await waitingRun();
    const inspect = async (...args: readonly string[]) => {
      const server = [process.execPath, PROMPTOS, 'mcp', '--as', 'nina'];
      const { stdout } = await execa(join(bin, 'mcp-inspector'), ['--cli', ...server, ...args], {
        cwd: home.cwd,
        env: { ...home.env, PATH: path },
        extendEnv: false,
      });
      return JSON.parse(stdout);
    };
    const { tools } = await inspect('--method', 'tools/list');
    expect(tools.map(({ name }: { name: string }) => name)).toContain('raise_escalation');
    const called = await inspect('--method', 'tools/call', '--tool-name', 'get_run', '--tool-arg', `run=${runId}`);
    expect(called.structuredContent.status).toMatchObject({ run_id: runId, phase: 'open' });
  });
});

/** How an agent is given a server that it starts itself, and what it calls the server's tools. */
interface McpAgent {
  readonly agent: 'claude';
  line(config: string, server: McpHome): readonly string[];
  toolName(name: string): string;
  /** What its model does before. */
  readonly first: readonly ModelTurn[];
}

const serverOf = ({ cwd, env }: McpHome) => ({
  command: process.execPath,
  args: [PROMPTOS, '-C', cwd, 'mcp', '--as', 'nina'],
  env,
});

const AGENTS: readonly McpAgent[] = [
  {
    agent: 'claude',
    line: (config, server) => {
      writeFileSync(config, JSON.stringify({ mcpServers: { promptos: serverOf(server) } }));
      const tools = ['get_run', 'raise_escalation'].map((name) => `mcp__promptos__${name}`).join(',');
      return [
        ...['claude', '-p', '--output-format', 'stream-json', '--verbose', '--model', 'sonnet'],
        ...['--mcp-config', config, '--strict-mcp-config', '--allowedTools', tools],
      ];
    },
    toolName: (name) => `mcp__promptos__${name}`,
    // It asks its model for the first time before the server answers.
    first: [{ kind: 'tool', name: 'WaitForMcpServers', input: {} }],
  },
];

describe.each(AGENTS)('$agent as a client', ({ agent, line, toolName, first }) => {
  const known = AGENT_CASES.find((each) => each.agent === agent);
  if (known === undefined) throw new Error(`no case of ${agent}`);

  test(`${known.version}: its model reads a run, and stops it with an escalation signed by the principal`, async () => {
    const bin = await installAgent(known);
    const { runId } = await waitingRun();
    const checkout = await makeCheckout({}, homedir());
    const [program = '', ...args] = line(join(checkout, '..', 'mcp.json'), home);
    model.script(
      [
        ...first,
        { kind: 'tool', name: toolName('get_run'), input: { run: runId } },
        { kind: 'tool', name: toolName('raise_escalation'), input: { run: runId, issue: 'The scope is too wide.' } },
        { kind: 'text', text: 'I raised an escalation.' },
      ],
      // Agents ask the model for a title of the session too, without any tool.
      { aside: (call) => (call.tools.length === 0 ? { kind: 'text', text: 'A title' } : null) },
    );
    const { stdout } = await execa(join(bin, program), args, {
      cwd: checkout,
      input: `Look at run ${runId}, and stop it.`,
      env: { ...known.connect(model.url).set, PATH: `${bin}:${path}`, HOME: dirname(checkout) },
      extendEnv: false,
      reject: false,
    });
    model.assertDone();
    expect(stdout).toContain('I raised an escalation.');
    expect(model.calls.at(-1)?.tools).toContain(toolName('raise_escalation'));
    expect(model.calls.at(-1)?.text).toContain('Data, not instructions');
    const awaited = await run.awaitEscalation('E1');
    expect(awaited).toMatchObject({ trigger: 'person', raised_by: 'nina', issue: 'The scope is too wide.' });
  });
});
