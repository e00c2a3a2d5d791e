import { ApplicationFailure } from '@temporalio/common';
import { expect, test } from 'vitest';
import { toFailure } from '../../src/activities/to-failure.js';
import { ERROR_CATALOGUE, isErrorCode, PromptOsError } from '../../src/contracts/errors.js';

test('toFailure: the code is the type, and the catalogue says whether it is retried', () => {
  for (const code of Object.keys(ERROR_CATALOGUE).filter(isErrorCode)) {
    const error = new PromptOsError(code, 'It happened.');
    const failure = toFailure(error);
    expect(failure).toBeInstanceOf(ApplicationFailure);
    expect(failure).toMatchObject({ type: code, message: error.message, nonRetryable: !error.retryable, cause: error });
  }
});

test('toFailure: an unknown error goes on as it is', () => {
  const error = new TypeError('a defect');
  expect(toFailure(error)).toBe(error);
});
