import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parsePolicyBytes, readPolicy, readPolicyInForce } from '../../src/config/policy-file.js';
import { makeTestKey } from '../support/signing.js';
import { POLICY, refusalOf, temporaryFile, temporaryFolder } from './documents.js';

const refuse = async (text: string) => refusalOf(readPolicy(await temporaryFile('policy.yaml', text)));
/** The lines of a refusal, without the folder that differs from test to test. */
const linesOf = (error: { summary?: string }): string[] =>
  (error.summary ?? '').replaceAll(/\S*\/policy\.yaml/g, 'policy.yaml').split('\n');

test('readPolicy: gives the policy, its bytes and their digest', async () => {
  const path = await temporaryFile('policy.yaml', POLICY);
  const { policy, sha256, bytes } = await readPolicy(path);
  expect(policy).toMatchObject({ name: 'example', self_approval: 'refused', approvals: { P00: 1, P07: 1 } });
  expect(policy.checks.tests?.timeout).toBe(300_000);
  expect(sha256).toBe(
    createHash('sha256')
      .update(await readFile(path))
      .digest('hex'),
  );
  expect(parsePolicyBytes(bytes)).toEqual({ policy, sha256, bytes });
});

test('readPolicy: another digest, when only a comment changes', async () => {
  const one = parsePolicyBytes(new TextEncoder().encode(POLICY));
  const two = parsePolicyBytes(new TextEncoder().encode(`# hello\n${POLICY}`));
  expect(two.policy).toEqual(one.policy);
  expect(two.sha256).not.toBe(one.sha256);
});

test('readPolicy: POLICY_NOT_FOUND names `promptos init`, for a missing file', async () => {
  const error = await refusalOf(readPolicy(join(await temporaryFolder(), 'policy.yaml')));
  expect(error).toMatchObject({ code: 'POLICY_NOT_FOUND', exitCode: 2 });
  expect(error.message).toContain('promptos init');
});

test('readPolicy: FILE_NOT_READABLE, for a folder', async () => {
  const folder = join(await temporaryFolder(), 'policy.yaml');
  await mkdir(folder);
  expect(await refusalOf(readPolicy(folder))).toMatchObject({ code: 'FILE_NOT_READABLE' });
});

test.skipIf(process.getuid?.() === 0)('readPolicy: FILE_NOT_READABLE, for a file without permission', async () => {
  const path = await temporaryFile('policy.yaml', POLICY);
  await chmod(path, 0);
  expect(await refusalOf(readPolicy(path))).toMatchObject({ code: 'FILE_NOT_READABLE' });
});

test('readPolicy: every problem at once with line, path, expected, received and the nearest key', async () => {
  const error = await refuse(
    POLICY.replace('schema_version: 1', 'schema_version: 2')
      .replace('  integrator: [grace]', '  integratr: [grace]')
      .replace('timeout: 5m', 'timeout: 5 minutes')
      .replace('kind: human }\n  grace', 'kind: robot }\n  grace'),
  );
  expect(error).toMatchObject({ code: 'POLICY_INVALID', exitCode: 2 });
  expect(linesOf(error)).toEqual([
    'policy.yaml has 5 problems:',
    'policy.yaml:1: schema_version: expected 1, received 2.',
    'policy.yaml:4: principals.ada.kind: expected "human" or "agent", received "robot".',
    'policy.yaml:9: roles.integrator: expected a list, received nothing.',
    'policy.yaml:13: roles.integratr: unknown key. Did you mean "integrator"?',
    'policy.yaml:15: checks.tests.timeout: expected a whole number of at most 7 digits with its unit, such as "90s", "15m", "24h" or "14d", received "5 minutes".',
  ]);
});

test.each([
  ['budgets: { run: { tokens: -1 } }', 'budgets.run.tokens: expected a number above 0, received -1.'],
  ['protected_paths: [""]', 'protected_paths[0]: expected text of at least 1 character, received "".'],
])('readPolicy: %s says which size is expected', async (line, text) => {
  expect((await refuse(`${POLICY}${line}\n`)).summary).toContain(text);
});

test.each([
  [
    'a duration that cannot be read',
    'name: example',
    'name: example\ndeadlines: { remind: 1.5h }',
    'deadlines.remind: ',
  ],
  ['no integrator', '  integrator: [grace]', '  integrator: []', 'roles.integrator: '],
])('readPolicy: %s is one problem, without others that follow from it', async (_, before, after, place) => {
  const [line = '', ...others] = linesOf(await refuse(POLICY.replace(before, after)));
  expect(line).toContain(place);
  expect(others).toEqual([]);
});

test('readPolicy: an unknown key does not hide what the rules over several fields say', async () => {
  const error = await refuse(
    POLICY.replace('[grace]', '[writer-agent]').replace('name: example', 'name: example\nself_aproval: allowed'),
  );
  expect(linesOf(error)).toEqual([
    'policy.yaml has 3 problems:',
    'policy.yaml:3: self_aproval: unknown key. Did you mean "self_approval"?',
    'policy.yaml:14: roles.integrator[0]: "writer-agent" is writer already: no principal holds two roles, received "writer-agent".',
    'policy.yaml:14: roles.integrator[0]: "writer-agent" is an agent: an integrator is a human, received "writer-agent".',
  ]);
});

test('readPolicy: unknown gates are reported with the known ones', async () => {
  expect((await refuse(`${POLICY}approvals: { P02: 1 }\n`)).summary).toMatch(
    /:21: approvals\.P02: unknown key\. Did you mean "P0\d"\?$/,
  );
  expect((await refuse(`${POLICY}approvals: { banana: 1 }\n`)).summary).toMatch(
    /Known are: P00, P01, P03, P05, P06, P07\.$/,
  );
});

