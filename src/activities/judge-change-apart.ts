import { once } from 'node:events';
import { setImmediate as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { judgeChange } from '../rules/judge-change.js';
import type { JudgedFinding } from '../rules/judged-output.js';
import type { JudgedPatch } from '../rules/patch-rule.js';

/** Bytes of a patch that is judged in less time than a thread takes to start. */
const SMALL_PATCH = 1_024 * 1_024;

const THREAD = new URL('../../dist/activities/judge-thread.js', import.meta.url);

/**
 * What `judgeChange` says, without holding up the thread of the activities. A patch of 50 MB takes some ten seconds: without
 * heartbeats for so long, the server would give the gate to another worker, which would pay its executor again.
 * @throws the signal's reason when it is aborted; Error when the thread cannot run
 */
export async function judgeChangeApart(judged: JudgedPatch, signal: AbortSignal): Promise<readonly JudgedFinding[]> {
  if (judged.patch.bytes.byteLength <= SMALL_PATCH) return judgeChange(judged);
  // What went before may have taken seconds too.
  await pause();
  signal.throwIfAborted();
  const thread = new Worker(THREAD, { workerData: judged });
  try {
    const [findings] = await once(thread, 'message', { signal });
    return findings as readonly JudgedFinding[];
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    await thread.terminate();
  }
}
