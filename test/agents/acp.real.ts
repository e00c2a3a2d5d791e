import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { firstAcpExecutor } from '../../src/adapters/executor/agents/known-agent.js';
import { createLauncher } from '../../src/adapters/platform/launcher.js';
import { workerConfigSchema } from '../../src/contracts/config/worker-config.js';
import type { ExecutorOutcome } from '../../src/ports/gate-executor.js';
import { openExecutors } from '../../src/worker.js';
import { type ModelServer, startModelServer } from '../support/model-server.js';
import { printedText } from '../support/printed.js';
import { ACP_CASES, type AcpCase } from './acp-cases.js';
import { onlyErrors, SCENARIOS, type Scenario } from './agent-contract.js';
import { makeCheckout } from './agent-run.js';
import { isChosen } from './chosen.js';
import { installAgent } from './install-agent.js';

/*
 * Real agents over the Agent Client Protocol, with what `init` writes for them, against the scripted model server.
 */

const { PROMPTOS_SHOW_TRANSCRIPT: show } = process.env;

let server: ModelServer;
beforeAll(async () => {
  server = await startModelServer();
});
afterAll(() => server.close());

/** What the agent may reach: everything, or in the worker's sandbox its model service alone, through the proxy. */
type Surroundings = 'open' | 'boxed';

async function runAcpAgent(
  { argv, set, model }: AcpCase,
  { bin, checkout, surroundings }: Record<'bin' | 'checkout', string> & { readonly surroundings: Surroundings },
  { gate, prompt }: Scenario,
) {
  const { executor } = firstAcpExecutor(argv);
  const boxed = surroundings === 'boxed';
  // Where the list names 127.0.0.1, an agent does not reach a server of its own there, such as opencode's.
  const url = boxed ? server.url.replace('127.0.0.1', 'localhost') : server.url;
  const config = workerConfigSchema.parse({
    schema_version: 1,
    trust: { policies: ['policy.yaml'] },
    ...(boxed ? {} : { sandbox: 'none' }),
    executors: {
      principal: {
        ...executor,
        ...(model === undefined ? {} : { model }),
        env: { allow: executor.env.allow, set: { ...executor.env.set, ...set(url) } },
        network: boxed ? { hosts: [new URL(url).host] } : 'full',
        timeout: '3m',
      },
    },
  });
  const env = { PATH: `${bin}:${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`, LANG: 'C.UTF-8' };
  const [configDir, launcher] = [dirname(checkout), createLauncher(env.PATH)];
  onTestFinished(() => launcher.close());
  const setting = { config, configDir, stateDir: join(configDir, 'state'), env };
  const { executors } = await openExecutors(setting, launcher);
  const outcome = await executors.forPrincipal('principal').execute({
    ...{ run_id: 'run-1', gate, attempt: 1, prompt, directory: checkout },
    signal: new AbortController().signal,
  });
  if (show !== undefined) {
    console.log(`${printedText(outcome.stdout)}\n--- ${outcome.problem}\n${printedText(outcome.stderr).slice(-3_000)}`);
  }
  return outcome;
}

describe.each(ACP_CASES)('acp:$name', (agent) => {
  const wanted = test.runIf(isChosen(`acp:${agent.name}`));
  const { of } = agent;
  const asked: AcpCase['of'] = {
    ...of,
    package: agent.package ?? of.package,
    version: agent.version ?? of.version,
    registry: 'npm',
    served: 'none',
    counts: agent.counts,
    program: agent.argv[0],
    reports: { call: agent.writes, tool: 'terminal' },
    ...(agent.ownWords === undefined ? {} : { ownWords: agent.ownWords }),
  };
  const besides = agent.aside ?? of.aside;
  const aside = besides === undefined ? {} : { aside: besides };
  let bin: string;
  beforeAll(async () => {
    bin = await installAgent(asked);
  });

  async function play(scenario: Scenario, surroundings: Surroundings): Promise<ExecutorOutcome> {
    const checkout = await makeCheckout({}, homedir());
    const turns = scenario.turns(asked, checkout);
    server.script(turns, { ...aside, repeats: onlyErrors(turns) });
    const outcome = await runAcpAgent(agent, { bin, checkout, surroundings }, scenario);
    server.assertDone();
    scenario.judge(asked, outcome, checkout);
    return outcome;
  }

  wanted.each(SCENARIOS)('$name', async (scenario) => {
    const outcome = await play(scenario, 'open');
    if (outcome.answer === null) return;
    expect(outcome.agent?.name).toBe(agent.title);
    expect(outcome.used?.session_id).toMatch(/\S/);
  });

  wanted.each(SCENARIOS.filter(({ name }) => name === 'answer' || name === 'edit'))(
    "$name, in the worker's sandbox",
    async (scenario) => {
      await play(scenario, 'boxed');
    },
  );
});
