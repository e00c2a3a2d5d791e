import { describe, expect, test } from 'vitest';
import { fillTemplate } from '../../../src/canary/patch-canaries.js';
import { findSecrets, SECRET_FORMATS } from '../../../src/rules/secrets/find-secrets.js';
import { SECRET_EXAMPLES } from './secret-examples.js';

/** Formats that other things have too. */
const CANDIDATES = [
  'stripe-test-key',
  'launchdarkly-key',
  'service-url',
  'bearer-header',
  'basic-header',
  'json-web-token',
];

test('secret formats: each row has one example and one near miss, and there are at least 73 kinds', () => {
  expect(SECRET_EXAMPLES.map(([id]) => id).sort()).toEqual(SECRET_FORMATS.map(({ id }) => id).sort());
  expect(SECRET_FORMATS.length).toBeGreaterThanOrEqual(73);
});

describe.each(SECRET_EXAMPLES)('secret format %s', (id, example, nearMiss) => {
  const confidence = CANDIDATES.includes(id) ? 'candidate' : 'known';
  test('is found in the middle of a line, with the right confidence', () => {
    const text = `first\n${fillTemplate(example)} \nlast`;
    expect(findSecrets(text).map((hit) => [hit.id, hit.confidence])).toContainEqual([id, confidence]);
  });

  test('a near miss is no hit of it', () => {
    expect(findSecrets(fillTemplate(nearMiss)).map((hit) => hit.id)).not.toContain(id);
  });

  test.runIf(confidence === 'known')('is found under base64 and hexadecimal', () => {
    const bytes = Buffer.from(`${fillTemplate(example)} `.padStart(20, '#\t'));
    for (const encoded of [bytes.toString('base64'), bytes.toString('hex')]) {
      expect(findSecrets(`value: "${encoded}"`).some((hit) => hit.confidence === 'known')).toBe(true);
    }
  });
});
