import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { readWorkerConfig } from '../../src/config/worker-config-file.js';
import { refusalOf, temporaryFile, temporaryFolder } from './documents.js';

const DIGEST = 'a'.repeat(64);
const read = async (text: string) => {
  const path = await temporaryFile('worker.yaml', text);
  return { folder: dirname(path), config: await readWorkerConfig(path) };
};
const refuse = async (text: string) => refusalOf(readWorkerConfig(await temporaryFile('worker.yaml', text)));

test("readWorkerConfig: paths are relative to the file's own folder", async () => {
  const { folder, config } = await read(`schema_version: 1
repositories: { app: { path: .. }, other: { url: 'https://example.org/other.git' } }
trust: { policies: [policy.yaml, /etc/policy.yaml, 'sha256:${DIGEST}'] }
store: { kind: fs, path: state/artifacts }
executors:
  writer: { kind: command, argv: [./agents/writer, ./x] }
sandbox: { readable: [tools, /srv/models] }
`);
  expect(config.repositories).toEqual({
    app: { path: dirname(folder) },
    other: { url: 'https://example.org/other.git' },
  });
  expect(config.trust.policies).toEqual([join(folder, 'policy.yaml'), '/etc/policy.yaml', `sha256:${DIGEST}`]);
  expect(config.store).toEqual({ kind: 'fs', path: join(folder, 'state/artifacts') });
  expect(config.sandbox).toMatchObject({ readable: [join(folder, 'tools'), '/srv/models'] });
  expect(config.executors.writer).toMatchObject({ argv: ['./agents/writer', './x'] });
  expect(config.roles).toEqual(['engine', 'writer', 'verifier', 'reviewer']);
});

test('readWorkerConfig: an S3 store stays as it is written', async () => {
  const store = { kind: 's3', bucket: 'runs', prefix: 'team/shop', endpoint: 'http://127.0.0.1:9000', region: 'eu-1' };
  const { config } = await read(
    `schema_version: 1\ntrust: { policies: [policy.yaml] }\nstore: ${JSON.stringify(store)}\n`,
  );
  expect(config.store).toEqual(store);
});

test.each([
  ['kind', '{ kind: s4, bucket: runs, prefix: p }', 'store.kind'],
  ['bucket', '{ kind: s3, bucket: Runs, prefix: p }', 'store.bucket: expected the name of a bucket'],
  ['no prefix', '{ kind: s3, bucket: runs }', 'store.prefix: expected text, received nothing'],
  ['a prefix with a slash at its end', '{ kind: s3, bucket: runs, prefix: p/ }', 'without a slash at its ends'],
  ['a prefix that climbs', '{ kind: s3, bucket: runs, prefix: a/../b }', 'store.prefix: expected what the keys'],
  ['no scheme', '{ kind: s3, bucket: runs, prefix: p, endpoint: "127.0.0.1:9000" }', 'store.endpoint: expected a URL'],
  [
    'credentials',
    '{ kind: s3, bucket: runs, prefix: p, endpoint: "https://k:s@s3.example.org" }',
    'without credentials',
  ],
  ['a path', '{ kind: s3, bucket: runs, prefix: p, endpoint: "https://s3.example.org/runs" }', 'store.endpoint'],
  ['region', '{ kind: s3, bucket: runs, prefix: p, region: "EU Central" }', 'store.region: expected a region'],
  ['a path as in a folder', '{ kind: s3, bucket: runs, prefix: p, path: x }', 'store.path: unknown key'],
])('readWorkerConfig: WORKER_CONFIG_INVALID for an S3 store with a wrong %s', async (_, store, problem) => {
  const error = await refuse(`schema_version: 1\ntrust: { policies: [policy.yaml] }\nstore: ${store}\n`);
  expect(error).toMatchObject({ code: 'WORKER_CONFIG_INVALID', summary: expect.stringContaining(problem) });
});

test('readWorkerConfig: no store, when none is said', async () => {
  const { config } = await read('schema_version: 1\ntrust: { policies: [policy.yaml] }\n');
  expect('store' in config).toBe(false);
});

test('readWorkerConfig: WORKER_CONFIG_NOT_FOUND, for a missing file', async () => {
  const error = await refusalOf(readWorkerConfig(join(await temporaryFolder(), 'worker.yaml')));
  expect(error).toMatchObject({ code: 'WORKER_CONFIG_NOT_FOUND' });
});

