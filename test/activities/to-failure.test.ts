import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { expect, test } from 'vitest';
import { toFailure } from '../../src/activities/to-failure.js';
import { ERROR_CATALOGUE, isErrorCode, PromptOsError } from '../../src/contracts/errors.js';

test('toFailure: the code is the type, and the catalogue says whether it is retried', () => {
  for (const code of Object.keys(ERROR_CATALOGUE).filter(isErrorCode)) {
    const error = new PromptOsError(code, 'It happened.');
    const failure = toFailure(error, 1);
    expect(failure).toBeInstanceOf(ApplicationFailure);
    expect(failure).toMatchObject({ type: code, message: error.message, nonRetryable: !error.retryable, cause: error });
  }
});

test('toFailure: what may be tried again waits twice as long each time, a minute at most', () => {
  const waits = [1, 2, 3, 6, 7, 1_000].map((attempt) => {
    const failure = toFailure(new PromptOsError('STORE_FULL', 'It happened.'), attempt);
    return (failure as ApplicationFailure).nextRetryDelay;
  });
  expect(waits).toEqual([1_000, 2_000, 4_000, 32_000, 60_000, 60_000]);
  expect(toFailure(new PromptOsError('LEDGER_BROKEN', 'It happened.'), 1)).toMatchObject({ nonRetryable: true });
});

test('toFailure: an unknown error stays retryable under its own name, and waits too', () => {
  const error = new TypeError('a defect');
  expect(toFailure(error, 2)).toMatchObject({
    type: 'TypeError',
    message: 'a defect',
    nonRetryable: false,
    nextRetryDelay: 2_000,
  });
});

test("toFailure: Temporal's own failures, and what is no error at all, go on as they are", () => {
  for (const error of [new CancelledFailure('stop'), ApplicationFailure.nonRetryable('no'), 'text', undefined]) {
    expect(toFailure(error, 1)).toBe(error);
  }
});

test('toFailure: after the last attempt nothing is tried again', () => {
  const error = new PromptOsError('STORE_FULL', 'It happened.');
  expect(toFailure(error, 11, { giveUpAfter: 12 })).toMatchObject({ nonRetryable: false });
  expect(toFailure(error, 12, { giveUpAfter: 12 })).toMatchObject({ nonRetryable: true, type: 'STORE_FULL' });
  expect(toFailure(new TypeError('a defect'), 12, { giveUpAfter: 12 })).toMatchObject({
    nonRetryable: true,
    type: 'TypeError',
  });
});

test('toFailure: what may heal is tried again, however final the catalogue calls it, and no other code is', () => {
  const retries = { mayHeal: ['ENGINE_KEY_MISSING'], longestDelayMs: 600_000 } as const;
  const failureOf = (code: 'ENGINE_KEY_MISSING' | 'LEDGER_BROKEN') =>
    toFailure(new PromptOsError(code, 'It happened.'), 100, retries);
  expect(failureOf('ENGINE_KEY_MISSING')).toMatchObject({ nonRetryable: false, nextRetryDelay: 600_000 });
  expect(failureOf('LEDGER_BROKEN')).toMatchObject({ nonRetryable: true });
});
