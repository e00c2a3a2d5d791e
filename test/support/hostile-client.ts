import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { Client, Workflow } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import protobuf from '@temporalio/proto';
import {
  bundleWorkflowCode,
  DefaultLogger,
  NativeConnection,
  Worker,
  type WorkerOptions,
  type WorkflowBundle,
} from '@temporalio/worker';
import { runWorkflowId } from '../../src/contracts/names.js';
import type { Errand, ErrandResult } from '../attacks/hostile-workflows.js';
import { connectClient, eventually, quietRuntime } from './governed-worker.js';

const { ResetReapplyExcludeType } = protobuf.temporal.api.enums.v1;

/** Milliseconds that the attacker waits for a task. */
const POLL_MS = 30_000;

const WORKFLOWS = fileURLToPath(new URL('../attacks/hostile-workflows.ts', import.meta.url));

let bundle: Promise<WorkflowBundle> | undefined;
const hostileBundle = (): Promise<WorkflowBundle> => {
  bundle ??= bundleWorkflowCode({ workflowsPath: WORKFLOWS, logger: new DefaultLogger('ERROR') });
  return bundle;
};

/** An activity that a run has scheduled, as everybody with access to Temporal can read it. */
interface ScheduledActivity {
  readonly name: string;
  readonly activityId: string;
  /** The execution whose history it is in. */
  readonly executionId: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** An attacker who reaches Temporal and holds no key, no store and no repository. */
export interface HostileClient {
  readonly client: Client;
  readonly taskQueue: string;
  /** Lets a workflow of the attacker's schedule one activity. @param workflowId one of its own unless it is said */
  errand(errand: Errand, workflowId?: string): Promise<ErrandResult>;
  /** Starts a workflow type of the attacker's on the attacker's queue, and waits for no result. */
  launch(type: string, workflowId: string, args: readonly unknown[]): Promise<void>;
  /** The activities that a run's current execution has scheduled, the oldest first. */
  scheduled(runId: string): Promise<readonly ScheduledActivity[]>;
  /** Waits for an activity of this name that the run has scheduled and that has not ended. */
  awaitPending(runId: string, name: string): Promise<ScheduledActivity>;
  /** What the worker of a gate has sent, as the history of its run shows it. */
  resultOf(runId: string, gate: string): Promise<unknown>;
  completeById(runId: string, activityId: string, result: unknown): Promise<void>;
  /** The input that a run was started with. */
  startInput(runId: string): Promise<Readonly<Record<string, unknown>>>;
  terminate(runId: string): Promise<void>;
  /**
   * Resets a run and excludes every signal and update.
   * @param part how far along its workflow tasks, from 0 to 1, or the last of them before a gate gave its result
   */
  reset(runId: string, part: number | 'while a gate ran'): Promise<void>;
  /** Takes one activity task off a queue, as a worker of the attacker's; its token completes it. */
  stealTask(taskQueue: string): Promise<Uint8Array>;
  completeByToken(token: Uint8Array, result: unknown): Promise<void>;
  /** Lets a worker of the attacker's poll one more queue, with activities of its own or with its false engine. */
  poll(taskQueue: string, serve: Pick<WorkerOptions, 'activities'> | 'false engine'): Promise<void>;
  /** Ends the pollers that `poll` has started. */
  stopPolling(): Promise<void>;
  /** Lets the false engine that has a run show a status. */
  showStatus(runId: string, status: unknown): Promise<void>;
  /** Lets the false engine that has a run schedule an activity in the run's own name. */
  errandAsRun(runId: string, errand: Errand): Promise<ErrandResult>;
  close(): Promise<void>;
}

const decoded = (payload: object | undefined | null): Readonly<Record<string, unknown>> =>
  defaultPayloadConverter.fromPayload(payload as Parameters<typeof defaultPayloadConverter.fromPayload>[0]);

export async function createHostileClient(address: string): Promise<HostileClient> {
  quietRuntime();
  const client = await connectClient(address);
  const connection = await NativeConnection.connect({ address });
  const taskQueue = `hostile-${randomUUID()}`;
  const stops: (() => Promise<void>)[] = [];
  const stopPolling = async () => void (await Promise.all(stops.splice(0).map((stop) => stop())));
  const serve = async (queue: string, options: Partial<WorkerOptions>) => {
    const worker = await Worker.create({ connection, namespace: 'default', taskQueue: queue, ...options });
    const ended = worker.run();
    return async () => {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await ended;
    };
  };
  const workflowBundle = await hostileBundle();
  const endOwn = await serve(taskQueue, { workflowBundle });

  const eventsOf = async (runId: string) => {
    const { events } = await client.workflow.getHandle(runWorkflowId(runId)).fetchHistory();
    return events ?? [];
  };
  const scheduled: HostileClient['scheduled'] = async (runId) => {
    const { runId: executionId } = await client.workflow.getHandle(runWorkflowId(runId)).describe();
    return (await eventsOf(runId)).flatMap(({ activityTaskScheduledEventAttributes: found }) =>
      found
        ? [
            {
              name: found.activityType?.name ?? '',
              activityId: found.activityId ?? '',
              executionId,
              input: decoded(found.input?.payloads?.[0]),
            },
          ]
        : [],
    );
  };
  const update = (runId: string, name: string, given: unknown): Promise<unknown> =>
    client.workflow.getHandle(runWorkflowId(runId)).executeUpdate(name, { args: [given] });
  return {
    client,
    taskQueue,
    errand: (given, workflowId = `foreign-${randomUUID()}`) =>
      client.workflow.execute<Workflow>('errand', { taskQueue, workflowId, args: [given] }),
    launch: async (type, workflowId, args) => {
      await client.workflow.start(type, { taskQueue, workflowId, args: [...args] });
    },
    scheduled,
    awaitPending: (runId, name) =>
      eventually(async () => {
        const { raw } = await client.workflow.getHandle(runWorkflowId(runId)).describe();
        const pending = raw.pendingActivities?.find(({ activityType }) => activityType?.name === name);
        const found = (await scheduled(runId)).find(({ activityId }) => activityId === pending?.activityId);
        return found ?? null;
      }, `${name} of ${runId}`),
    resultOf: async (runId, gate) => {
      const events = await eventsOf(runId);
      const asked = (await scheduled(runId)).find(({ input }) => input.gate === gate);
      const place = events.find(
        ({ activityTaskScheduledEventAttributes: found }) => found && found.activityId === asked?.activityId,
      )?.eventId;
      const done = events.find(({ activityTaskCompletedEventAttributes: found }) =>
        place?.equals(found?.scheduledEventId ?? -1),
      )?.activityTaskCompletedEventAttributes;
      if (!done) throw new Error(`${gate} of ${runId} has no result`);
      return decoded(done.result?.payloads?.[0]);
    },
    completeById: (runId, activityId, result) =>
      client.activity.complete({ workflowId: runWorkflowId(runId), activityId }, result),
    startInput: async (runId) => {
      const [first] = await eventsOf(runId);
      return decoded(first?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0]);
    },
    terminate: async (runId) => {
      await client.workflow.getHandle(runWorkflowId(runId)).terminate('an attack');
    },
    reset: async (runId, part) => {
      const handle = client.workflow.getHandle(runWorkflowId(runId));
      const events = await eventsOf(runId);
      const ended = events.findLastIndex(({ activityTaskCompletedEventAttributes: done }) => done);
      const tasks = (part === 'while a gate ran' ? events.slice(0, ended) : events).filter(
        ({ workflowTaskCompletedEventAttributes: done }) => done,
      );
      const along = part === 'while a gate ran' ? 1 : part;
      const workflowTaskFinishEventId = tasks[Math.round(along * (tasks.length - 1))]?.eventId;
      if (workflowTaskFinishEventId == null) throw new Error(`run ${runId} has done no workflow task`);
      await client.workflowService.resetWorkflowExecution({
        namespace: 'default',
        workflowExecution: { workflowId: handle.workflowId, runId: (await handle.describe()).runId },
        reason: 'an attack',
        workflowTaskFinishEventId,
        requestId: randomUUID(),
        resetReapplyExcludeTypes: [
          ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL,
          ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE,
        ],
      });
    },
    stealTask: async (queue) => {
      const { taskToken } = await client.connection.withDeadline(Date.now() + POLL_MS, () =>
        client.workflowService.pollActivityTaskQueue({
          namespace: 'default',
          taskQueue: { name: queue },
          identity: 'rogue',
        }),
      );
      if (taskToken.length === 0) throw new Error(`no task came on ${queue}`);
      return taskToken;
    },
    completeByToken: (token, result) => client.activity.complete(token, result),
    poll: async (queue, what) =>
      void stops.push(await serve(queue, what === 'false engine' ? { workflowBundle } : what)),
    stopPolling,
    showStatus: async (runId, status) => void (await update(runId, 'rogueStatus', status)),
    errandAsRun: async (runId, given) => (await update(runId, 'rogueErrand', given)) as ErrandResult,
    close: async () => {
      await stopPolling();
      await endOwn();
      await connection.close();
      await client.connection.close();
    },
  };
}
