import type { Info } from '@temporalio/activity';
import type { Spent } from '../../contracts/run/budget.js';
import { gateProgressSchema } from '../../contracts/run/gate-progress.js';
import { addSpent, NOTHING_SPENT, UNKNOWN_TRY } from '../../rules/attempts/spent.js';

/** The account of what one attempt uses, over every call of its activity. */
export interface Spending {
  /** What calls of the activity before this one used: their tries are in no record. */
  readonly before: Spent;
  /** Everything so far. A try that runs is counted as unknown, so that a worker that dies leaves no try out. */
  total(): Spent;
  begin(): void;
  /** The try that runs has ended. */
  end(used: Spent): void;
}

export function createSpending(before: Spent = NOTHING_SPENT): Spending {
  let ended = before;
  let isRunning = false;
  return {
    before,
    total: () => (isRunning ? addSpent(ended, UNKNOWN_TRY) : ended),
    begin: () => {
      isRunning = true;
    },
    end: (used) => {
      isRunning = false;
      ended = addSpent(ended, used);
    },
  };
}

/** What the activity's calls before used, from the last heartbeat. Any poller may have sent that: it is a claim. */
export const earlierSpent = ({ heartbeatDetails }: Pick<Info, 'heartbeatDetails'>): Spent =>
  gateProgressSchema.safeParse(heartbeatDetails).data?.spent ?? NOTHING_SPENT;
