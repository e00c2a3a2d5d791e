import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createGovernedWorker, type GovernedWorker, type WorkedRun } from '../support/governed-worker.js';
import { UNSIGNED_POLICY } from '../support/signing-policy.js';
import { startTestServer, type TestServer } from '../support/temporal.js';
import { findChromium, openBrowser } from './browser.js';
import { openRunPage, type RunPage } from './run-page.js';

const chromium = findChromium();
/** A narrow laptop: what is not cut here is cut nowhere. */
const VIEWPORT = { width: 1280, height: 900 };

let server: TestServer;
let worker: GovernedWorker;
/** Under a policy that takes unsigned answers, whose JSON the details show. */
let unsigned: GovernedWorker;
let browser: Browser;
beforeAll(async () => {
  if (chromium === null) return;
  server = await startTestServer();
  worker = await createGovernedWorker({ address: server.address });
  unsigned = await createGovernedWorker({ address: server.address, policy: UNSIGNED_POLICY });
  browser = await openBrowser(chromium);
});
afterAll(async () => {
  await browser?.close();
  await unsigned?.close();
  await worker?.close();
  await server?.stop();
});

/** The same as `test`, but without a browser it only says that there is none. */
const inBrowser = (name: string, body: () => Promise<void>) =>
  test(name, async ({ annotate }) => {
    if (chromium === null) await annotate('No Chromium here: set CHROMIUM_PATH to see the Web UI for real.');
    else await body();
  });

async function pageOf({ handle }: WorkedRun): Promise<RunPage> {
  const { runId } = await handle.describe();
  const path = `namespaces/default/workflows/${encodeURIComponent(handle.workflowId)}/${runId}`;
  return openRunPage(await browser.newPage({ viewport: VIEWPORT }), `${server.ui_url}/${path}`);
}

/** Keeps a picture in the folder that UI_SCREENSHOTS names, for a reviewer to look at. */
async function picture({ page }: RunPage, name: string): Promise<void> {
  const folder = process.env.UI_SCREENSHOTS;
  if (folder === undefined) return;
  await mkdir(folder, { recursive: true });
  await page.setViewportSize({ width: VIEWPORT.width, height: 2_000 });
  await page.screenshot({ path: join(folder, `${name}.png`) });
  await page.setViewportSize(VIEWPORT);
}

/** What a person gets who triple-clicks the paragraph of code after the one that begins with `label`. */
async function select(page: RunPage, holding: string, label: string): Promise<string> {
  const frame = await page.details(holding);
  await frame.locator(`p:has(> strong:text-is("${label}")) + p`).click({ clickCount: 3 });
  return String(await frame.evaluate('String(getSelection())')).trim();
}

