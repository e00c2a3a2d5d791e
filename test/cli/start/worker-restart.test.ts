import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { processStarted } from '../../../src/adapters/platform/process-identity.js';
import { createHostileSite, type HostileSite } from '../../support/hostile-site.js';

/* `worker restart` on a Temporal that goes on, as processes of the real program. */

let site: HostileSite;
beforeAll(async () => {
  site = await createHostileSite({ address: inject('temporalAddress') });
});
afterAll(async () => {
  await site.promptos('server', 'stop');
  await site.close();
});

const workerNow = async () =>
  (await site.promptos('server', 'status', '--json')).last?.worker as { readonly pid: number } | null;

test('worker restart: another worker serves the same, and a config that is wrong leaves the old one running', async () => {
  const first = await site.promptos('worker', '--detach', '--repository', 'other=.', '--json');
  expect(first).toMatchObject({ exitCode: 0, last: { event: 'ready' } });
  const broken = await site.promptos('worker', 'restart', '--worker-config', 'no-such.yaml', '--json');
  expect(broken.exitCode).not.toBe(0);
  expect((await workerNow())?.pid).toBe(first.last?.pid);

  const second = await site.promptos('worker', 'restart', '--json');
  expect(second).toMatchObject({ exitCode: 0, last: { event: 'ready', task_queues: first.last?.task_queues } });
  expect(second.stderr).toContain(`Stopped the worker (pid ${first.last?.pid}).`);
  expect(processStarted(Number(first.last?.pid))).toBeNull();
  expect((await workerNow())?.pid).toBe(second.last?.pid);

  // The worker before was killed: what it served is known still.
  process.kill(Number(second.last?.pid), 'SIGKILL');
  await expect.poll(() => processStarted(Number(second.last?.pid))).toBeNull();
  const third = await site.promptos('worker', 'restart');
  expect(third).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('No worker ran in the background.') });
  expect(await site.promptos('server', 'stop')).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('Stopped the worker'),
  });
}, 180_000);
