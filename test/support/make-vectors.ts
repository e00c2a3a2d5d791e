/*
 * Records the trees of `test/vectors/trees/`, from real runs on the dev server with real git and a real store, and writes
 * the policies beside them:
 *
 *   MAKE_VECTORS=1 npx vitest run test/verify/vectors.test.ts
 *
 * All keys are worthless: `vector-keys.ts` makes them from their names.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import protobuf from '@temporalio/proto';
import type { Delivery } from '../../src/client/client.js';
import { GATE_IDS } from '../../src/contracts/names.js';
import { exampleOutputs } from './gate-outputs.js';
import { createGovernedWorker, eventually, type GovernedWorker, REPAIR, type WorkedRun } from './governed-worker.js';
import { edits, outputs, says } from './scripted-executor.js';
import { VECTOR_KEYS, type VectorKey } from './vector-keys.js';
import {
  LONG_BEFORE,
  packLine,
  ROTATED_POLICY,
  revokedPolicy,
  SIGNED_POLICY,
  UNSIGNED_POLICY,
  vectorPack,
} from './vector-policies.js';

const { ResetReapplyExcludeType } = protobuf.temporal.api.enums.v1;

const good = exampleOutputs();

/** A change that leaves the example repository's check failing. */
const BAD_REPAIR = edits({ 'src/split.js': "export const split = 'still wrong';\n" }, outputs(good.P05));

const REVIEW = outputs({
  ...good.P07,
  findings: [
    { severity: 'high', title: 'Negative totals', detail: 'Nobody says what they mean.', path: 'src/split.js' },
  ],
});

const REPORT = {
  issue: 'Which rounding is meant?',
  impact: 'A guess could be wrong by a cent.',
  context: '',
  options: ['down', 'half up'],
  recommendation: 'down',
  security_sensitive: false,
};

/** A message that must count: what is refused would leave the run waiting. */
async function counted(delivery: Promise<Delivery>): Promise<void> {
  const delivered = await delivery;
  if (delivered.kind === 'answered' && delivered.answer.accepted) return;
  throw new Error(`expected a message that counts: ${JSON.stringify(delivered)}`);
}

/** Both integrators approve P01: the policy asks for two. */
async function approveTwice(run: WorkedRun): Promise<void> {
  const awaited = await run.awaitDecision('P01');
  await counted(run.approve('P01'));
  await counted(run.approve('P01', { actor: 'ivan', decision_id: `${awaited.request_id}-ivan` }));
}

async function approveReview(run: WorkedRun): Promise<void> {
  const { to_acknowledge } = await run.awaitDecision('P07');
  await counted(run.approve('P07', { acknowledged: [...to_acknowledge], comment: 'Totals are never negative here.' }));
}

type Recording = (worker: GovernedWorker, runId: string) => Promise<WorkedRun>;

const straight: Recording = async (worker, runId) => {
  const scripts = {
    nina: [outputs(good.P00), outputs(good.P01), outputs(good.P03), REPAIR],
    vera: [outputs(good.P06)],
    rex: [REVIEW],
  };
  const run = await worker.startRun({ runId, gates: GATE_IDS, scripts });
  await counted(run.approve('P00'));
  await approveTwice(run);
  for (const gate of ['P03', 'P05', 'P06'] as const) await counted(run.approve(gate));
  await approveReview(run);
  return run;
};

const reworked: Recording = async (worker, runId) => {
  const scripts = {
    nina: [says('I think that'), outputs(good.P00), outputs(good.P01), outputs(good.P03), BAD_REPAIR, REPAIR],
    vera: [outputs(good.P06), outputs(good.P06)],
    rex: [REVIEW],
  };
  const run = await worker.startRun({ runId, gates: GATE_IDS, scripts });
  await run.handle.signal('approve', run.decision(await run.awaitDecision('P00')));
  await counted(run.approve('P00'));
  await approveTwice(run);
  await counted(run.approve('P03'));
  await counted(run.approve('P05'));
  // Refused, since the gate failed.
  await run.approve('P06', { decision_id: 'too-soon' });
  await counted(
    run.approve('P06', { choice: 'reject', reason: 'The tests fail.', decision_id: 'back-to-the-builder' }),
  );
  await counted(run.approve('P05'));
  await counted(run.approve('P06'));
  await approveReview(run);
  return run;
};

const escalated: Recording = async (worker, runId) => {
  const escalates = says(JSON.stringify({ kind: 'escalation', report: REPORT }));
  const scripts = {
    nina: [escalates, outputs(good.P00), outputs(good.P01), outputs(good.P03), BAD_REPAIR],
    vera: [outputs(good.P06)],
  };
  const gates = GATE_IDS.filter((gate) => gate !== 'P07');
  const run = await worker.startRun({ runId, gates, scripts });
  await counted(run.resolve('E1', { choice: 'retry', guidance: 'Round down.' }));
  await counted(run.approve('P00'));
  await approveTwice(run);
  await counted(run.approve('P03'));
  await counted(run.approve('P05'));
  await run.awaitDecision('P06');
  const policy = worker.repository.run.policy_sha256;
  const stop = { actor: 'ada', issue: 'The check is wrong, not the change.', decision_id: 'stop-once' };
  await counted(worker.runs.escalate(runId, stop, policy));
  await counted(run.resolve('E2', { choice: 'continue', guidance: 'The check is repaired elsewhere.' }));
  const { to_acknowledge } = await run.awaitDecision('P06');
  await counted(run.approve('P06', { acknowledged: [...to_acknowledge] }));
  return run;
};

