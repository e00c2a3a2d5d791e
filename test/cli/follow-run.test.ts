import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { followRun } from '../../src/cli/follow-run.js';
import { createOutput } from '../../src/cli/output.js';
import type { GovernedRuns } from '../../src/client/client.js';
import { PromptOsError } from '../../src/contracts/errors.js';

/** A run that has ended, on a server without workers. */
const endedRun = {
  status: async () => {
    throw new PromptOsError('WORKER_MISSING', 'No worker answers.');
  },
  describe: async () => ({ status: 'COMPLETED' }),
  wait: async () => ({ outcome: 'approved', run_record_sha256: 'a'.repeat(64) }),
} as unknown as GovernedRuns;

test('followRun: a run that has ended is not waited for, where no worker answers and the store has no record of it', async () => {
  const output = createOutput({
    json: false,
    stdout: new PassThrough(),
    stderr: new PassThrough(),
    stdinIsTerminal: false,
    noColor: true,
  });
  const { signal } = new AbortController();
  const followed = followRun({ runs: endedRun, runId: 'run-1', output, signal, published: async () => null });
  await expect(followed).rejects.toMatchObject({
    code: 'WORKER_MISSING',
    summary: 'Run run-1 has ended. Its record is not in this store, and no worker answers.',
  });
});
