import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { type AttackSite, createAttackSite } from '../support/attack-site.js';

/** What the engine's worker has not at the moment. */
const missing = { key: false, store: false };
let site: AttackSite;
beforeAll(async () => {
  site = await createAttackSite({
    address: inject('temporalAddress'),
    enginePorts: (ports) => ({
      ...ports,
      signers: { ...ports.signers, forEngine: () => (missing.key ? null : ports.signers.forEngine()) },
      store: {
        ...ports.store,
        readObject: (sha256) => ports.store.readObject(missing.store ? '0'.repeat(64) : sha256),
      },
    }),
  });
});
afterAll(() => site.close());

test.each(['key', 'store'] as const)(
  'an engine whose %s is missing for a while: the run waits, and goes on',
  async (what) => {
    const run = await site.startRun({ gates: ['P00', 'P01'] });
    await run.awaitDecision('P00');
    missing[what] = true;
    // A new worker has verified nothing yet, so it reads all of it.
    await site.stop('engine');
    await site.start('engine');
    const approval = run.approve('P00');
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect((await run.handle.describe()).status.name).toBe('RUNNING');
    missing[what] = false;
    expect(await approval).toMatchObject({ answer: { accepted: true } });
    await run.approve('P01');
    expect(await site.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
  },
);
