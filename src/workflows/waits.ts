import { workflowInfo } from '@temporalio/workflow';
import type { GovernedRunInput } from '../contracts/run/run-plan.js';
import { nextDeadline } from '../domain/run/deadlines.js';
import { nextStep, type Step } from '../domain/run/next-step.js';
import { syncJournal } from './journal.js';
import type { Alarm, RunDriver } from './run-driver.js';

/** Whether this history should be left: it grows long, or its ledger grows near what one query can answer. */
export const isFull = (run: RunDriver): boolean => workflowInfo().continueAsNewSuggested || run.isHeavy();

/** Waits until what is awaited changes, or time makes something happen, or the history should be left. */
export async function awaitPeople(run: RunDriver, input: GovernedRunInput, step: Step, alarm: Alarm): Promise<void> {
  if (run.hasUnsavedActs()) {
    await syncJournal(run, input, 'save');
    return;
  }
  const deadline = nextDeadline(run.state());
  const before = waitingFor(step, deadline);
  const changed = () =>
    waitingFor(nextStep(run.state()), nextDeadline(run.state())) !== before || run.hasUnsavedActs() || isFull(run);
  const inTime = await alarm.wait(changed, deadline, 'the next deadline');
  if (!inTime) run.apply({ type: 'clock' });
}

/** Names what a step waits for, and until when; refusals and single approvals of several do not change it. */
export const waitingFor = (step: Step, deadline: number | null): string =>
  `${step.kind} ${awaitedIds(step)} ${deadline}`;

function awaitedIds(step: Step): string {
  if (step.kind === 'awaitDecision') return step.request.request_id;
  return step.kind === 'awaitResolution' ? step.escalations.map(({ request_id }) => request_id).join(' ') : '';
}