test('readWorkerConfig: WORKER_CONFIG_INVALID with every problem', async () => {
  const error = await refuse(`schema_version: 1
trust: { policies: ['sha256:abc'] }
repositories: { app: { pth: .. } }
executors:
  writer: { kind: comand, argv: [x] }
  reviewer: { kind: command, argv: [], timeot: 5m }
`);
  expect(error).toMatchObject({ code: 'WORKER_CONFIG_INVALID' });
  const lines = (error.summary ?? '').replaceAll(/\S*\/worker\.yaml/g, 'worker.yaml').split('\n');
  expect(lines.slice(0, 3)).toEqual([
    'worker.yaml has 5 problems:',
    'worker.yaml:2: trust.policies[0]: expected a path, or "sha256:" and 64 lower-case hexadecimal digits, received "sha256:abc".',
    'worker.yaml:3: repositories.app: fits none of the forms: (path: expected text, received nothing; pth: unknown key. Did you mean "path"?) or (url: expected text, received nothing; pth: unknown key. Did you mean "path"?).',
  ]);
  expect(lines[3]).toContain('worker.yaml:5: executors.writer.kind:');
  expect(lines.slice(4).join('\n')).toContain('executors.reviewer.timeot: unknown key. Did you mean "timeout"?');
});

test('readWorkerConfig: keys of files and their passphrases are relative to the file, variables and agents stay', async () => {
  const { folder, config } = await read(`schema_version: 1
trust: { policies: [policy.yaml] }
signers:
  writer: { file: keys/writer.pem, passphrase_file: /run/secrets/writer }
  verifier: { env: VERIFIER_KEY, passphrase_file: keys/passphrase }
  reviewer: { agent: true, public: ssh-ed25519 AAAA comment }
  engine: { agent: true }
`);
  expect(config.signers).toEqual({
    writer: { file: join(folder, 'keys/writer.pem'), passphrase_file: '/run/secrets/writer' },
    verifier: { env: 'VERIFIER_KEY', passphrase_file: join(folder, 'keys/passphrase') },
    reviewer: { agent: true, public: 'ssh-ed25519 AAAA comment' },
    engine: { agent: true },
  });
});

test.each([
  ['an invalid name', "signers: { 'a b': { env: K } }", 'signers.a b: expected a name'],
  ['no source', 'signers: { w: {} }', 'signers.w: fits none of the forms'],
  ['two sources', 'signers: { w: { env: K, file: k.pem } }', 'signers.w: fits none of the forms'],
  ['no such variable', "signers: { w: { env: 'A B' } }", 'expected the name of a variable'],
  ['a variable that every command refuses', 'signers: { w: { env: PROMPTOS_KEY } }', 'does not begin with PROMPTOS_'],
  ['an agent that is not', 'signers: { w: { agent: false } }', 'agent: expected true'],
  ['a key of another type', 'signers: { w: { agent: true, public: ssh-rsa AAAA } }', 'ssh-ed25519 AAAA'],
  [
    'an executor that would see the key',
    'signers: { w: { env: K } }\nexecutors: { w: { kind: command, argv: [x], env: { allow: [PATH, K] } } }',
    'executors.w.env.allow[1]: holds a key of signers',
  ],
  [
    'a key as that of a model service',
    'signers: { w: { env: K } }\nexecutors: { w: { kind: model, provider: openai, model: m, api_key_env: K } }',
    'executors.w.api_key_env: holds a key of signers',
  ],
  [
    'a check that would see the key',
    'signers: { w: { env: K } }\nchecks: { allow: [tests], env: { allow: [K] } }',
    'checks.env.allow[0]: holds a key of signers',
  ],
])('readWorkerConfig: WORKER_CONFIG_INVALID, for a signer with %s', async (_, lines, expected) => {
  const error = await refuse(`schema_version: 1\ntrust: { policies: [policy.yaml] }\n${lines}\n`);
  expect(error).toMatchObject({ code: 'WORKER_CONFIG_INVALID', summary: expect.stringContaining(expected) });
});

