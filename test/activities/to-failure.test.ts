import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { describe, expect, test } from 'vitest';
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

describe('toFailure: the message', () => {
  const failureOf = (error: unknown, worker?: string) => toFailure(error, 1, {}, worker) as ApplicationFailure;

  test('has the chain of causes, each once, and the worker', () => {
    const system = Object.assign(new Error('open failed'), { code: 'EACCES' });
    const git = new Error('git fetch failed', { cause: system });
    const error = new PromptOsError('GIT_FAILED', 'git fetch failed.', { cause: git });
    expect(failureOf(error, '7@builder').message).toBe(
      `${error.message}\nCaused by: EACCES: open failed\nWorker: 7@builder`,
    );
  });

  test('of an error of the system has its code, also as the type', () => {
    const error = Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' });
    expect(failureOf(error, '7@builder')).toMatchObject({
      type: 'EIO',
      message: 'EIO: i/o error, read\nWorker: 7@builder',
    });
  });

  test('stays short enough for the ledger, with the worker at its end', () => {
    const long = 'x'.repeat(5_000);
    const { message } = failureOf(new Error(long, { cause: new Error(`y${long}`) }), '7@builder');
    expect(message.length).toBeLessThan(2_000);
    expect(message).toMatch(/x…\nCaused by: yx+…\nWorker: 7@builder$/);
  });

  test('ends with causes that lead back to themselves', () => {
    const error = new Error('a');
    error.cause = new Error('b', { cause: error });
    expect(failureOf(error).message).toBe('a\nCaused by: b');
  });

  test('holds no credential', () => {
    const token = ['ghp', 'A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8'].join('_');
    const { message } = failureOf(new Error('refused', { cause: new Error(`https://x:${token}@example.org`) }));
    expect(message).not.toContain(token);
    expect(message).toContain('[masked:');
  });
});
