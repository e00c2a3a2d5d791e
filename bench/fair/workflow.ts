import { condition, defineQuery, defineSignal, defineUpdate, proxyActivities, setHandler } from '@temporalio/workflow';

/** What an activity of a run is asked and answers, in the size that a governed run's have: names and digests. */
export interface FairActivities {
  fairGate(input: {
    readonly run_id: string;
    readonly gate: string;
    readonly branch: string;
    readonly input_sha256: string;
  }): Promise<{ readonly verdict: string; readonly output_sha256: string }>;
  fairFinalise(input: { readonly run_id: string; readonly head: string }): Promise<{ readonly files: number }>;
}

/** What a gate waits for: the approval of its output. */
export interface FairApproval {
  readonly gate: string;
  readonly output_sha256: string;
  readonly actor: string;
}

/** The limits of a governed run's activities (`src/workflows`), so that a killed worker is noticed as soon. */
const { fairGate, fairFinalise } = proxyActivities<FairActivities>({
  startToCloseTimeout: '15 minutes',
  heartbeatTimeout: '10 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '2 seconds' },
});

export const approve = defineSignal<[FairApproval]>('approve');
/** The same answer through the other door. */
export const answer = defineUpdate<boolean, [FairApproval]>('answer');
/** The output whose approval the workflow waits for, or null while it works. */
export const awaited = defineQuery<Omit<FairApproval, 'actor'> | null>('awaited');

const GATES = ['P00', 'P01', 'P03', 'P05', 'P06', 'P07'];

/** The work of a run's straight path without governance: six gates with an approval each, and the finalisation. */
export async function fairRun(run_id: string, branch: string): Promise<number> {
  const approvals: FairApproval[] = [];
  let pending: Omit<FairApproval, 'actor'> | null = null;
  setHandler(approve, (approval) => void approvals.push(approval));
  setHandler(answer, (approval) => approvals.push(approval) > 0);
  setHandler(awaited, () => pending);

  let head = '0'.repeat(64);
  for (const gate of GATES) {
    const { verdict, output_sha256 } = await fairGate({ run_id, gate, branch, input_sha256: head });
    if (verdict !== 'pass') throw new Error(`${gate} ended as ${verdict}`);
    pending = { gate, output_sha256 };
    await condition(() => approvals.some((approval) => approval.gate === gate));
    pending = null;
    head = output_sha256;
  }
  return (await fairFinalise({ run_id, head })).files;
}
