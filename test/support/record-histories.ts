/*
 * Records the histories that `test/workflows/replay.test.ts` replays, from real runs on the dev server:
 *
 *   RECORD_HISTORIES=1 npx vitest run test/workflows/replay.test.ts
 *
 * Until 0.1.0 they may be recorded again whenever the workflow changes; after that a released set stays, beside the new.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { GATE_IDS } from '../../src/contracts/names.js';
import { exampleOutputs } from './gate-outputs.js';
import { createGovernedWorker, type GovernedWorker, type WorkedRun } from './governed-worker.js';
import { outputs, says } from './scripted-executor.js';

const good = exampleOutputs();

/** The recorded runs: each starts one, brings it to its end and gives it back. */
const RECORDINGS: Readonly<Record<string, (worker: GovernedWorker) => Promise<WorkedRun>>> = {
  straight: async (worker) => {
    const run = await worker.startRun({ gates: GATE_IDS });
    for (const gate of GATE_IDS) await run.approve(gate);
    return run;
  },
  reworked: async (worker) => {
    const run = await worker.startRun({
      gates: ['P00', 'P01'],
      scripts: { nina: [outputs(good.P00), outputs(good.P01), outputs(good.P00), outputs(good.P01)] },
    });
    await run.handle.signal('approve', run.decision(await run.awaitDecision('P00')));
    await run.approve('P01', { choice: 'reject', to_gate: 'P00', reason: 'Say it again.', decision_id: 'back' });
    await run.approve('P00');
    await run.approve('P01');
    return run;
  },
  escalated: async (worker) => {
    const report = {
      issue: 'Which one?',
      impact: 'A guess.',
      context: '',
      options: ['a', 'b'],
      recommendation: 'a',
      security_sensitive: false,
    };
    const escalates = says(JSON.stringify({ kind: 'escalation', report }));
    const run = await worker.startRun({ scripts: { nina: [escalates, outputs(good.P00)] } });
    await run.resolve('E1', { choice: 'retry', guidance: 'The first.' });
    await run.awaitDecision('P00');
    await run.handle.signal('approve');
    await run.handle.signal('escalate');
    await run.resolve('E2', { choice: 'continue' });
    await run.approve('P00');
    return run;
  },
  cancelled: async (worker) => {
    const run = await worker.startRun();
    await run.awaitDecision('P00');
    await worker.runs.cancel(run.runId);
    return run;
  },
};

export const HISTORY_NAMES: readonly string[] = Object.keys(RECORDINGS);

/** Writes `<name>.json` for each recording: the workflow's id, and its history as JSON. */
export async function recordHistories(address: string, folder: string): Promise<void> {
  const worker = await createGovernedWorker({ address, worker: { identity: 'recorder' } });
  await mkdir(folder, { recursive: true });
  for (const [name, record] of Object.entries(RECORDINGS)) {
    const run = await record(worker);
    await worker.runs.wait(run.runId);
    // Who sent what from which machine is nobody's business here, and replays do not look at it.
    const history: unknown = JSON.parse(historyToJSON(await run.handle.fetchHistory()), anonymous);
    const text = JSON.stringify({ workflow_id: run.handle.workflowId, history });
    await writeFile(join(folder, `${name}.json`), `${text}\n`);
  }
  await worker.close();
}

function anonymous(key: string, value: unknown): unknown {
  if (key === 'identity') return 'recorder';
  if (key === 'stackTrace') return '';
  return value;
}