inBrowser(
  'web UI, unsigned: a waiting gate shows its run, its gates and its commands, whole; approve by the form goes on with the run',
  async () => {
    const run = await unsigned.startRun({ gates: ['P00', 'P01'] });
    await run.awaitDecision('P00');
    const page = await pageOf(run);
    await page.page.getByText('promptos_executeGate • P00 Context Lock, attempt 1').first().waitFor();
    await page.page.getByText('the next deadline').first().waitFor();
    await picture(page, 'timeline');
    await page.open('Event History');
    await page.page.getByText('P00 Context Lock, attempt 1').first().waitFor();
    await picture(page, 'event-history');

    const frame = await page.details('P00.1.1-grace');
    const others = page.page.frames().filter((one) => one.url().includes('/render?') && one !== frame);
    const texts = await Promise.all(others.map((one) => one.locator('body').textContent()));
    expect(texts.map((one) => one?.trim())).toEqual(['Fix the split · example']);
    const text = await frame.locator('body').textContent();
    for (const shown of [
      'Waiting for a person: a decision on P00 (P00.1.1).',
      'P00 Context Lock: awaiting decision, attempt 1, verdict pass',
      'P01 Scope Declaration: waiting',
      `promptos approve ${run.runId} --gate P00 --as grace`,
      `temporal workflow signal --workflow-id ${run.handle.workflowId} --name approve --input`,
    ]) {
      expect(text).toContain(shown);
    }
    expect(await frame.evaluate('document.body.scrollWidth <= document.body.clientWidth')).toBe(true);
    await picture(page, 'details-decision');

    await page.send('approve', await select(page, 'P00.1.1-grace', 'approve'));
    const awaited = await run.awaitDecision('P01');
    expect(awaited).toMatchObject({ request_id: 'P01.1.1' });
    await page.details('P01.1.1-grace');
    await run.approve('P01');
    expect(await unsigned.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
    await page.details('Ended: approved.');
    await picture(page, 'details-ended');
    const counted = (await unsigned.publishedLedger(run.runId)).filter(({ type }) => type === 'decisionCounted');
    expect(counted).toMatchObject([{ decision: { gate: 'P00', actor: 'grace' } }, { decision: { gate: 'P01' } }]);
  },
);

inBrowser('web UI, unsigned: a bare escalate stops the run, and the JSON of the details answers it', async () => {
  const run = await unsigned.startRun();
  await run.awaitDecision('P00');
  const page = await pageOf(run);
  await page.details('P00.1.1-grace');
  await page.send('escalate');
  await run.awaitEscalation('E1');
  const resolution = JSON.parse(await select(page, 'E1.1-grace', 'resolveEscalation'));
  await picture(page, 'details-escalation');
  const again = await pageOf(run);
  await again.send(
    'resolveEscalation',
    JSON.stringify({ ...resolution, choice: 'abort', guidance: 'für heute genug' }),
  );
  expect(await unsigned.runs.wait(run.runId)).toMatchObject({ outcome: 'aborted' });
  const ledger = await unsigned.publishedLedger(run.runId);
  expect(ledger.filter(({ type }) => type === 'escalationResolved')).toMatchObject([
    { resolution: { choice: 'abort', guidance: 'für heute genug', actor: 'grace' } },
  ]);
});

inBrowser(
  'web UI: under the signing policy a bare escalate holds the run, and pasted signed answers lift and approve it',
  async () => {
    const run = await worker.startRun();
    await run.awaitDecision('P00');
    const page = await pageOf(run);
    const frame = await page.details('--print');
    const text = await frame.locator('body').textContent();
    expect(text).toContain(`promptos approve ${run.runId} --gate P00 --as grace --print`);
    expect(text).toContain('leave the box empty');
    expect(await frame.evaluate('document.body.scrollWidth <= document.body.clientWidth')).toBe(true);
    await picture(page, 'signed-decision');
    await page.send('escalate');
    const held = await run.awaitEscalation('E1');
    expect(held).toMatchObject({ trigger: 'hold', raised_by: 'unknown' });
    await page.details('Sent without a signature');
    await picture(page, 'signed-hold');

    const lifting = await worker.runs.sealResolution(run.resolution(held, { choice: 'continue' }));
    await (await pageOf(run)).send('resolveEscalation', JSON.stringify(lifting));
    await expect.poll(async () => (await run.status()).awaiting.map(({ kind }) => kind)).toEqual(['decision']);
    const approval = await worker.runs.sealDecision(run.decision(await run.awaitDecision('P00')));
    await (await pageOf(run)).send('approve', JSON.stringify(approval));
    expect(await worker.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
    const record = await worker.publishedJson(run.runId, 'run_record.json');
    expect(record).toMatchObject({
      authentication: 'signed',
      refusals: [],
      escalations: [{ report: { trigger: 'hold' } }],
    });
  },
);

inBrowser('web UI: the page that the `ui` link names shows the details', async () => {
  const run = await worker.startRun();
  await run.awaitDecision('P00');
  const { runId } = await run.handle.describe();
  const page = await browser.newPage({ viewport: VIEWPORT });
  const path = `namespaces/default/workflows/${encodeURIComponent(run.handle.workflowId)}/${runId}/user-metadata`;
  await page.goto(`${server.ui_url}/${path}`);
  const shown = async () => {
    const frames = page.frames().filter((one) => one.url().includes('/render?'));
    return (
      await Promise.all(
        frames.map((one) =>
          one
            .locator('body')
            .textContent()
            .catch(() => ''),
        ),
      )
    ).join('\n');
  };
  await expect.poll(shown, { timeout: 60_000 }).toContain('Waiting for a person: a decision on P00');
  await page.close();
  await run.handle.terminate('the test has ended');
});
