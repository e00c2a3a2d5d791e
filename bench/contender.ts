import { setTimeout } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { WorkSize } from './governed/repository.js';
import { followHistory, type HistoryEvent } from './history.js';
import type { BenchProcess } from './processes.js';

/** Through which door answers come. */
export type Door = 'signal' | 'update';

/** What is compared: governed runs, or a plain workflow that does the same work. Each has a worker of its own. */
export interface Contender {
  readonly client: Client;
  readonly workflowOf: (runId: string) => string;
  /** The worker that serves it now. */
  worker(): BenchProcess;
  /** Starts a worker after the one before was killed. */
  restartWorker(): Promise<void>;
  start(runId: string, size: WorkSize): Promise<void>;
  /**
   * Looks what a run that is at rest waits for, as a person would, and approves it.
   * @throws Error when it waits for nothing, or no worker answers
   */
  look(runId: string): Promise<Answer>;
}

/** An approval that is ready to be sent. */
export interface Answer {
  send(door: Door): Promise<void>;
}

export interface DrivenRun {
  readonly runId: string;
  /** When each approval was sent, in milliseconds of this machine's clock. */
  readonly answered: readonly number[];
}

/** Longer than the slowest gate of the large work takes on a busy machine. */
const TIMEOUT_MS = 15 * 60_000;
/** No worker answers while one is restarted. */
const LOOK_AGAIN_MS = 100;

/** What a run has open at the server, by its history. */
export class RunProgress {
  #activities = 0;
  #task = false;
  completed = 0;

  /** Takes the events of one page, which come whole. @returns whether nothing will happen before an answer comes */
  take(events: readonly HistoryEvent[]): boolean {
    for (const event of events) {
      if (event.workflowTaskScheduledEventAttributes) this.#task = true;
      else if (event.workflowTaskCompletedEventAttributes) this.#task = false;
      else if (event.activityTaskScheduledEventAttributes) this.#activities += 1;
      else if (event.activityTaskCompletedEventAttributes) {
        this.#activities -= 1;
        this.completed += 1;
      } else if (event.activityTaskFailedEventAttributes ?? event.activityTaskTimedOutEventAttributes) {
        this.#activities -= 1;
      }
    }
    return !this.#task && this.#activities === 0 && this.completed > 0;
  }
}

export interface DriveOptions {
  readonly door: Door;
  readonly size?: WorkSize;
  /** Called for each activity that has completed. */
  onActivity?(): void;
}

/**
 * Starts one run and approves each gate as soon as the run waits, until it has ended.
 * @throws Error when it does not end within its time, or waits for something else
 */
export async function driveRun(
  contender: Contender,
  runId: string,
  { door, size = 'small', onActivity }: DriveOptions,
): Promise<DrivenRun> {
  const { client } = contender;
  await contender.start(runId, size);
  const workflowId = contender.workflowOf(runId);
  const answered: number[] = [];
  const progress = new RunProgress();
  const deadline = performance.now() + TIMEOUT_MS;
  let closed = false;
  for await (const events of followHistory(client, workflowId)) {
    const before = progress.completed;
    const rests = progress.take(events);
    for (let count = before; count < progress.completed; count += 1) onActivity?.();
    if (performance.now() > deadline) throw new Error(`${workflowId} has not ended in time`);
    closed = events.at(-1)?.workflowExecutionCompletedEventAttributes != null;
    if (!rests || closed) continue;
    const answer = await lookUntil(contender, runId, deadline);
    answered.push(Date.now());
    await answer.send(door);
  }
  if (!closed) throw new Error(`${workflowId} did not complete`);
  return { runId, answered };
}

async function lookUntil(contender: Contender, runId: string, deadline: number): Promise<Answer> {
  for (;;) {
    try {
      return await contender.look(runId);
    } catch (error) {
      if (performance.now() > deadline || error instanceof LeftThePath) throw error;
      await setTimeout(LOOK_AGAIN_MS);
    }
  }
}

/** A run that waits for something else than an approval: looking again is of no use. */
export class LeftThePath extends Error {}

/** Starts a run and waits until it waits for its first answer. */
export async function startAndRest(contender: Contender, runId: string, size: WorkSize = 'small'): Promise<void> {
  await contender.start(runId, size);
  const progress = new RunProgress();
  for await (const events of followHistory(contender.client, contender.workflowOf(runId))) {
    if (progress.take(events)) return;
  }
}

/** Drives runs of the same kind, so many at a time. */
export async function driveRuns(
  contender: Contender,
  runIds: readonly string[],
  concurrency: number,
  options: DriveOptions,
): Promise<readonly DrivenRun[]> {
  const left = [...runIds];
  const driven: DrivenRun[] = [];
  const take = async (): Promise<void> => {
    for (let runId = left.shift(); runId !== undefined; runId = left.shift()) {
      driven.push(await driveRun(contender, runId, options));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, take));
  return driven;
}

/**
 * A worker lives for weeks, and V8 compiles what it uses for some hundred runs: after 15 runs of them a worker takes half as
 * much again for each as after these.
 */
const WARM_UP = { runs: 150, at_once: 10 } as const;

export async function warmUp(contender: Contender): Promise<void> {
  const runIds = Array.from({ length: WARM_UP.runs }, (_, index) => `warm-up-${index + 1}`);
  await driveRuns(contender, runIds, WARM_UP.at_once, { door: 'signal' });
}
