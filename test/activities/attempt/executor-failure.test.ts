import { ApplicationFailure } from '@temporalio/common';
import { describe, expect, test } from 'vitest';
import { earlierWait, finalFailure, overload } from '../../../src/activities/attempt/executor-failure.js';
import { toFailure } from '../../../src/activities/to-failure.js';
import { PromptOsError } from '../../../src/contracts/errors.js';
import type { GateProgress } from '../../../src/contracts/run/gate-progress.js';

const NOW = Date.parse('2026-03-04T05:06:07.000Z');
const HOUR = 3_600_000;
const SINCE = '2026-03-04T05:00:00.000Z';

const overloaded = (retry_after_ms: number | null, retry_for_ms = 24 * HOUR) =>
  ({ class: 'transient', message: '429 Too Many Requests', retry_after_ms, retry_for_ms }) as const;
const waited = (times: number, since = SINCE) => ({ since, until: since, times });

describe('overload', () => {
  test('the delay is that which the provider names', () => {
    const { error, wait } = overload('nina', overloaded(42_000), null, NOW);
    expect(error.retryInMs).toBe(42_000);
    expect(wait).toEqual({ since: '2026-03-04T05:06:07.000Z', until: '2026-03-04T05:06:49.000Z', times: 1 });
    expect(error.message).toContain('"nina" cannot answer now: 429 Too Many Requests.');
    expect(error.message).toContain(
      'Asked 1 time since 2026-03-04T05:06:07.000Z; the next time at 2026-03-04T05:06:49.000Z.',
    );
  });

  test('without one it doubles from 5 seconds to 5 minutes', () => {
    const delays = [0, 1, 2, 5, 6, 400].map(
      (times) => overload('nina', overloaded(null), times === 0 ? null : waited(times), NOW).error.retryInMs,
    );
    expect(delays).toEqual([5_000, 10_000, 20_000, 160_000, 300_000, 300_000]);
  });

  test('a provider that always names no delay at all is asked less and less often', () => {
    const delays = [0, 3, 5, 7, 20].map(
      (times) => overload('nina', overloaded(0), times === 0 ? null : waited(times), NOW).error.retryInMs,
    );
    expect(delays).toEqual([1_000, 1_000, 2_000, 8_000, 300_000]);
  });

  test('what lasts longer than retry_for, or would, is not waited for: people are asked in the words of the provider', () => {
    const long = overload('nina', overloaded(null, HOUR), waited(9, '2026-03-04T04:06:07.000Z'), NOW);
    expect(long).toMatchObject({ wait: null, error: { code: 'EXECUTOR_OVERLOADED', retryInMs: null } });
    expect(long.error.message).toContain('429 Too Many Requests');
    expect(long.error.message).toContain('Asked 10 times since 2026-03-04T04:06:07.000Z; retry_for is 1h.');
    expect(long.error.message).toContain('`retry_for`');
    const asked = overload('nina', overloaded(25 * HOUR), null, NOW);
    expect(asked).toMatchObject({ wait: null, error: { retryInMs: null } });
    expect(asked.error.message).toContain('It asks to wait 90000 s.');
    expect(overload('nina', overloaded(Number.MAX_SAFE_INTEGER), null, NOW).wait).toBeNull();
    expect(overload('nina', overloaded(60_000, HOUR), waited(9), NOW).wait).not.toBeNull();
  });
});

test.each([
  ['authentication', 'EXECUTOR_NOT_AUTHENTICATED'],
  ['configuration', 'EXECUTOR_MISCONFIGURED'],
  ['budget', 'EXECUTOR_OUT_OF_BUDGET'],
] as const)('finalFailure: %s is %s, is not retried, and has the words of the provider', (of, code) => {
  const error = finalFailure('nina', { class: of, message: 'No, thanks' });
  expect(error).toMatchObject({ code, retryable: false });
  expect(error.summary).toMatch(/executor of "nina": No, thanks\.$/);
});

describe('toFailure: waits for a provider', () => {
  const failureOf = (retry_after_ms: number | null, attempt: number, uncounted = 0) =>
    toFailure(overload('nina', overloaded(retry_after_ms), null, NOW).error, attempt, { giveUpAfter: 12, uncounted });

  test('its delay is the next one of Temporal, however many attempts there were', () => {
    expect(failureOf(7_000, 500)).toMatchObject({
      type: 'EXECUTOR_OVERLOADED',
      nonRetryable: false,
      nextRetryDelay: 7_000,
    });
    expect(failureOf(48 * HOUR, 1)).toMatchObject({ type: 'EXECUTOR_OVERLOADED', nonRetryable: true });
  });

  test('they leave the tries of other failures as they are', () => {
    const lost = new PromptOsError('EXECUTOR_LOST', 'It died.');
    const retries = { giveUpAfter: 12, uncounted: 30 };
    expect(toFailure(lost, 31, retries)).toMatchObject({ nonRetryable: false, nextRetryDelay: 1_000 });
    expect(toFailure(lost, 42, retries)).toMatchObject({ nonRetryable: true });
    expect(toFailure(lost, 31, { giveUpAfter: 12 })).toBeInstanceOf(ApplicationFailure);
    expect(toFailure(lost, 31, { giveUpAfter: 12 })).toMatchObject({ nonRetryable: true });
  });
});

describe('earlierWait', () => {
  const progress: GateProgress = {
    ...{ gate: 'P00', attempt: 1, try: 0, activity: 'wait', started_at: SINCE, elapsed_ms: 0 },
    ...{ times_out_at: null, timeout_ms: null, last_line: null, output: [] },
  };
  const from = (provider_wait: object | undefined, attempt = 4, scheduledTimestampMs = Date.parse(SINCE) - 1_000) =>
    earlierWait(
      {
        heartbeatDetails: { ...progress, ...(provider_wait === undefined ? {} : { provider_wait }) },
        attempt,
        scheduledTimestampMs,
      },
      NOW,
    );

  test('is what the last heartbeat said', () => {
    expect(from(waited(3))).toEqual(waited(3));
    expect(from(undefined)).toBeNull();
    expect(earlierWait({ heartbeatDetails: undefined, attempt: 4, scheduledTimestampMs: 0 }, NOW)).toBeNull();
    expect(earlierWait({ heartbeatDetails: 'text', attempt: 4, scheduledTimestampMs: 0 }, NOW)).toBeNull();
  });

  test('is bounded by what the server says: neither more waits than attempts, nor from before the gate or the future', () => {
    expect(from(waited(900))?.times).toBe(3);
    expect(from(waited(1), 1)).toBeNull();
    expect(from(waited(1, '2020-01-01T00:00:00.000Z'))?.since).toBe('2026-03-04T04:59:59.000Z');
    expect(from(waited(1, '2036-01-01T00:00:00.000Z'))?.since).toBe('2026-03-04T05:06:07.000Z');
  });
});
