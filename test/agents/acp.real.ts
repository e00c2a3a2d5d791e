import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { firstAcpExecutor } from '../../src/adapters/executor/acp-agents.js';
import { createExecutorRegistry } from '../../src/adapters/executor/command-executor.js';
import { executorConfigSchema } from '../../src/contracts/executor-config.js';
import { type ModelServer, startModelServer } from '../support/model-server.js';
import { printedText } from '../support/printed.js';
import { ACP_CASES, type AcpCase } from './acp-cases.js';
import { onlyErrors, SCENARIOS, type Scenario } from './agent-contract.js';
import { makeCheckout } from './agent-run.js';
import { installAgent } from './install-agent.js';

/*
 * Real agents over the Agent Client Protocol, with what `init` writes for them, against the scripted model server.
 */

const { PROMPTOS_TEST_AGENT: only, PROMPTOS_SHOW_TRANSCRIPT: show } = process.env;
const cases = ACP_CASES.filter(({ name }) => only === undefined || only.split(',').includes(`acp:${name}`));

let server: ModelServer;
beforeAll(async () => {
  server = await startModelServer();
});
afterAll(() => server.close());

async function runAcpAgent({ argv, set, model }: AcpCase, bin: string, checkout: string, { gate, prompt }: Scenario) {
  const { executor } = firstAcpExecutor(argv);
  const config = executorConfigSchema.parse({
    ...executor,
    ...(model === undefined ? {} : { model }),
    env: { allow: executor.env.allow, set: { ...executor.env.set, ...set(server.url) } },
    network: 'full',
    timeout: '3m',
  });
  const registry = createExecutorRegistry(
    { principal: config },
    {
      env: { PATH: `${bin}:${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`, LANG: 'C.UTF-8' },
      configDir: dirname(checkout),
      scratchRoot: join(dirname(checkout), 'scratch'),
    },
  );
  const outcome = await registry.forPrincipal('principal').execute({
    ...{ run_id: 'run-1', gate, attempt: 1, prompt, directory: checkout },
    signal: new AbortController().signal,
  });
  if (show !== undefined) {
    console.log(`${printedText(outcome.stdout)}\n--- ${outcome.problem}\n${printedText(outcome.stderr).slice(-3_000)}`);
  }
  return outcome;
}

describe.each(cases)('acp:$name', (agent) => {
  const { of } = agent;
  const asked: AcpCase['of'] = {
    ...of,
    package: agent.package ?? of.package,
    version: agent.version ?? of.version,
    registry: 'npm',
    served: 'none',
    counts: agent.counts,
    ...(agent.withoutWords === undefined ? {} : { withoutWords: agent.withoutWords }),
  };
  const besides = agent.aside ?? of.aside;
  const aside = besides === undefined ? {} : { aside: besides };
  let bin: string;
  beforeAll(async () => {
    bin = await installAgent(asked);
  });

  test.each(SCENARIOS)('$name', async (scenario) => {
    const checkout = await makeCheckout({}, homedir());
    const turns = scenario.turns(asked, checkout);
    server.script(turns, { ...aside, repeats: onlyErrors(turns) });
    const outcome = await runAcpAgent(agent, bin, checkout, scenario);
    server.assertDone();
    scenario.judge(asked, outcome, checkout);
    if (outcome.answer === null) return;
    expect(outcome.agent?.name).toBe(agent.title);
    expect(outcome.used?.session_id).toMatch(/\S/);
  });
});
