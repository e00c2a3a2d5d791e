import { expect, test } from 'vitest';
import { fillTemplate } from '../../../src/canary/patch-canaries.js';
import { requireNoSecret } from '../../../src/cli/app/require-no-secret.js';
import { bindDecision } from '../../../src/cli/decide/decision.js';
import { bindResolution } from '../../../src/cli/decide/resolution.js';
import { readMessage } from '../../../src/cli/runs/messages/message.js';
import { personEscalationSchema } from '../../../src/contracts/run/decisions.js';
import type { RunRequest } from '../../../src/contracts/run/run-request.js';

const requestOf = (description: string) => ({ task: { title: 'A title', description } }) as unknown as RunRequest;

test('request: a credential of a known format is refused before the start, and is not repeated', () => {
  const key = fillTemplate('gh^p_{w36}');
  let error: unknown;
  try {
    requireNoSecret(requestOf(`Use ${key} to log in`), 'REQUEST_HOLDS_SECRET');
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toMatchObject({ code: 'REQUEST_HOLDS_SECRET' });
  expect(String(error)).not.toContain(key);
});

test('request: a reference to a credential is no credential', () => {
  expect(() => requireNoSecret(requestOf('Read the token from GITHUB_TOKEN'), 'REQUEST_HOLDS_SECRET')).not.toThrow();
});

const KEY = fillTemplate('gh^p_{w36}');
const STATUS = {} as never;
const AWAITED = { report: {}, report_sha256: '' } as never;

test.each<readonly [string, (text: string) => unknown]>([
  ['comment', (comment) => bindDecision(STATUS, AWAITED, { actor: 'grace', choice: 'approve', comment })],
  ['rejection reason', (reason) => bindDecision(STATUS, AWAITED, { actor: 'grace', choice: 'reject', reason })],
  ['guidance', (guidance) => bindResolution(STATUS, AWAITED, { actor: 'grace', choice: 'retry', guidance })],
  ['escalation issue', (issue) => readMessage(personEscalationSchema, { issue, actor: 'ada' })],
])('message: a credential in a %s is refused before it is signed, and is not repeated', (_, make) => {
  let error: unknown;
  try {
    make(`The build needs ${KEY} to pass`);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toMatchObject({ code: 'MESSAGE_HOLDS_SECRET' });
  expect(String(error)).not.toContain(KEY);
});

test('message: what has no credential is taken', () => {
  expect(readMessage(personEscalationSchema, { issue: 'The token is missing', actor: 'ada' })).toMatchObject({
    issue: 'The token is missing',
  });
});
