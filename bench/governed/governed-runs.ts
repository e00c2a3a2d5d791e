import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { createFileSystemStore } from '../../src/adapters/store/fs/file-system-store.js';
import { GovernedRuns } from '../../src/client/client.js';
import { DEFAULT_TASK_QUEUE, GATE_IDS, runWorkflowId } from '../../src/contracts/names.js';
import type { Decision } from '../../src/contracts/run/decisions.js';
import type { RunStatus } from '../../src/contracts/run/run-status.js';
import { approveSignal } from '../../src/workflows/messages.js';
import { type Contender, LeftThePath } from '../contender.js';
import type { BenchRepository } from './repository.js';

/** A worker that stores 50 MB on a busy machine answers late. */
const ANSWER_TIMEOUT_MS = 60_000;

export const openGovernedRuns = (client: Client, { stateDir, signerFor }: BenchRepository): GovernedRuns =>
  new GovernedRuns({
    client,
    taskQueue: DEFAULT_TASK_QUEUE,
    store: createFileSystemStore(join(stateDir, 'artifacts')),
    signerFor,
    answerTimeoutMs: ANSWER_TIMEOUT_MS,
  });

/** Runs that walk all six gates; `grace` approves each. */
export const governedContender = (
  client: Client,
  runs: GovernedRuns,
  { request, policy, pack, name: targetRepo, commits }: BenchRepository,
): Omit<Contender, 'worker' | 'restartWorker'> => ({
  client,
  workflowOf: runWorkflowId,
  start: async (runId, size) => {
    const baseCommit = commits[size];
    await runs.start({ runId, developer: 'ada', targetRepo, baseCommit, gates: GATE_IDS, request, policy, pack });
  },
  look: async (runId) => {
    const decision = approvalOf(await runs.status(runId));
    return {
      send: async (door) => {
        if (door === 'update') {
          const delivery = await runs.decide(decision);
          if (delivery.kind === 'queued' || !delivery.answer.accepted) throw new Error(JSON.stringify(delivery));
        } else {
          const content = await runs.sealDecision(decision);
          await client.workflow.getHandle(runWorkflowId(runId)).signal(approveSignal, content);
        }
      },
    };
  },
});

/** @throws LeftThePath when the run waits for something that an approval is no answer to */
function approvalOf({ run_id, policy_sha256, phase, awaiting, outcome_reason }: RunStatus): Decision {
  const [awaited] = awaiting;
  if (awaited === undefined && phase !== 'closed') throw new Error(`${run_id} waits for nothing`);
  if (awaited?.kind !== 'decision' || !awaited.approvable) {
    throw new LeftThePath(`${run_id} left the straight path: ${JSON.stringify(awaited ?? outcome_reason)}`);
  }
  const { request_id, gate, attempt, output_sha256 } = awaited;
  const subject = { run_id, gate, attempt, request_id, output_sha256, policy_sha256 };
  return { decision_id: `${request_id}-grace`, ...subject, actor: 'grace', choice: 'approve' };
}
