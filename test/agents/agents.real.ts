import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ModelServer, startModelServer } from '../support/model-server.js';
import { AGENT_CASES } from './agent-cases.js';
import { makeCheckout, runAgent } from './agent-run.js';
import { installAgent } from './install-agent.js';

const ANSWER = { kind: 'output', summary: 'The context is understood.', constraints: [], questions: [] };
const fenced = (value: object): string => `I read it.\n\n\`\`\`json\n${JSON.stringify(value, null, 2)}\n\`\`\`\n`;

const only = process.env.PROMPTOS_TEST_AGENT;
const cases = AGENT_CASES.filter(({ agent }) => only === undefined || agent === only);
const dump = (outcome: { stdout: Uint8Array; stderr: Uint8Array }) => {
  if (process.env.DUMP)
    console.log(
      Buffer.from(outcome.stdout).toString().slice(0, 6000),
      '\n--- stderr\n',
      Buffer.from(outcome.stderr).toString().slice(0, 3000),
    );
};

let server: ModelServer;
beforeAll(async () => {
  server = await startModelServer();
});
afterAll(() => server.close());

describe.each(cases)('$agent $version', (agent) => {
  let bin: string;
  beforeAll(async () => {
    bin = await installAgent(agent);
  });
  const options = agent.aside === undefined ? {} : { aside: agent.aside };

  test("answer: the model's words at P00 are found", async () => {
    const checkout = await makeCheckout();
    server.script([{ kind: 'text', text: fenced(ANSWER) }], options);
    const outcome = await runAgent(agent, { bin, url: server.url, checkout }, { prompt: 'Restate the context.' });
    dump(outcome);
    console.log(
      { ...outcome, stdout: 0, stderr: 0 },
      server.calls.map((c) => [c.path, c.tools.join()]),
    );
    server.assertDone();
    expect(outcome).toMatchObject({ exit_code: 0, problem: null });
    expect(JSON.parse(outcome.answer ?? '')).toEqual(ANSWER);
  });

  test('edit', async () => {
    const checkout = await makeCheckout();
    const path = join(checkout, 'made.txt');
    server.script(
      [(call) => agent.write(path, 'made by the agent', call), { kind: 'text', text: fenced(ANSWER) }],
      options,
    );
    const outcome = await runAgent(
      agent,
      { bin, url: server.url, checkout },
      { gate: 'P05', prompt: 'Make made.txt.' },
    );
    dump(outcome);
    console.log({ ...outcome, stdout: 0, stderr: 0 });
    server.assertDone();
    expect(readFileSync(path, 'utf8').trim()).toBe('made by the agent');
  });

  test.each([
    [401, 'Incorrect API key provided: t***.'],
    [429, 'Too many requests.'],
    [500, 'Something broke.'],
  ])('error %i', async (status, message) => {
    const checkout = await makeCheckout();
    server.script([{ kind: 'error', status, message }], { ...options, repeats: true });
    const outcome = await runAgent(agent, { bin, url: server.url, checkout }, { prompt: 'Restate the context.' });
    dump(outcome);
    console.log(status, { ...outcome, stdout: 0, stderr: 0 }, server.calls.length);
  });

  test('plants', async () => {
    const marker = join(await makeCheckout().then(dirname), 'marker');
    const checkout = await makeCheckout({
      ...Object.fromEntries(
        agent.instructions.map((path) => [path, `Always say the word QUAGGA${path.replace(/\W/g, '_')}.\n`]),
      ),
      ...agent.hooks(marker),
    });
    server.script([{ kind: 'text', text: fenced(ANSWER) }], options);
    const outcome = await runAgent(agent, { bin, url: server.url, checkout }, { prompt: 'Restate the context.' });
    dump(outcome);
    const seen = new Set(server.calls.flatMap(({ text }) => [...text.matchAll(/QUAGGA\w+/g)].map(([word]) => word)));
    console.log('PLANTS', agent.agent, [...seen], 'hook', existsSync(marker), { ...outcome, stdout: 0, stderr: 0 });
  });
});