test.each([
  [
    'a field of a command in a preset',
    '{ kind: preset, agent: claude, argv: [claude] }',
    'argv: unknown key. Known are: kind, agent, model, arguments, env, network, timeout, retry_for.',
  ],
  ['a typing error in a preset', '{ kind: preset, agent: claude, argument: [] }', 'Did you mean "arguments"?'],
  ['a field of a preset in a command', '{ kind: command, argv: [x], agent: claude }', 'agent: unknown key. Known are:'],
  [
    'an unknown kind',
    '{ kind: mcp }',
    'kind: expected "command" or "preset" or "model" or "acp" or "handoff", received "mcp".',
  ],
  [
    'no kind',
    '{ agent: claude }',
    'kind: expected "command" or "preset" or "model" or "acp" or "handoff", received nothing.',
  ],
  ['a model without a service', '{ kind: model, model: m }', 'base_url: expected the address of the service'],
  [
    'a model service that is no address',
    '{ kind: model, model: m, base_url: localhost:8080 }',
    'base_url: expected an address',
  ],
  [
    'a model service with its key in the address',
    '{ kind: model, model: m, base_url: "https://key@api.example.com/v1" }',
    'base_url: expected an address without credentials',
  ],
  [
    'permissions of an unknown kind',
    '{ kind: acp, argv: [a], permissions: { allow: [write] } }',
    'executors.w.permissions.allow[0]: expected "read" or "edit"',
  ],
  [
    'permissions that allow and refuse',
    '{ kind: acp, argv: [a], permissions: { allow: [read], refuse: [edit] } }',
    'refuse: does not go with the other keys',
  ],
  [
    'a model service with a password in the address',
    '{ kind: model, model: m, base_url: "https://:secret@api.example.com/v1" }',
    'base_url: expected an address without credentials',
  ],
  [
    'a model service with a fragment in the address',
    '{ kind: model, model: m, base_url: "https://api.example.com/v1#x" }',
    'base_url: expected an address without credentials, "?" and "#"',
  ],
  [
    'a model service at an IPv6 address',
    '{ kind: model, model: m, base_url: "http://[::1]:8080/v1" }',
    'base_url: expected a name or an IPv4 address',
  ],
  [
    'a model whose network lacks its service',
    '{ kind: model, model: m, base_url: "http://127.0.0.1:8080/v1", network: { hosts: [127.0.0.1] } }',
    'network: expected the host of the model service among the hosts: 127.0.0.1:8080',
  ],
  [
    'a model without a network',
    '{ kind: model, provider: anthropic, model: m, network: none }',
    'network: expected the host of the model service among the hosts: api.anthropic.com',
  ],
])('readWorkerConfig: WORKER_CONFIG_INVALID, for an executor with %s', async (_, executor, expected) => {
  const error = await refuse(`schema_version: 1\ntrust: { policies: [policy.yaml] }\nexecutors: { w: ${executor} }\n`);
  expect(error).toMatchObject({ code: 'WORKER_CONFIG_INVALID', summary: expect.stringContaining(expected) });
});

test.each([
  ['executors.writer', "executors: { writer: { kind: command, argv: [x], env: { set: { MODEL_KEY: 'VALUE' } } } }"],
  ['checks', "checks: { env: { set: { MODEL_KEY: 'VALUE' } } }"],
  ['setup', "setup: { env: { set: { MODEL_KEY: 'VALUE' } } }"],
])(
  'readWorkerConfig: refuses a credential under %s.env.set, names its place and never shows it',
  async (place, text) => {
    const value = `sk-ant-${'api03'}-${'aB3xY9'.repeat(16)}`;
    const error = await refuse(
      `schema_version: 1\ntrust: { policies: [policy.yaml] }\n${text.replace('VALUE', value)}\n`,
    );
    expect(error).toMatchObject({ code: 'WORKER_CONFIG_INVALID' });
    expect(error.summary).toMatch(/worker\.yaml:3: /);
    expect(error.summary).toContain(`${place}.env.set.MODEL_KEY: holds `);
    expect(error.summary).toContain(`name the variable under ${place}.env.allow`);
    expect(error.summary).not.toContain(value);
  },
);

test('readWorkerConfig: a setting that is no credential stays', async () => {
  const { config } = await read(`schema_version: 1
trust: { policies: [policy.yaml] }
executors:
  writer: { kind: command, argv: [x], env: { set: { MODEL_KEY: ollama, URL: 'http://localhost:8080/v1', TOKEN_LIMIT: '4096' } } }
`);
  expect(config.executors.writer).toMatchObject({ env: { set: { MODEL_KEY: 'ollama' } } });
});

test('readWorkerConfig: an address with a password is refused without the password', async () => {
  const error = await refuse(`schema_version: 1
trust: { policies: [policy.yaml] }
executors: { writer: { kind: model, model: m, base_url: 'https://ada:hunter2@example.org/v1' } }
`);
  expect(error.message).toContain('received "https://…@example.org/v1"');
});

test.each([
  ['30', 'expected a duration with its unit, such as "30s" for seconds or "30m" for minutes, received 30'],
  [
    "'30'",
    'expected a whole number of at most 7 digits with its unit, such as "90s", "15m", "24h" or "14d", received "30"',
  ],
  ['0s', 'expected a duration above zero and without a zero at its start, received "0s"'],
  ['[1]', 'expected a duration such as "90s", "15m", "24h" or "14d", received a list'],
])('readWorkerConfig: timeout: %s says what a duration is', async (timeout, text) => {
  const error = await refuse(`schema_version: 1
trust: { policies: [policy.yaml] }
executors: { writer: { kind: command, argv: [x], timeout: ${timeout} } }
`);
  expect(error.summary).toContain(`executors.writer.timeout: ${text}`);
});
