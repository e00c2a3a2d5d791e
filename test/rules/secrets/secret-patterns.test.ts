import { describe, expect, test } from 'vitest';
import { findSecretPatterns } from '../../../src/rules/secrets/find-secrets.js';

// Put together here, so that no file of this repository holds anything that looks like a credential.
const random = 'q7Rk2VxT9mZp4LwB8nHs3JdF6cGy1aUe0oKi';
const secrets: readonly (readonly [string, string])[] = [
  ['private-key', `-----BEGIN ${'RSA PRIVATE'} KEY-----\n${random}`],
  ['private-key', `-----BEGIN ${'PRIVATE'} KEY-----\n${random}`],
  ['private-key', `-----BEGIN ${'OPENSSH PRIVATE'} KEY-----\n${random}`],
  ['pgp-private-key', `-----BEGIN ${'PGP PRIVATE'} KEY BLOCK-----\n${random}`],
  ['aws-access-key', `id = ${'AKIA'}Q7RK2VXT9MZP4LWB`],
  ['aws-secret-key', `aws_secret_access_key = ${`${random}${random}`.slice(0, 40)}`],
  ['github-token', `url: https://${'ghp'}_${random}@github.com`],
  ['github-fine-grained', `${'github'}_pat_${random}`],
  ['slack-token', `${'xoxb'}-123456789012-${random}`],
  ['slack-webhook', `https://hooks.slack.com/services/${'T0AB12CD3'}/B0AB12CD3/${random}`],
  ['anthropic-key', `key: ${'sk'}-ant-api03-${random}`],
  ['openai-key', `${'sk'}-proj-${random}`],
  ['assigned-secret', `const password = "${random.slice(0, 16)}";`],
  ['assigned-secret', `"db_password": "${random}"`],
  ['assigned-secret', `API_KEY='${random}'`],
];

describe('findSecretPatterns', () => {
  test.each(secrets)('findSecretPatterns: reports %s with its line and without the secret', (rule, secret) => {
    const hits = findSecretPatterns(`first line\n${secret}\r\nlast line`);
    expect(hits.map((hit) => [hit.rule, hit.line])).toContainEqual([rule, 2]);
    expect(JSON.stringify(hits)).not.toContain(random.slice(0, 12));
  });

  test.each([
    'password = "correct horse battery staple"',
    `password = "\${DATABASE_PASSWORD_1}"`,
    'password = "changeme-Changeme1"',
    'token: "<your-token-1A>"',
    'const token = tokens.find(({ id }) => id === wanted)',
    'secretName: "my-application-secret"',
    `id = ${'AKIA'}IOSFODNN7EXAMPLE`,
    'see task-lists-are-the-best-thing-since',
    'sk-learn-is-a-library-for-machine-learning',
    '-----BEGIN PUBLIC KEY-----',
    '-----BEGIN CERTIFICATE-----',
    '',
  ])('findSecretPatterns: stays silent on %j', (text) => {
    expect(findSecretPatterns(text)).toEqual([]);
  });

  test('findSecretPatterns: two rules on one line are two hits, the same rule twice is one', () => {
    const line = `${'AKIA'}Q7RK2VXT9MZP4LWB ${'AKIA'}Q7RK2VXT9MZP4LWC ${'ghp'}_${random}`;
    expect(findSecretPatterns(line).map((hit) => hit.rule)).toEqual(['aws-access-key', 'github-token']);
  });
});
