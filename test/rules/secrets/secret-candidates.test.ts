import { expect, test } from 'vitest';
import { fillTemplate } from '../../../src/canary/patch-canaries.js';
import { judgePatch } from '../../../src/rules/judge-change.js';
import { findSecrets } from '../../../src/rules/secrets/find-secrets.js';
import { maskAnswer, maskBytes, maskSecrets } from '../../../src/rules/secrets/mask-secrets.js';
import { changed, judged } from '../patches.js';

const KEY = fillTemplate('s^k_live_{w24}');
const GITHUB = fillTemplate('gh^p_{w36}');

test.each([
  "token: 'https://api.acme.test/v2/oauth/token',",
  "token_endpoint: 'https://login.acme.test/oauth2/token',",
  "id_token_encrypted_response_enc: 'A128CBC-HS256',",
  "secretAlgorithm: 'RSA-OAEP-256'",
  "token_url = 'http://localhost:8080/realms/Acme1/token'",
  "password: 'changeme-Changeme1'",
  'password = process.env.DATABASE_PASSWORD',
  "const secret = process.env['CLIENT_SECRET_2'];",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a reference of a shell.
  'PASSWORD=${DATABASE_PASSWORD_1}',
  'readonly token: Promise<string | undefined>;',
  "token: 'createAccessTokenForUser'",
  "secretName: 'my-application-secret-v2'",
  'password: passwordSchema1.optional()',
  "passwordFile: '/run/secrets/db-Password1'",
  "apiKey: 'YOUR_API_KEY_1234567'",
  "const TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:jwt1'",
  'postgres://postgres:postgres@localhost:5432/test',
  'https://user:password@example.com/',
  "authToken: 'test-token-Example1'",
  // Seen in the sources of public packages.
  `privateKey: "-----BEGIN ${'PRIVATE'} KEY-----<KEY>-----END ${'PRIVATE'} KEY-----\\n"`,
  `"PrivateKey": "-----BEGIN DSA ${'PRIVATE'} KEY-----<a very long private key string>-----END DSA ${'PRIVATE'} KEY-----"`,
  `-----BEGIN RSA ${'PRIVATE'} KEY-----\\nMIIEpQIBAAKCAQEAuyf/lNrH9ck8DmNyo3fG...\\n-----END`,
  '"SecretId": "MyTestDatabaseSecret"',
  '"PasswordLastUsed": "2016-09-08T21:47:36Z"',
  '"ChangeToken": "abcd12f2-46da-4fdb-b8d5-fbd4c466928f"',
  '"clientRequestToken": "1d2129a1-3d38-460a-9756-e5b91fddb951"',
  '"nextToken": "YW5vdGhlclRva2VuIQ=="',
  '"input_token": "ExclusiveStartShardId"',
  'assert headers == {"Proxy-Authorization": "Basic dXNlcjpwYXNz"}',
  'Authorization: Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW',
  'f.write("machine example.com login aaaa password bbbb\\n")',
  'f.write("machine api.acme.io login user password pass\\ndefault\\n")',
  'credentials in a URL (e.g. `https://user:p%40ss@host`), decoded',
])('secrets: %j is no hit at all', (text) => {
  expect(findSecrets(text)).toEqual([]);
});

test.each([
  [fillTemplate('const password = "{w16}";'), 'assigned-secret'],
  [fillTemplate('  password: {w20}'), 'configured-secret'],
  [fillTemplate('API_KEY={w32}'), 'configured-secret'],
  [fillTemplate('export DB_PASSWORD={w18}   # production'), 'configured-secret'],
  [fillTemplate('kind: Secret\ndata:\n  pass: {base64:hunter2-9000}'), 'kubernetes-secret'],
])('secrets: %j is a candidate', (text, id) => {
  expect(findSecrets(text).map((hit) => [hit.id, hit.confidence])).toEqual([[id, 'candidate']]);
});

const linesOf = (texts: readonly string[], path = 'a.env') =>
  judgePatch(judged([changed(path)], { lines: texts.map((text, index) => ({ path, line: index + 1, text })) }))
    .findings;

test('secret candidates: block under a rule of their own, with a stable fingerprint and never the value', () => {
  const line = fillTemplate('API_KEY={w32}');
  const [finding, ...more] = linesOf([line]);
  expect(more).toEqual([]);
  expect(finding).toMatchObject({ rule: 'secret_candidates', severity: 'high', blocking: true, line: 1 });
  expect(finding?.message).toContain(finding?.fingerprint);
  expect(finding?.message).not.toContain(line.slice(8, 20));
  expect(linesOf(['', line])[0]?.fingerprint).toBe(finding?.fingerprint);
  expect(linesOf([line], 'b.env')[0]?.fingerprint).not.toBe(finding?.fingerprint);
});

test('secret candidates: many are listed by file, so that every one of them travels', () => {
  const findings = linesOf(
    Array.from({ length: 60 }, (_, index) => `API_KEY_${index}=${fillTemplate(`{w${20 + (index % 30)}}`)}${index}Zq`),
  );
  expect(findings).toHaveLength(1);
  expect(findings[0]?.message).toMatch(/^60 possible secrets in a\.env/);
});

test('secrets: a known format wins over the word beside it, and a scanner adds to neither twice', () => {
  expect(linesOf([`token = "${GITHUB}"`]).map(({ rule }) => rule)).toEqual(['secrets']);
  const hit = { rule: 'gitleaks', path: 'a.env', line: 1, message: 'generic', confidence: 'candidate' as const };
  const input = judged([changed('a.env')], { lines: [{ path: 'a.env', line: 1, text: 'x = 1' }], secret_hits: [hit] });
  expect(judgePatch(input).findings).toMatchObject([{ rule: 'secret_candidates', line: 1 }]);
});

