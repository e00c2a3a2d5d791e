import { expect, test } from 'vitest';
import { requireNoSecret } from '../../src/cli/prepare-run.js';
import type { RunRequest } from '../../src/contracts/run-request.js';
import { fill } from '../rules/secret-examples.js';

const requestOf = (description: string) => ({ task: { title: 'A title', description } }) as unknown as RunRequest;

test('request: a credential of a known format is refused before the start, and is not repeated', () => {
  const key = fill('gh^p_{w36}');
  let error: unknown;
  try {
    requireNoSecret(requestOf(`Use ${key} to log in`));
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toMatchObject({ code: 'REQUEST_HOLDS_SECRET' });
  expect(String(error)).not.toContain(key);
});

test('request: a reference to a credential is no credential', () => {
  expect(() => requireNoSecret(requestOf('Read the token from GITHUB_TOKEN'))).not.toThrow();
});
