import { CancellationScope, condition } from '@temporalio/workflow';
import type { DecisionAnswer } from '../contracts/run/decisions.js';
import type { MessageKind } from '../domain/run/commands.js';

/** A message of a person, and the workflow's time when it came. */
export interface ReceivedMessage {
  readonly kind: MessageKind;
  readonly content: unknown;
  readonly at: string;
}

/**
 * Gives messages their turn. Before the run is open they wait for the policy that judges them. One that comes while the run
 * waits for a local activity is judged after what the answer leads to: a replay may give the answer before the message where
 * the run had both at once.
 */
export interface Inbox {
  /** @param reply takes the answer; a promise for each of thousands of signals would cost more than to judge them */
  receive(kind: MessageKind, content: unknown, reply?: (answer: DecisionAnswer) => void): void;
  isEmpty(): boolean;
  /** Waits for a local activity whose answer decides what the run does next. */
  whileAsking<T>(ask: () => Promise<T>): Promise<T>;
  /** Judges the oldest messages that wait, as long as the activity's answer shows that it had seen more. */
  judgeWhile(sawMore: () => boolean): void;
}

/** Whether messages wait: until the run is open, and while it waits for an activity. */
export interface Turns {
  isOpen(): boolean;
  /** False in histories from before local activities returned when they answered. */
  waitForAnswers(): boolean;
}

export function createInbox(judge: (message: ReceivedMessage) => DecisionAnswer, turns: Turns): Inbox {
  /** What judges each message that waits, the oldest first. */
  let waiting: (() => void)[] = [];
  let asking = false;
  const mustWait = () => !turns.isOpen() || (asking && turns.waitForAnswers());
  const judgeAll = () => {
    const now = waiting;
    waiting = [];
    for (const judgeOne of now) judgeOne();
  };
  return {
    receive(kind, content, reply = () => undefined) {
      const message = { kind, content, at: new Date().toISOString() };
      if (waiting.length === 0) {
        if (!mustWait()) return reply(judge(message));
        // Cancelled here, the handler would end the run before it has published its record.
        CancellationScope.nonCancellable(() => condition(() => !mustWait())).then(judgeAll, () => undefined);
      }
      waiting.push(() => reply(judge(message)));
    },
    isEmpty: () => waiting.length === 0,
    async whileAsking(ask) {
      asking = true;
      try {
        return await ask();
      } finally {
        asking = false;
      }
    },
    judgeWhile(sawMore) {
      let judged = 0;
      while (judged < waiting.length && sawMore()) {
        waiting[judged]?.();
        judged += 1;
      }
      waiting = waiting.slice(judged);
    },
  };
}
