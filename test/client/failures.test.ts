import { ServiceError } from '@temporalio/client';
import { expect, test } from 'vitest';
import { asTemporalFailure } from '../../src/client/failures.js';

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

test('asTemporalFailure: what a server answers is passed on as it is', () => {
  const details = 'unknown namespace';
  const cause = Object.assign(new Error(`5 NOT_FOUND: ${details}`), { code: 5, details, metadata: {} });
  expect(asTemporalFailure(cause)).toMatchObject({ message: expect.stringContaining(details) });
});
