import { condition, log, proxyLocalActivities } from '@temporalio/workflow';
import type { GovernanceActivities, SyncPurpose } from '../contracts/run/activities.js';
import type { GovernedRunInput } from '../contracts/run/run-plan.js';
import { forkReport } from '../domain/run/escalations.js';
import type { AttemptStep } from '../domain/run/next-step.js';
import type { RunDriver } from './run-driver.js';

/** How often, and how long each time, a message that is in the journal and not in the ledger is waited for. */
const WAITS = 6;
const WAIT = '5 seconds';

const { promptos_syncJournal } = proxyLocalActivities<GovernanceActivities>({
  startToCloseTimeout: '30 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '10 minutes' },
  // Longer pauses between tries are timers, so that queries and a cancellation are heard meanwhile.
  localRetryThreshold: '1 second',
  summary: 'bring ledger and journal together',
});

/** The gate that is due, where the run is about to start one. */
export type DueStep = Pick<AttemptStep, 'gate' | 'attempt'>;

/**
 * Brings the ledger and the journal together before the run's next step. Messages that are on their way are waited for;
 * what then is missing raises a P08.
 * @param meanwhile what messages do that come before the journal's answer
 * @returns whether the run may go on
 */
export async function syncJournal(
  run: RunDriver,
  input: GovernedRunInput,
  purpose: SyncPurpose,
  { gate, attempt }: DueStep | { readonly gate: null; readonly attempt: 0 } = { gate: null, attempt: 0 },
  meanwhile: 'wait' | 'judge' = 'wait',
): Promise<boolean> {
  for (let waited = 0; ; waited += 1) {
    const asked = run.head().entries;
    const asking = { run_id: input.run_id, purpose, gate, attempt, ledger: run.ledger() };
    const ask = () => promptos_syncJournal(asking, new Date().toISOString());
    const { segment, fork, saved_at, answered_at } = await (meanwhile === 'wait' ? run.inbox.whileAsking(ask) : ask());
    run.saved(segment, saved_at);
    run.answered(answered_at);
    if (fork === null) {
      // What came meanwhile has a time that a replay may not have: a gate's start must not follow it before it is saved.
      const settled = answered_at === undefined || run.ledger().entries.length === 0;
      return purpose !== 'gate' || settled;
    }
    if (!fork.may_arrive || waited === WAITS) {
      log.warn('the ledger and the journal differ', { missing: fork.fork.missing });
      run.apply({ type: 'fork', report: forkReport(fork.fork, fork.missing) }, 'as answered');
      return false;
    }
    // A message that came meanwhile may have changed what is next: then the caller looks again.
    if (await condition(() => run.head().entries !== asked, WAIT)) {
      if (purpose === 'gate' || purpose === 'close' || run.state().phase === 'closed') return false;
    }
  }
}

/** Journals what people sign while a gate runs, for hours if need be: a Reset meanwhile must not lose it. */
export async function syncWhile(run: RunDriver, input: GovernedRunInput, isRunning: () => boolean): Promise<void> {
  for (;;) {
    await condition(() => !isRunning() || (run.hasUnsavedActs() && run.state().phase === 'open'));
    if (!isRunning()) return;
    await syncJournal(run, input, 'save', undefined, 'judge');
  }
}
