import { expect, inject, onTestFinished, test } from 'vitest';
import { temporalProbes } from '../../../src/cli/doctor/diagnose.js';
import { createGovernedWorker } from '../../support/governed-worker.js';

test('pollers: the workers that poll a queue of a real server', async () => {
  const site = await createGovernedWorker({ address: inject('temporalAddress') });
  onTestFinished(() => site.close());
  const server = { named_by: [], connectionOptions: { address: inject('temporalAddress') } };
  const probes = temporalProbes({});
  expect(await probes.pollers(server, { name: 'promptos-of-nobody', type: 2 })).toBe(0);
  await expect.poll(() => probes.pollers(server, { name: site.taskQueue, type: 1 })).toBeGreaterThan(0);
});
