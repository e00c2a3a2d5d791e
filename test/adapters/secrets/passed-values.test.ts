import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createLauncher } from '../../../src/adapters/platform/launcher.js';
import { createPassedValueScanner } from '../../../src/adapters/secrets/passed-values.js';
import { workerConfigSchema } from '../../../src/contracts/config/worker-config.js';
import { maskPatch } from '../../../src/rules/patch/mask-patch.js';
import { addedTexts } from '../../../src/rules/patch/patch-lines.js';
import { judgeSecretCandidates, judgeSecrets } from '../../../src/rules/texts/judge-texts.js';
import { createPorts } from '../../../src/worker.js';
import { writtenPatch } from '../../rules/written-patches.js';

const KEY = 'q7Zk-opaque-X93bVt2LmP';
const places = (hits: readonly { readonly path: string; readonly line: number }[]) =>
  hits.map(({ path, line }) => `${path}:${line}`);

test('passed-value scanner: finds the values of credentials that programs are given, at their lines, and names the variable alone', async () => {
  const scanner = createPassedValueScanner([
    { MODEL_API_KEY: KEY, MODE: 'an ordinary setting', PIN_KEY: 'short' },
    { MODEL_API_KEY: 'another value', UNSET_TOKEN: undefined },
  ]);
  const text = `one\n\nkey = "${KEY}" // ${KEY}\nan ordinary setting, short\n"another value"`;
  const hits = await scanner.scan([
    { path: 'a.js', text },
    { path: 'b.js', text: 'nothing' },
  ]);
  expect(places(hits)).toEqual(['a.js:3', 'a.js:5']);
  expect(hits[0]).toEqual({
    ...{ rule: 'passed-value', path: 'a.js', line: 3, confidence: 'known' },
    message: 'the value of MODEL_API_KEY, which this worker gives to its programs',
  });
  expect(JSON.stringify(hits)).not.toContain(KEY);
});

test('passed-value scanner: finds every line of a value of several lines, and its form in JSON', async () => {
  const value = 'first line\nsecond line';
  const scanner = createPassedValueScanner([{ SIGNING_KEY: value }]);
  const text = `x\n${value}\n${JSON.stringify(value)}\nfirst line`;
  expect(places(await scanner.scan([{ path: 'a', text }]))).toEqual(['a:2', 'a:3', 'a:4']);
});

test('passed-value scanner: a value that looks like a word is a candidate, which blocks until a person waives it', async () => {
  const judged = writtenPatch({ 'src/a.py': ['+import subprocess'] });
  const scanner = createPassedValueScanner([{ UV_KEYRING_PROVIDER: 'subprocess' }]);
  const secret_hits = await scanner.scan(addedTexts(judged.patch));
  expect(judgeSecrets({ ...judged, secret_hits })).toEqual([]);
  expect(judgeSecretCandidates({ ...judged, secret_hits })).toEqual([
    expect.objectContaining({ severity: 'high', blocking: true, path: 'src/a.py', line: 1 }),
  ]);
});

test('passed-value scanner: a patch with such a value is refused as a secret, and published without it', async () => {
  const judged = writtenPatch({ 'src/a.js': ['+const a = 1;', `+const key = '${KEY}';`] });
  const { patch } = judged;
  const secret_hits = await createPassedValueScanner([{ MODEL_API_KEY: KEY }]).scan(addedTexts(patch));
  expect(judgeSecrets({ ...judged, secret_hits })).toEqual([
    expect.objectContaining({ severity: 'critical', blocking: true, path: 'src/a.js', line: 2 }),
  ]);
  const published = new TextDecoder().decode(maskPatch({ patch, secret_hits }));
  expect(published).toContain('+const a = 1;');
  expect(published).not.toContain(KEY);
  expect(judgeSecrets(judged)).toEqual([]);
});

test('createPorts: patches are searched for what the worker passes to executors, checks and set-up, and for nothing else of its environment', async () => {
  const stateDir = await mkdtemp(join(tmpdir(), 'promptos-passed-'));
  const launcher = createLauncher(process.env.PATH);
  onTestFinished(async () => {
    await launcher.close();
    await rm(stateDir, { recursive: true, force: true });
  });
  const executor = {
    kind: 'command',
    argv: ['true'],
    env: { allow: ['MODEL_TOKEN'], set: { OTHER_TOKEN: 'value of other' } },
  };
  const config = workerConfigSchema.parse({
    schema_version: 1,
    trust: { policies: ['policy.yaml'] },
    executors: { nina: executor, vera: { kind: 'preset', agent: 'gemini' }, rex: { kind: 'handoff' } },
    checks: { env: { allow: ['PATH', 'CHECK_TOKEN'] } },
    setup: { env: { allow: ['PATH', 'SETUP_TOKEN'] } },
    sandbox: 'none',
  });
  const names = ['MODEL_TOKEN', 'GEMINI_API_KEY', 'CHECK_TOKEN', 'SETUP_TOKEN', 'OWN_TOKEN'];
  const env = { PATH: process.env.PATH, ...Object.fromEntries(names.map((name) => [name, `value of ${name}`])) };
  const { secrets } = await createPorts({ config, configDir: stateDir, stateDir, env }, launcher);
  const text = [...names.map((name) => `value of ${name}`), 'value of other'].join('\n');
  const hits = await secrets.scan([{ path: 'a', text }]);
  expect(places(hits.filter(({ rule }) => rule === 'passed-value')).sort()).toEqual([
    'a:1',
    'a:2',
    'a:3',
    'a:4',
    'a:6',
  ]);
});
