import { condition, defineQuery, defineSignal, defineUpdate, proxyActivities, setHandler } from '@temporalio/workflow';

/** What an activity of a run is asked and answers, in the size that a run's have: names and digests. */
export interface BareActivities {
  bareGate(input: { readonly run_id: string; readonly gate: string; readonly input_sha256: string }): Promise<{
    readonly verdict: string;
    readonly output_sha256: string;
  }>;
  bareFinalise(input: { readonly run_id: string; readonly head: string }): Promise<{ readonly files: number }>;
}

const { bareGate, bareFinalise } = proxyActivities<BareActivities>({ startToCloseTimeout: '1 minute' });

export const approve = defineSignal<[{ readonly gate: string }]>('approve');
export const escalate = defineSignal<[{ readonly issue: string }]>('escalate');
export const resolveEscalation = defineSignal<[{ readonly choice: string }]>('resolveEscalation');
/** The same answers through the other door: the name of the signal. */
export const answer = defineUpdate<boolean, [string]>('answer');
/** The name of the signal that the workflow waits for, or null while it works. */
export const awaited = defineQuery<string | null>('awaited');

const GATES = ['P00', 'P01', 'P03', 'P05', 'P06', 'P07'];

/**
 * The shape of a run's straight path and nothing of its substance: six gates with an approval each, one escalation
 * raised and resolved, and the finalisation. 7 activities and 8 signals, 79 events.
 */
export async function bareRun(runId: string): Promise<number> {
  const received: string[] = [];
  let waitingFor: string | null = null;
  setHandler(approve, () => void received.push('approve'));
  setHandler(escalate, () => void received.push('escalate'));
  setHandler(resolveEscalation, () => void received.push('resolveEscalation'));
  setHandler(answer, (signal) => received.push(signal) > 0);
  setHandler(awaited, () => waitingFor);

  const next = async (signal: string): Promise<void> => {
    waitingFor = signal;
    await condition(() => received.includes(signal));
    received.splice(received.indexOf(signal), 1);
    waitingFor = null;
  };

  let output = '0'.repeat(64);
  for (const gate of GATES) {
    output = (await bareGate({ run_id: runId, gate, input_sha256: output })).output_sha256;
    if (gate === 'P03') {
      await next('escalate');
      await next('resolveEscalation');
    }
    await next('approve');
  }
  return (await bareFinalise({ run_id: runId, head: output })).files;
}
