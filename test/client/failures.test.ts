import { ServiceError, WorkflowFailedError } from '@temporalio/client';
import { RetryState, TerminatedFailure } from '@temporalio/common';
import { describe, expect, test } from 'vitest';
import { asRunFailure, asTemporalFailure, isWithoutWorker } from '../../src/client/failures.js';

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

describe('a run that the code of its worker does not carry on', () => {
  const answered = (details: string) =>
    new ServiceError('Failed to query Workflow', {
      cause: Object.assign(new Error(`9 FAILED_PRECONDITION: ${details}`), { code: 9, details, metadata: {} }),
    });

  test.each([
    '[TMPRL1100] Nondeterminism error: No command scheduled for event HistoryEvent(id: 6, ActivityTaskScheduled)',
    'Unable to query workflow due to Workflow Task in failed state.',
  ])('asRunFailure: the next step is a worker of the release that began it: %s', (details) => {
    expect(asRunFailure('run-1', answered(details))).toMatchObject({
      code: 'TEMPORAL_FAILED',
      summary: expect.stringContaining('The worker that there is cannot carry on run run-1'),
      message: expect.stringContaining('Start a worker of the release of PromptOS that began the run'),
    });
  });

  test('isWithoutWorker: its messages wait for another worker, as where there is none', () => {
    const details = 'Unable to perform workflow execution update due to Workflow Task in failed state.';
    expect(isWithoutWorker(answered(details))).toBe(true);
  });
});
