import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { untilHandedOff } from '../../../handoff/support.js';
import { exampleOutputs } from '../../../support/gate-outputs.js';
import { EXAMPLE_POLICY } from '../../../support/governed-repository.js';
import {
  createGovernedWorker,
  type GovernedWorker,
  STRAIGHT,
  type WorkedRun,
} from '../../../support/governed-worker.js';
import { type McpCaller, makeMcpHome, startServer } from '../../../support/mcp-client.js';
import { writeSiteConfig } from '../../../support/site-home.js';

/*
 * A client of the built server does the gates of Nina, which the run hands off: the verifier and the reviewer are scripted.
 */

const HOUR = 3_600_000;
const GOOD = exampleOutputs();
const output = (fields: object) => ({ kind: 'output', ...fields });

let site: GovernedWorker;
let nina: McpCaller;
let other: McpCaller;
beforeAll(async () => {
  const handOff = (principal: string) => (principal === 'nina' ? { claim_timeout_ms: HOUR } : null);
  const signedPolicy = EXAMPLE_POLICY.replace('nina: { kind: agent }', 'nina: { kind: human }');
  site = await createGovernedWorker({ address: inject('temporalAddress'), signedPolicy, handOff });
  const home = await makeMcpHome(site, inject('temporalAddress'));
  await writeSiteConfig(site, join(home.cwd, 'worker.yaml'), {
    trust: { policies: ['policy.yaml'] },
    repositories: { [site.repository.run.target_repo]: { path: site.repository.repository } },
    executors: { nina: { kind: 'handoff' } },
    sandbox: 'none',
  });
  nina = await startServer('nina', home);
  other = await startServer('nina', home, ['--claimant', 'another']);
});
afterAll(async () => {
  await nina?.client.close();
  await other?.client.close();
  await site?.close();
});

async function handedOff(gates: Parameters<GovernedWorker['startRun']>[0] = {}): Promise<WorkedRun> {
  const run = await site.startRun(gates);
  await untilHandedOff(site, run, 'P00');
  return run;
}

test('open_gate and submit_output: a whole run whose writer is a client, approved by a person', async () => {
  const { nina: _, ...scripts } = STRAIGHT;
  const run = await handedOff({ gates: ['P00', 'P01', 'P03', 'P05', 'P06', 'P07'], scripts });
  const about = { run: run.runId };
  for (const gate of ['P00', 'P01', 'P03'] as const) {
    await untilHandedOff(site, run, gate);
    const opened = await nina.call('open_gate', about);
    expect(opened.error).toBeNull();
    expect(opened.data).toMatchObject({ run_id: run.runId, gate, attempt: 1, principal: 'nina', edits_files: false });
    expect(opened.text).toContain('<<<PROMPTOS-DATA request>>>');
    const submitted = await nina.call('submit_output', { ...about, gate, output: output(GOOD[gate]) });
    expect(submitted.data).toMatchObject({ submitted: true, before: false, gate, verdict: 'pass' });
    await run.approve(gate);
  }
  await untilHandedOff(site, run, 'P05');
  const { data } = await nina.call('open_gate', { ...about, gate: 'P05' });
  const { checkout } = data.files as { readonly checkout: string };
  expect(existsSync(join(checkout, 'src/split.js'))).toBe(true);
  await writeFile(join(checkout, 'src/split.js'), "export const split = 'right';\n");
  const built = await nina.call('submit_output', { ...about, gate: 'P05', output: output(GOOD.P05) });
  expect(built.data).toMatchObject({ submitted: true, gate: 'P05', verdict: 'pass' });
  expect(existsSync(dirname(dirname(checkout)))).toBe(false);
  for (const gate of ['P05', 'P06', 'P07'] as const) await run.approve(gate);
  expect((await site.runs.wait(run.runId)).outcome).toBe('approved');
  expect(await site.publishedJson(run.runId, 'run_record.json')).toMatchObject({
    gates: expect.arrayContaining([
      expect.objectContaining({
        gate: 'P05',
        attempts: [
          expect.objectContaining({ executor: expect.objectContaining({ kind: 'handoff', program: 'person' }) }),
        ],
      }),
    ]),
  });
});

test('list_runs: a gate that is handed off to the principal', async () => {
  const run = await handedOff();
  const { data } = await nina.call('list_runs');
  const found = (data.runs as readonly { readonly run_id: string }[]).find(({ run_id }) => run_id === run.runId);
  expect(found).toMatchObject({
    to_do: [{ kind: 'gate', gate: 'P00', how: expect.stringContaining('open_gate') }],
  });
});

test('the prompt "gate": the prompt of the gate, as open_gate gives it', async () => {
  const run = await handedOff();
  expect((await nina.client.listPrompts()).prompts.map(({ name }) => name)).toEqual(['gate']);
  const { messages } = await nina.client.getPrompt({ name: 'gate', arguments: { run: run.runId } });
  const { data, text } = await nina.call('open_gate', { run: run.runId });
  expect(messages).toEqual([{ role: 'user', content: { type: 'text', text } }]);
  const { prompt } = data.files as { readonly prompt: string };
  expect(await readFile(prompt, 'utf8')).toBe(data.prompt);
  await expect(nina.client.getPrompt({ name: 'gate', arguments: { run: 'no-such-run' } })).rejects.toThrow(
    /RUN_NOT_FOUND/,
  );
});

test('two clients with the key of one principal: the second waits until the first has released the gate', async () => {
  const run = await handedOff();
  const about = { run: run.runId };
  const both = await Promise.all([nina.call('open_gate', about), nina.call('open_gate', about)]);
  expect(both.map(({ error, data }) => [error, data.again])).toEqual([
    [null, false],
    [null, true],
  ]);
  expect((await other.call('open_gate', about)).error?.code).toBe('GATE_CLAIMED');
  const submission = { ...about, gate: 'P00', output: output(GOOD.P00) };
  expect((await other.call('submit_output', submission)).error?.code).toBe('GATE_CLAIMED');
  const { folder } = both[0].data.files as { readonly folder: string };
  expect((await nina.call('release_gate', about)).data).toMatchObject({ released: { claimant: expect.any(String) } });
  // Nothing was written in it.
  expect(existsSync(folder)).toBe(false);
  expect((await other.call('open_gate', about)).data).toMatchObject({ claim: { claimant: 'another' }, again: false });
  expect(existsSync(folder)).toBe(true);
});

test.each([
  ['another shape', 'P00', { kind: 'output' }, 'OUTPUT_UNUSABLE'],
  ['another gate', 'P03', output(GOOD.P03), 'NOTHING_HANDED_OFF'],
] as const)('submit_output of %s: refused, and nothing is submitted', async (_, gate, given, code) => {
  const run = await handedOff();
  await nina.call('open_gate', { run: run.runId });
  const { error } = await nina.call('submit_output', { run: run.runId, gate, output: given });
  expect(error).toMatchObject({ code, message: expect.stringMatching(/\w/), next: expect.stringMatching(/\w/) });
  expect(await run.types()).not.toContain('gateFinished');
});

test('submit_output after the gate: NOTHING_HANDED_OFF, since people decide what comes next', async () => {
  const run = await handedOff();
  const about = { run: run.runId, gate: 'P00', output: output(GOOD.P00) };
  expect((await nina.call('submit_output', about)).data).toMatchObject({ submitted: true });
  await run.awaitDecision('P00');
  expect((await nina.call('submit_output', about)).error?.code).toBe('NOTHING_HANDED_OFF');
  expect((await nina.call('open_gate', { run: run.runId })).error?.message).toContain('waits for a decision');
});