test('readPolicy: a name of a principal that cannot be typed is refused at its own line', async () => {
  expect((await refuse(POLICY.replace('  ada:', '  "ada lovelace":'))).summary).toMatch(
    /:4: principals\.ada lovelace: expected a name .*, received the key "ada lovelace"\.$/,
  );
});

test('readPolicy: POLICY_INVALID, for an empty file', async () => {
  expect(linesOf(await refuse(''))).toEqual(['policy.yaml:1: (whole file): expected a mapping, received null.']);
});

test('readPolicy: a policy that says nothing of signatures asks for all of them, and each missing key is named', async () => {
  const silent = POLICY.replace(/^decisions: .*\nattestations: .*\n/m, '');
  expect(silent).not.toBe(POLICY);
  const error = await refuse(silent);
  expect(error.code).toBe('POLICY_INVALID');
  for (const name of ['grace', 'writer-agent', 'verifier-agent', 'reviewer-agent'])
    expect(error.message).toMatch(new RegExp(`principals\\.${name}: has no keys, but .* must be signed`));
  expect(error.message).toContain('engine: has no keys, but records must be signed');
});

test('readPolicy: who may cancel is a principal, and has a key where cancellations must be signed', async () => {
  const cancelling = (text: string, name: string) => `${text.trimEnd()}\ncancellation: { principals: [${name}] }\n`;
  const unknown = await refuse(cancelling(POLICY, 'mallory'));
  expect(unknown).toMatchObject({ code: 'POLICY_INVALID' });
  expect(unknown.message).toContain('cancellation.principals[0]: "mallory" is not among the principals');
  const silent = POLICY.replace(/^decisions: .*\nattestations: .*\n/m, '');
  const keyless = await refuse(cancelling(silent, 'ada'));
  expect(keyless.message).toContain('principals.ada: has no keys, but cancellations must be signed');
});

test('readPolicy: refuses a principal with the name of the engine', async () => {
  const error = await refuse(POLICY.replace('  ada: {', '  engine: {'));
  expect(error).toMatchObject({ code: 'POLICY_INVALID' });
  expect(error.message).toContain('principals.engine: is the name of the engine');
});

test.each([
  ['two principals', ['ada', 'grace']],
  ['a principal and the engine', ['grace', 'engine']],
])('readPolicy: one key for %s is refused', async (_, names) => {
  const keys = `{ keys: [{ public: ${makeTestKey().line} }] }`;
  const given = names.reduce(
    (text, name) =>
      name === 'engine'
        ? `${text}engine: ${keys}\n`
        : text.replace(`  ${name}: { kind: human }`, `  ${name}: { kind: human, ${keys.slice(2)}`),
    POLICY,
  );
  const error = await refuse(given);
  expect(error).toMatchObject({ code: 'POLICY_INVALID' });
  expect(error.message).toContain('no key serves two principals');
});

const withEnv = (env: string) =>
  temporaryFile('policy.yaml', POLICY.replace('timeout: 5m', `timeout: 5m, env: ${env}`));

test('readPolicy: a check may have variables of its own, and a policy that says nothing notes the baseline', async () => {
  const { policy } = await readPolicyInForce(await withEnv('{ NODE_ENV: test, TZ: UTC, MAVEN_OPTS: -Xmx1g }'));
  expect(policy.checks.tests?.env).toEqual({ NODE_ENV: 'test', TZ: 'UTC', MAVEN_OPTS: '-Xmx1g' });
  expect(policy.baseline).toBe('note');
});

test.each([
  ['HOME: /root', 'HOME is set by the engine'],
  ['PATH: /evil', 'PATH is set by the engine'],
  ['CI: "false"', 'CI is set by the engine'],
  ['PROMPTOS_HOME: /p', "PROMPTOS_HOME is one of the engine's own"],
  ['TEMPORAL_ADDRESS: evil.example.org', "TEMPORAL_ADDRESS is one of the engine's own"],
  ['GOCACHE: /shared', 'GOCACHE is set by the engine'],
  ['NPM_CONFIG_CACHE: /shared', 'NPM_CONFIG_CACHE is set by the engine'],
  ['"A B": x', 'expected the name of a variable, such as "NODE_ENV"'],
])('readPolicy: POLICY_INVALID at the line, for a check with the variable %s', async (entry, why) => {
  const error = await refusalOf(readPolicy(await withEnv(`{ ${entry} }`)));
  expect(error.code).toBe('POLICY_INVALID');
  expect(error.message).toMatch(/policy\.yaml:15: checks\.tests\.env\./);
  expect(error.message).toContain(why);
});

test.each([
  ['a credential of a known format', ['NPM_AUTH: ghp', '_', 'q7Vt2LxWc9Rb4ZyKd8Hn3PfMs6GjTe1AuXoB'].join('')],
  ['what may be one', 'API_TOKEN: q7Vt2LxWc9Rb4ZyKd8Hn3PfMs6GjTe1A'],
])('readPolicyInForce: POLICY_INVALID at the line, and without the value, for a variable with %s', async (_, entry) => {
  const path = await withEnv(`{ ${entry} }`);
  const error = await refusalOf(readPolicyInForce(path));
  expect(error.code).toBe('POLICY_INVALID');
  expect(error.message).toMatch(/policy\.yaml:15: checks\.tests\.env\.\w+: holds .*a policy is published/);
  expect(error.message).not.toContain('q7Vt2Lx');
  // A record of before says what it says.
  expect((await readPolicy(path)).policy.name).toBe('example');
});
