import {
  type ActivityInterface,
  ApplicationFailure,
  condition,
  defineQuery,
  defineUpdate,
  makeContinueAsNewFunc,
  proxyActivities,
  rootCause,
  setHandler,
  TemporalFailure,
} from '@temporalio/workflow';

/** What a workflow of the attacker's asks a worker of ours to do. */
export interface Errand {
  readonly activity: string;
  readonly taskQueue: string;
  readonly args: readonly unknown[];
  /** What the workflow answers when it is asked for a ledger. */
  readonly ledger?: readonly unknown[];
}

export type ErrandResult =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly type: string; readonly message: string };

const ledgerQuery = defineQuery<readonly unknown[]>('ledger');

async function carryOut({ activity, taskQueue, args }: Errand): Promise<ErrandResult> {
  const activities = proxyActivities<ActivityInterface>({
    taskQueue,
    startToCloseTimeout: '1 minute',
    scheduleToCloseTimeout: '2 minutes',
    retry: { maximumAttempts: 1 },
  });
  try {
    return { ok: true, result: await activities[activity]?.(...args) };
  } catch (error) {
    const cause = error instanceof TemporalFailure ? error.cause : undefined;
    const type = cause instanceof ApplicationFailure ? (cause.type ?? 'none') : 'none';
    return { ok: false, type, message: rootCause(error) ?? String(error) };
  }
}

/** Schedules one activity on any queue. */
export async function errand(given: Errand): Promise<ErrandResult> {
  setHandler(ledgerQuery, () => given.ledger ?? []);
  return carryOut(given);
}

/** Continues as a governed run on the engine's queue, with a past of its own making. */
export async function becomeGoverned(taskQueue: string, args: readonly unknown[]): Promise<void> {
  const become = makeContinueAsNewFunc<(...given: unknown[]) => Promise<unknown>>({
    workflowType: 'governedRun',
    taskQueue,
  });
  await become(...args);
}

/** A false engine: takes every message as counted, records none, and shows the status that it was given. */
export async function governedRun(): Promise<void> {
  let status: unknown = null;
  setHandler(defineUpdate<object, [unknown]>('decide'), () => ({ accepted: true, reason: null, message: 'counted' }));
  setHandler(defineQuery<unknown>('status'), () => status);
  setHandler(ledgerQuery, () => []);
  setHandler(defineUpdate<void, [unknown]>('rogueStatus'), (given) => {
    status = given;
  });
  setHandler(defineUpdate<ErrandResult, [Errand]>('rogueErrand'), carryOut);
  await condition(() => false);
}
