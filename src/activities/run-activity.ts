import { Context } from '@temporalio/activity';
import { PromptOsError } from '../contracts/errors.js';
import { workerOf } from './describe-error.js';
import { type Retries, toFailure } from './to-failure.js';

/** Milliseconds between two heartbeats: their absence is how a killed worker is noticed. */
const HEARTBEAT_INTERVAL_MS = 2_000;

/** What a worker refuses to do for whoever asked: logged with the workflow that asked, and counted. */
const REFUSED_STEPS: readonly string[] = ['STEP_NOT_DUE', 'FORK', 'LEDGER_BROKEN', 'RUN_ID_TAKEN'];

function reportRefusal({ info, log, metricMeter }: Context, error: unknown): void {
  if (!(error instanceof PromptOsError) || !REFUSED_STEPS.includes(error.code)) return;
  const { workflowExecution, activityType, taskQueue } = info;
  log.warn('refused a step', {
    code: error.code,
    activity: activityType,
    taskQueue,
    asked_by_workflow: workflowExecution?.workflowId,
    asked_by_run: workflowExecution?.runId,
    reason: error.summary,
  });
  metricMeter
    .createCounter('promptos_refused_steps', undefined, 'steps that a worker refused to carry out')
    .add(1, { code: error.code, activity: activityType });
}

/**
 * Works with a heartbeat, and says to Temporal what an error means.
 * @param work given a function that sets what each heartbeat carries from then on; one is sent at once
 */
export async function runActivity<T>(
  work: (context: Context, progress: (details: () => object) => void) => Promise<T>,
  retries?: Retries,
): Promise<T> {
  const context = Context.current();
  let details = (): object => ({});
  const beat = () => {
    // A local activity has no heartbeat: its worker holds the workflow task, and that is what times out.
    if (!context.info.isLocal) context.heartbeat(details());
  };
  const timer = setInterval(beat, HEARTBEAT_INTERVAL_MS);
  try {
    return await work(context, (next) => {
      details = next;
      beat();
    });
  } catch (error) {
    reportRefusal(context, error);
    // Whatever a port throws when it is interrupted, Temporal must hear that the activity was cancelled.
    const { cancellationSignal, info } = context;
    throw cancellationSignal.aborted
      ? cancellationSignal.reason
      : toFailure(error, info.attempt, retries, workerOf(context));
  } finally {
    clearInterval(timer);
  }
}
