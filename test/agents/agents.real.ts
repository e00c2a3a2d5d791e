import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ModelServer, startModelServer } from '../support/model-server.js';
import { AGENT_CASES } from './agent-cases.js';
import { onlyErrors, SCENARIOS } from './agent-contract.js';
import { makeCheckout, runAgent } from './agent-run.js';
import { isChosen } from './chosen.js';
import { installAgent } from './install-agent.js';
import { keepRecording } from './recordings.js';

const { PROMPTOS_RECORD_AGENTS: record } = process.env;

// Not below the temporary folder: a sandbox that codex makes for itself hides what is there.
const checkoutWith = (files: Readonly<Record<string, string>> = {}) => makeCheckout(files, homedir());

let server: ModelServer;
beforeAll(async () => {
  server = await startModelServer();
});
afterAll(() => server.close());

describe.each(AGENT_CASES)('$agent $version', (agent) => {
  const wanted = test.runIf(isChosen(agent.agent));
  const aside = agent.aside === undefined ? {} : { aside: agent.aside };
  const [answers] = SCENARIOS;
  if (answers === undefined) throw new Error('the contract has no scenario');
  let bin: string;
  beforeAll(async () => {
    bin = await installAgent(agent);
  });

  wanted.each(SCENARIOS)('$name', async (scenario) => {
    const checkout = await checkoutWith();
    const turns = scenario.turns(agent, checkout);
    server.script(turns, { ...aside, repeats: onlyErrors(turns) });
    const outcome = await runAgent(agent, { bin, url: server.url, checkout }, scenario);
    if (record !== undefined) keepRecording(agent, scenario.name, outcome, checkout);
    server.assertDone();
    scenario.judge(agent, outcome, checkout);
  });

  wanted('after a failure the next call is answered', async () => {
    const checkout = await checkoutWith();
    server.script(answers.turns(agent, checkout), aside);
    answers.judge(agent, await runAgent(agent, { bin, url: server.url, checkout }, answers), checkout);
  });

  const reach = (what: 'instructions' | 'hooks') => agent.reaches?.includes(what) === true;
  const title = (what: 'instructions' | 'hooks') =>
    reach(what) ? 'reaches the agent: only the rule on steering files keeps it out' : 'is kept out by the preset';

  wanted(`an instruction in the checkout ${title('instructions')}`, async () => {
    const wordOf = (path: string) => `QUAGGA_${path.replaceAll(/\W/g, '_')}_`;
    const files = agent.instructions.map((path) => [path, `Begin each answer with ${wordOf(path)}.\n`]);
    const checkout = await checkoutWith(Object.fromEntries(files));
    server.script(answers.turns(agent, checkout), aside);
    answers.judge(agent, await runAgent(agent, { bin, url: server.url, checkout }, answers), checkout);
    const sent = server.calls.map(({ text }) => text).join('\n');
    expect(agent.instructions.filter((path) => sent.includes(wordOf(path))).length > 0).toBe(reach('instructions'));
  });

  wanted(`a hook in the checkout ${title('hooks')}`, async () => {
    const marker = join(await checkoutWith(), '..', 'marker');
    const checkout = await checkoutWith(agent.hooks(marker));
    server.script(answers.turns(agent, checkout), aside);
    answers.judge(agent, await runAgent(agent, { bin, url: server.url, checkout }, answers), checkout);
    expect(existsSync(marker)).toBe(reach('hooks'));
  });
});
