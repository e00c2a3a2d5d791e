import { ServiceError, WorkflowFailedError } from '@temporalio/client';
import { RetryState, TerminatedFailure } from '@temporalio/common';
import { expect, test } from 'vitest';
import { asRunFailure, asTemporalFailure } from '../../src/client/failures.js';

test('asTemporalFailure: a lost connection is said once and plainly, and how the server comes back', () => {
  const details =
    'No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:7233. Resolution note: ';
  const cause = Object.assign(new Error(`14 UNAVAILABLE: ${details}`), { code: 14, details, metadata: {} });
  expect(asTemporalFailure(new ServiceError('Failed to describe workflow', { cause }))).toMatchObject({
    code: 'TEMPORAL_FAILED',
    summary:
      'The Temporal server does not answer: No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:7233.',
    message: expect.stringContaining('`promptos dev --resume` starts an embedded one again'),
  });
});

test('asRunFailure: a run that was terminated is said as that, with how to get what there is of it', () => {
  const cause = new TerminatedFailure('wrong branch');
  expect(
    asRunFailure('run-1', new WorkflowFailedError('failed', cause, RetryState.NON_RETRYABLE_FAILURE)),
  ).toMatchObject({
    code: 'TEMPORAL_FAILED',
    summary: 'Run run-1 ended without a record: terminated: wrong branch',
    message: expect.stringContaining('`promptos run recover run-1`'),
  });
});

test('asTemporalFailure: what a server answers is passed on as it is', () => {
  const details = 'unknown namespace';
  const cause = Object.assign(new Error(`5 NOT_FOUND: ${details}`), { code: 5, details, metadata: {} });
  expect(asTemporalFailure(cause)).toMatchObject({ message: expect.stringContaining(details) });
});
