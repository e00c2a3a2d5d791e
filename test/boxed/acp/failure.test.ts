import { describe, expect, test } from 'vitest';
import { failureOfError, failureOfWords } from '../../../src/boxed/acp/failure.js';

describe('failureOfError', () => {
  test.each([
    [{ code: 429, message: 'Rate limit exceeded. Try again later.' }, 'transient', null],
    [{ code: -32_603, message: 'Internal error', data: { details: '401 Incorrect API key' } }, 'authentication', null],
    [{ code: -32_603, message: 'Busy', data: { headers: { 'retry-after': '20' }, status: 529 } }, 'transient', '20'],
    [{ code: -32_603, message: '503, try again in 1.5s' }, 'transient', '1.5s'],
    [{ code: -32_603, message: 'x', data: { errorKind: 'billing_error' } }, 'budget', null],
    [{ code: -32_603, message: 'x', data: { codexErrorInfo: 'usageLimitExceeded' } }, 'budget', null],
    [{ code: -32_601, message: '"Method not found": session/new' }, 'configuration', null],
    [{ code: -32_603, message: 'Cannot read properties of undefined' }, 'bad_answer', null],
  ] as const)('%j is %s', (error, expected, retryAfter) => {
    expect(failureOfError(error)).toMatchObject({ class: expected, retry_after: retryAfter });
  });

  test('has the details where the message is the word of the protocol alone', () => {
    const { message } = failureOfError({
      code: -32_603,
      message: 'Internal error',
      data: { details: '401 wrong key' },
    });
    expect(message).toBe('Internal error: 401 wrong key');
  });
});

describe('failureOfWords', () => {
  test.each([
    ['exceeded retry limit, last status: 429 Too Many Requests\n\n', 'transient'],
    ['Error: Authentication failed with provider (HTTP 401).\n  Check your key.', 'authentication'],
    ['[API Error: 403 Forbidden]', 'authentication'],
    ['Error: 429 You exceeded your current quota', 'budget'],
  ])('%j is %s', (text, expected) => {
    expect(failureOfWords(text)).toMatchObject({ class: expected, message: text.trim() });
  });

  test.each([
    '',
    'I changed the handler.\nIt answers with status 429 now.',
    'The status is fine.',
    '{"kind":"output","summary":"error 500 is handled"}',
    `Error: 500 ${'x'.repeat(600)}`,
  ])('is silent about %j', (text) => {
    expect(failureOfWords(text)).toBeNull();
  });
});
