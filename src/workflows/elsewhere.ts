import { sleep } from '@temporalio/workflow';
import { isRecord, sameJson } from '../contracts/json.js';
import type { SentGateResult } from '../contracts/run/activities.js';
import type { HandedOff, HeldClaim } from '../contracts/run/gate-claim.js';
import type { GovernedRunInput } from '../contracts/run/run-plan.js';
import { nextDeadline } from '../domain/run/deadlines.js';
import { nextStep } from '../domain/run/next-step.js';
import { type DueStep, syncJournal } from './journal.js';
import type { Alarm, RunDriver } from './run-driver.js';
import { isFull, waitingFor } from './waits.js';

/** One look of a worker into the journal. */
interface Look {
  /** Whether the gate is done elsewhere, and has no result yet: then the run waits. */
  isHandedOff(result: SentGateResult | HandedOff): result is HandedOff;
}

/** Waits for gates that are done elsewhere. There is no polling: whoever submits an output sends the run a signal. */
export interface Elsewhere {
  /** A worker is about to be asked for an attempt. */
  look(step: DueStep): Look;
  /** Waits for a reason to ask again. @returns false when the run must find out first what its next step is */
  wait(step: DueStep): Promise<boolean>;
}

/**
 * Milliseconds between two looks that find nothing new: from the shortest, doubled each time, to the longest. Anybody with
 * access to Temporal can send the signal.
 */
const PAUSE = { shortest: 1_000, longest: 60_000 } as const;
/** Milliseconds from a signal to the look: what comes meanwhile needs no look of its own. */
const DELAY = 50;

const keyOf = ({ gate, attempt }: DueStep): string => `${gate}.${attempt}`;

/**
 * A replay may give the answer of a local activity before or after a signal that came with it. So which signals a look knows of
 * is read when a timer fires, where none is asked, and with a command at once: the task is then replayed by itself. Elsewhere
 * a signal only wakes what waits.
 */
export function createElsewhere(run: RunDriver, input: GovernedRunInput, alarm: Alarm): Elsewhere {
  let last: { readonly key: string; readonly claim: HeldClaim | null } | null = null;
  /** Signals that had come before the newest look. */
  let known = 0;
  let pause: number = PAUSE.shortest;
  let rested = true;

  const rest = () => {
    rested = false;
    sleep(pause, { summary: 'between two looks into the journal' }).then(
      () => {
        rested = true;
      },
      // The run is cancelled, and what waits hears of it by itself.
      () => undefined,
    );
  };

  return {
    look(step) {
      return {
        isHandedOff(result): result is HandedOff {
          const found = readHandedOff(result);
          if (found === null) return false;
          const { claim } = found;
          const key = keyOf(step);
          const inVain = last?.key === key && sameJson(last.claim, claim);
          pause = inVain ? Math.min(pause * 2, PAUSE.longest) : PAUSE.shortest;
          last = { key, claim };
          run.apply({ type: 'handOffGate', ...step });
          run.claimed(claim);
          return true;
        },
      };
    },
    async wait(step) {
      // In a new execution, a submission that came meanwhile must not be missed.
      if (last?.key !== keyOf(step)) return true;
      if (run.hasUnsavedActs()) {
        await syncJournal(run, input, 'save');
        return false;
      }
      const deadline = nextDeadline(run.state());
      const before = waitingFor(nextStep(run.state()), deadline);
      const changed = () =>
        waitingFor(nextStep(run.state()), nextDeadline(run.state())) !== before || run.hasUnsavedActs() || isFull(run);
      const isWanted = () => rested && run.looksWanted() !== known;
      const inTime = await alarm.wait(() => changed() || isWanted(), deadline, 'the next deadline');
      if (!inTime) run.apply({ type: 'clock' });
      if (!inTime || changed()) return false;
      await sleep(DELAY, { summary: 'the next look into the journal' });
      if (changed()) return false;
      known = run.looksWanted();
      rest();
      return true;
    },
  };
}

/** Characters of a claimant's name that are shown. */
const MAX_CLAIMANT = 200;
const isText = (value: unknown): value is string => typeof value === 'string' && value.length <= MAX_CLAIMANT;

/** What a worker said of a gate that is done elsewhere, or null. Anybody with access to Temporal can answer in its place. */
function readHandedOff(result: unknown): HandedOff['handed_off'] | null {
  if (!isRecord(result) || !isRecord(result.handed_off)) return null;
  const { claim } = result.handed_off;
  if (!isRecord(claim)) return { claim: null };
  const { claimant, at, until } = claim;
  return { claim: isText(claimant) && isText(at) && isText(until) ? { claimant, at, until } : null };
}
