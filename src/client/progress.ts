import type { Client } from '@temporalio/client';
import type { LoadedDataConverter } from '@temporalio/common';
import { decodeArrayFromPayloads } from '@temporalio/common/lib/internal-non-workflow/index.js';
import { runWorkflowId } from '../contracts/names.js';
import { type GateProgress, gateProgressSchema } from '../contracts/run/gate-progress.js';

/** A gate that is being carried out, as the server knows it: no worker is asked. */
export interface GateAtWork {
  /** Whether a worker has it; otherwise it waits for one. */
  readonly started: boolean;
  /** When a worker took it, or when it was handed out, by the server's clock. */
  readonly since: Date | null;
  /** How often Temporal has handed it out: from 2 on, a worker ended or failed before. */
  readonly handed_out: number;
  /** What the worker before failed with. */
  readonly last_failure: string | null;
  /** What the worker says; null before its first heartbeat, and for what cannot be read. Any poller of the queue may have sent it. */
  readonly progress: GateProgress | null;
}

/** A run at one moment, as the server knows it. */
export interface RunMoment {
  readonly open: boolean;
  /** Events of its history: while there are no more, nothing has happened. */
  readonly events: number;
  readonly at_work: GateAtWork | null;
}

/** As the activity is called that carries out a gate. */
const EXECUTE_GATE = 'promptos_executeGate';
/** `PENDING_ACTIVITY_STATE_SCHEDULED`: no worker has it. */
const SCHEDULED = 1;

type Description = Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['describe']>>;
type PendingActivity = NonNullable<Description['raw']['pendingActivities']>[number];

/** Looks at a run through the server alone. */
export async function readMoment(client: Client, runId: string): Promise<RunMoment> {
  const { status, historyLength, raw } = await client.workflow.getHandle(runWorkflowId(runId)).describe();
  const gates = (raw.pendingActivities ?? []).filter(({ activityType }) => activityType?.name === EXECUTE_GATE);
  // An attempt that was cancelled may still be ending when the next one is handed out: the newest counts.
  const newest = gates.sort((one, other) => scheduledAt(other) - scheduledAt(one))[0];
  return {
    open: status.name === 'RUNNING',
    events: historyLength,
    at_work: newest === undefined ? null : await gateAtWork(newest, client.options.loadedDataConverter),
  };
}

async function gateAtWork(pending: PendingActivity, converter: LoadedDataConverter): Promise<GateAtWork> {
  const { state, heartbeatDetails, lastStartedTime, scheduledTime, attempt, lastFailure } = pending;
  const started = state !== SCHEDULED;
  const [details] = await decodeArrayFromPayloads(converter, heartbeatDetails?.payloads).catch(() => []);
  const read = gateProgressSchema.safeParse(details);
  const at = started ? lastStartedTime : scheduledTime;
  return {
    started,
    since: at == null ? null : new Date(seconds(at) * 1_000),
    handed_out: attempt ?? 1,
    last_failure: lastFailure?.message ?? null,
    progress: read.success ? read.data : null,
  };
}

type Timestamp = PendingActivity['scheduledTime'];

const seconds = (time: Timestamp): number => Number(time?.seconds ?? 0) + (time?.nanos ?? 0) / 1e9;
const scheduledAt = ({ scheduledTime }: PendingActivity): number => seconds(scheduledTime);