test('secrets: text that git calls binary is searched for known formats', () => {
  const base = judged([{ ...changed('a.ts'), binary: true }]);
  const patch = {
    ...base.patch,
    binary_texts: [{ path: 'a.ts', text: `const a = "${KEY}";\npassword="${fillTemplate('{w20}')}"` }],
  };
  const rules = judgePatch({ ...base, patch }).findings.map(({ rule }) => rule);
  expect(rules).toContain('secrets');
  expect(rules).not.toContain('secret_candidates');
});

test('maskSecrets: credentials are replaced by their kind and a digest, the rest is unchanged', () => {
  const masked = maskSecrets(`a ${KEY} b\n${GITHUB}\n`);
  expect(masked).toMatch(
    /^a \[masked: stripe-live-key, sha256 [0-9a-f]{8}\] b\n\[masked: github-token, sha256 [0-9a-f]{8}\]\n$/,
  );
  expect(maskSecrets(masked)).toBe(masked);
});

test('maskSecrets: the body of a private key goes with its first line, also within a JSON text', () => {
  const body = fillTemplate('{w64}\n{w64}');
  const pem = `-----BEGIN ${'PRIVATE'} KEY-----\n${body}\n-----END ${'PRIVATE'} KEY-----`;
  expect(maskSecrets(`x\n${pem}\ny`)).not.toContain(body.slice(0, 20));
  expect(maskSecrets(JSON.stringify({ pem }))).not.toContain(body.slice(0, 20));
  expect(maskSecrets(pem.replace(/^/gm, '+'))).not.toContain(body.slice(70, 90));
});

test('maskSecrets: a key that a program joins, a key that was cut, and a key of PuTTY are masked as a whole', () => {
  const [first, second] = [fillTemplate('MII{w61}'), fillTemplate('{w60}7q1K')];
  const begin = `-----BEGIN RSA ${'PRIVATE'} KEY-----`;
  const joined = `const key = '${begin}\\n' +\n  '${first}\\n' +\n  '${second}\\n' +\n  '-----END RSA ${'PRIVATE'} KEY-----';\nrest`;
  const cut = `${begin}\n${first}\n${second}\n`;
  const putty = `PuTTY-User${'-Key'}-File-3: ssh-rsa\nEncryption: none\nPublic-Lines: 1\nAAAA\nPrivate-Lines: 2\n${first}\n${second}\nPrivate-MAC: ${fillTemplate('{h64}')}\n`;
  for (const text of [joined, cut, putty]) {
    expect(maskSecrets(text)).not.toContain(first.slice(8, 30));
    expect(maskSecrets(text)).not.toContain(second.slice(8, 30));
    expect(maskSecrets(text).split('\n')).toHaveLength(text.split('\n').length);
  }
  expect(maskSecrets(joined)).toMatch(/rest$/);
});

test('maskAnswer: an answer stays JSON, and escapes do not hide a credential', () => {
  const escaped = `{"note":"\\u00${KEY.charCodeAt(0).toString(16)}${KEY.slice(1)}"}`;
  expect(JSON.parse(maskAnswer(escaped)).note).toMatch(/^\[masked: stripe-live-key/);
  expect(JSON.parse(maskAnswer(JSON.stringify({ note: GITHUB }))).note).toMatch(/^\[masked: github-token/);
  expect(maskAnswer('{"note": "clean"}')).toBe('{"note": "clean"}');
});

test('maskBytes: clean bytes are returned as they are, and UTF-16 is searched too', () => {
  const clean = new Uint8Array([0xff, 0x00, 0x41]);
  expect(maskBytes(clean)).toBe(clean);
  expect(new TextDecoder().decode(maskBytes(Buffer.from(`key ${KEY}`, 'utf16le')))).not.toContain(KEY);
});

const cpuOf = (text: string): number => {
  const before = process.cpuUsage();
  findSecrets(text);
  const { user, system } = process.cpuUsage(before);
  return user + system;
};

test.each([
  ['letters', 'a'],
  ['words beside values', 'token = "'],
  ['starts of keys', 'sk-ant- ghp_ AKIA eyJ '],
  ['starts of URLs', 'postgres://a:'],
  ['base64', 'QUJDREVGR0hJSktMTU5PUFFS'],
  ['spaces', ' \t'],
])('findSecrets: the time grows no faster than the text, with one line of 5 MB of %s', (_, unit) => {
  const line = (bytes: number) => unit.repeat(Math.ceil(bytes / unit.length));
  cpuOf(line(100_000));
  const small = Math.max(cpuOf(line(625_000)), 5_000);
  expect(cpuOf(line(5_000_000)) / small).toBeLessThan(8 * 3);
});

test.each(['x', 'a1', 'deadbeef'])('findSecrets: a run of ten megabytes of "%s" overflows no stack', (unit) => {
  expect(findSecrets(unit.repeat(10_000_000 / unit.length))).toEqual([]);
});

test('maskAnswer: an answer that is nested without end is masked as text', () => {
  const deep = (inside: string) => `{"kind":"output","summary":${'['.repeat(100_000)}${inside}${']'.repeat(100_000)}}`;
  expect(maskAnswer(deep(''))).toBe(deep(''));
  expect(maskAnswer(deep(JSON.stringify(GITHUB)))).not.toContain(GITHUB);
});
