import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { exampleOutputs } from '../support/gate-outputs.js';
import { createGovernedWorker, type GovernedWorker } from '../support/governed-worker.js';
import { pageBlocks } from '../support/page-blocks.js';
import { outputs } from '../support/scripted-executor.js';
import { type IntegratorShell, integratorShell, type ShellRun } from '../temporal-cli/integrator-shell.js';

/*
 * The commands of docs/temporal-ui.md, as they are printed, on a run under the policy that `promptos init` writes.
 */

const page = await readFile(fileURLToPath(new URL('../../docs/temporal-ui.md', import.meta.url)), 'utf8');
const address = inject('temporalAddress');
const good = exampleOutputs();

let worker: GovernedWorker;
let shell: IntegratorShell;
beforeAll(async () => {
  worker = await createGovernedWorker({ address });
  shell = await integratorShell(worker, address);
});
afterAll(async () => {
  await shell?.close();
  await worker?.close();
});

test('docs/temporal-ui.md: every command does what the page says', async () => {
  const run = await worker.startRun({
    gates: ['P00', 'P01'],
    scripts: { nina: [outputs(good.P00), outputs(good.P01), outputs(good.P01)] },
  });
  const [names = ''] = pageBlocks(`\n${page}`, '# Deciding through the Temporal UI and CLI', 'sh');
  const preamble = names
    .replace('20260131-1205-hand-out-the-cents-that-8e51', run.runId)
    .replace('127.0.0.1:7233', address);
  expect(preamble).toContain(`RUN=${run.runId}\nexport TEMPORAL_ADDRESS=${address}\n`);
  let ran = 1;
  /** Runs one block of a section. */
  const type = async (section: string, index = 0): Promise<ShellRun> => {
    const block = pageBlocks(page, `## ${section}`, 'sh')[index] ?? 'false';
    const done = await shell.run(`set -e\n${preamble}${block}`);
    expect(done.exitCode, `${block}\n${done.stderr}`).toBe(0);
    ran += 1;
    return done;
  };
  await run.awaitDecision('P00');
  expect((await type('See what a run waits for')).stdout).toContain('a decision on P00');

  await type('Stop a run');
  expect(await run.awaitEscalation('E1')).toMatchObject({ trigger: 'hold', issue: 'Wrong repository.' });
  await type('Let it go on');
  await type('Stop a run', 1);
  expect(await run.awaitEscalation('E2')).toMatchObject({ trigger: 'person', raised_by: 'ada' });
  await type('Let it go on', 1);
  await expect.poll(async () => (await run.status()).awaiting).toMatchObject([{ request_id: 'P00.1.1' }]);

  await type('Approve');
  expect(await run.awaitDecision('P00')).toMatchObject({ approved_by: [] });
  await type('Approve', 1);
  await run.awaitDecision('P01');
  await type('Reject');
  await expect.poll(async () => (await run.awaitDecision('P01')).request_id).toBe('P01.2.1');
  expect((await type('Know whether it counted')).stdout).toContain('P01.2.1');
  expect((await type('Know whether it counted', 1)).stdout.replaceAll(/\s/g, '')).toMatch(/"?accepted"?:true/);
  expect(await worker.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
  expect(await worker.publishedJson(run.runId, 'run_record.json')).toMatchObject({ refusals: [] });
  expect(ran).toBe(page.match(/^```sh$/gm)?.length);
});

test('docs/temporal-ui.md: an unsigned approval is refused as the table says', async () => {
  const run = await worker.startRun();
  await run.handle.signal('approve', run.decision(await run.awaitDecision('P00')));
  await expect.poll(async () => (await run.status()).refusals).toBe(1);
  expect(await run.ledger()).toContainEqual(expect.objectContaining({ type: 'refused', reason: 'SIGNATURE_MISSING' }));
  await run.handle.terminate('the test has ended');
});