const rejected: Recording = async (worker, runId) => {
  const scripts = { nina: [outputs(good.P00), outputs(good.P01)] };
  const run = await worker.startRun({ runId, gates: ['P00', 'P01'], scripts });
  await counted(run.approve('P00'));
  await counted(run.approve('P01', { choice: 'reject', final: true, reason: 'Not worth it.' }));
  return run;
};

const cancelled: Recording = async (worker, runId) => {
  const run = await worker.startRun({ runId });
  await run.awaitDecision('P00');
  await run.handle.cancel();
  return run;
};

/** By a signed message of the developer; `cancelled` is by Temporal's own means. */
const cancelledBySigned: Recording = async (worker, runId) => {
  const run = await worker.startRun({ runId });
  await run.awaitDecision('P00');
  const { policy_sha256 } = worker.repository.run;
  const said = { decision_id: 'wrong-branch', actor: 'ada', reason: 'Started from the wrong branch.' };
  await counted(worker.runs.cancel({ run_id: runId, policy_sha256, ...said }));
  return run;
};

/** The start is signed and trusted, but P03 needs P01: the run never opens, and has a record all the same. */
const unopened: Recording = (worker, runId) => worker.startRun({ runId, gates: ['P00', 'P03'] });

/**
 * Grace rejects P00, and an attacker resets the run to the time before and approves it instead. The journal has the
 * rejection, so the run stops with a fork; Ivan resolves it by a signature over the report that names what is missing.
 */
const forked: Recording = async (worker, runId) => {
  const scripts = { nina: [outputs(good.P00), outputs(good.P00)] };
  const run = await worker.startRun({ runId, scripts });
  await counted(run.approve('P00', { choice: 'reject', reason: 'It names no owner.', decision_id: 'forgotten' }));
  await eventually(async () => {
    const { awaiting } = await run.status();
    return awaiting.find((item) => item.kind === 'decision' && item.attempt === 2) ?? null;
  }, 'the second attempt');
  await resetBeforeMessage(worker, run);
  await counted(run.approve('P00', { decision_id: 'after-the-reset' }));
  const guidance = 'The reset was a mistake. The approval is what I want.';
  await counted(run.resolve('E1', { actor: 'ivan', choice: 'continue', guidance, decision_id: 'fork-seen' }));
  return run;
};

/** Resets a run to the task that took its first Update, which is left out, as is every signal. */
async function resetBeforeMessage({ client }: GovernedWorker, { handle }: WorkedRun): Promise<void> {
  const { events } = await handle.fetchHistory();
  const accepted = events?.find((event) => event.workflowExecutionUpdateAcceptedEventAttributes);
  const before = accepted?.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequestSequencingEventId;
  const task = events?.find(
    ({ eventId, workflowTaskCompletedEventAttributes: completed }) => completed && Number(eventId) > Number(before),
  );
  if (before == null || task?.eventId == null) throw new Error('expected a run that took an Update');
  const { runId } = await handle.describe();
  const { RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL, RESET_REAPPLY_EXCLUDE_TYPE_UPDATE } = ResetReapplyExcludeType;
  await client.workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId: handle.workflowId, runId },
    reason: 'a vector',
    workflowTaskFinishEventId: task.eventId,
    requestId: randomUUID(),
    resetReapplyExcludeTypes: [RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL, RESET_REAPPLY_EXCLUDE_TYPE_UPDATE],
  });
}

const short: Recording = async (worker, runId) => {
  const run = await worker.startRun({ runId });
  await counted(run.approve('P00'));
  return run;
};

interface RecordedPolicy {
  /** The file of the policy, without its ending. */
  readonly file: string;
  readonly text: string;
  readonly signed: boolean;
  readonly runs: Readonly<Record<string, Recording>>;
}

const RECORDED: readonly RecordedPolicy[] = [
  {
    file: 'policy',
    text: SIGNED_POLICY,
    signed: true,
    runs: {
      straight,
      reworked,
      escalated,
      rejected,
      cancelled,
      'cancelled-signed': cancelledBySigned,
      unopened,
      forked,
    },
  },
  { file: 'policy-rotated', text: ROTATED_POLICY, signed: true, runs: { rotated: short } },
  { file: 'policy-unsigned', text: UNSIGNED_POLICY, signed: false, runs: { unsigned: short } },
];

const keysByName: Readonly<Record<string, VectorKey | undefined>> = VECTOR_KEYS;
const signerOf = (name: string) => keysByName[name]?.signer ?? null;

/** Writes `trees/<name>/` for each recorded run, and the policies. */
export async function makeVectors(address: string, folder: string): Promise<void> {
  const trees = join(folder, 'trees');
  await rm(trees, { recursive: true, force: true });
  const pack = vectorPack();
  await writeFile(join(folder, 'policy-revoked.yaml'), `${revokedPolicy('grace', LONG_BEFORE)}${packLine(pack)}`);
  for (const { file, text, signed, runs } of RECORDED) {
    await writeFile(join(folder, `${file}.yaml`), `${text}${packLine(pack)}`);
    const worker = await createGovernedWorker({
      address,
      pack,
      policy: text,
      taskQueue: 'promptos-vectors',
      ...(signed
        ? {
            signers: { forPrincipal: signerOf, forEngine: () => signerOf('engine') },
            signerFor: async (name) => signerOf(name),
          }
        : {}),
    });
    for (const [name, record] of Object.entries(runs)) {
      const runId = `vector-${name}`;
      await record(worker, runId);
      await worker.runs.wait(runId).catch((error: unknown) => {
        if (name !== 'unopened') throw error;
      });
      await exportTree(worker, runId, join(trees, name));
    }
    await worker.close();
  }
}

async function exportTree({ store }: GovernedWorker, runId: string, folder: string): Promise<void> {
  for (const { path, sha256 } of (await store.published(runId)) ?? []) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), await store.readObject(sha256));
  }
}
