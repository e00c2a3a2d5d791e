import { condition, sleep } from '@temporalio/workflow';

/** One timer for whatever is due next: a timer for each wait would cost two events of history each. */
export interface Alarm {
  /**
   * Waits until something is so, or until an instant. It may wake before the instant: then the caller looks at the clock
   * and waits on.
   * @param instant milliseconds since the epoch; null for no limit
   * @returns whether what was waited for is so
   */
  wait(until: () => boolean, instant: number | null, summary: string): Promise<boolean>;
}

export function createAlarm(): Alarm {
  /** When the earliest timer that runs goes off. */
  let next: number | null = null;
  let rung = 0;
  const set = (instant: number, summary: string) => {
    next = instant;
    sleep(Math.max(instant - Date.now(), 1), { summary }).then(
      () => {
        if (next === instant) next = null;
        rung += 1;
      },
      // The run is cancelled, and whoever waits hears of it by itself.
      () => undefined,
    );
  };
  return {
    async wait(until, instant, summary) {
      if (instant !== null && (next === null || next > instant)) set(instant, summary);
      const before = rung;
      await condition(() => until() || rung !== before);
      return until();
    },
  };
}
