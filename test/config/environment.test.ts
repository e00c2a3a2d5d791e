import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readEnvironment, readTemporalConnection } from '../../src/config/environment.js';
import { temporaryFile, temporaryFolder } from './documents.js';

test('readEnvironment: typed variables, empty ones as not set, foreign ones untouched', () => {
  const { promptos, variables } = readEnvironment({ PROMPTOS_HOME: '/x', PROMPTOS_CACHE_DIR: '', PATH: '/bin' });
  expect(promptos).toEqual({ PROMPTOS_HOME: '/x', PROMPTOS_LOG_LEVEL: 'info' });
  expect(variables.PATH).toBe('/bin');
});

test('readEnvironment: takes what an executor is given', () => {
  const given = { PROMPTOS_RUN_ID: 'run-1', PROMPTOS_GATE: 'P05', PROMPTOS_ATTEMPT: '2', PROMPTOS_SCRATCH: '/s' };
  expect(readEnvironment(given).promptos).toMatchObject(given);
});

test('readEnvironment: ENVIRONMENT_INVALID names every problem and the nearest variable', () => {
  const read = () => readEnvironment({ PROMPTOS_HOMES: '/x', PROMPTOS_LOG_LEVEL: 'loud', PROMPTOS_ZZZZZZZ: '1' });
  expect(read).toThrow(expect.objectContaining({ code: 'ENVIRONMENT_INVALID', exitCode: 2 }));
  expect(read).toThrow(/PROMPTOS_HOMES is no variable of PromptOS\. Did you mean PROMPTOS_HOME\?/);
  expect(read).toThrow(/PROMPTOS_LOG_LEVEL: expected one of .*, received "loud"/);
  expect(read).toThrow(/PROMPTOS_ZZZZZZZ is no variable of PromptOS\. Known are PROMPTOS_HOME/);
});

/** Variables under which no temporal.toml of this machine is found. */
const bare = async () => ({ XDG_CONFIG_HOME: await temporaryFolder(), HOME: await temporaryFolder() });

test('readTemporalConnection: null, when nothing names a server', async () => {
  expect(
    readTemporalConnection({ ...(await bare()), TEMPORAL_CLI_PATH: '/x/temporal', TEMPORAL_ADDRESS: '' }),
  ).toBeNull();
});

test('readTemporalConnection: variables name a server', async () => {
  const found = readTemporalConnection({ ...(await bare()), TEMPORAL_ADDRESS: 'h:7233', TEMPORAL_API_KEY: 'k' });
  expect(found).toMatchObject({
    named_by: ['TEMPORAL_ADDRESS', 'TEMPORAL_API_KEY'],
    connectionOptions: { address: 'h:7233', apiKey: 'k', tls: true },
  });
});

test.skipIf(process.platform !== 'linux')('readTemporalConnection: a default profile names a server', async () => {
  const variables = await bare();
  await mkdir(join(variables.XDG_CONFIG_HOME, 'temporalio'));
  await mkdir(join(variables.HOME, '.config', 'temporalio'), { recursive: true });
  const profile = '[profile.default]\naddress = "t:7233"\nnamespace = "ours"\n';
  await writeFile(join(variables.XDG_CONFIG_HOME, 'temporalio', 'temporal.toml'), profile);
  await writeFile(join(variables.HOME, '.config', 'temporalio', 'temporal.toml'), profile);
  expect(readTemporalConnection(variables)).toMatchObject({
    namespace: 'ours',
    connectionOptions: { address: 't:7233' },
    named_by: ['profile "default" of temporal.toml'],
  });
});

test('readTemporalConnection: a profile by name; variables win', async () => {
  const file = await temporaryFile('temporal.toml', '[profile.prod]\naddress = "p:7233"\n');
  const variables = { TEMPORAL_CONFIG_FILE: file, TEMPORAL_PROFILE: 'prod', TEMPORAL_NAMESPACE: 'n' };
  expect(readTemporalConnection(variables)).toMatchObject({ namespace: 'n', connectionOptions: { address: 'p:7233' } });
});

test.each([
  ['a missing profile', { TEMPORAL_PROFILE: 'banana' }, /banana/],
  ['a missing file', { TEMPORAL_CONFIG_FILE: '/nowhere/temporal.toml' }, /no file \/nowhere/],
  ['a missing certificate', { TEMPORAL_TLS_CLIENT_CERT_PATH: '/nowhere/c.pem' }, /nowhere/],
])('readTemporalConnection: ENVIRONMENT_INVALID, for %s', async (_, variables, message) => {
  const all = { ...(await bare()), ...variables };
  expect(() => readTemporalConnection(all)).toThrow(expect.objectContaining({ code: 'ENVIRONMENT_INVALID' }));
  expect(() => readTemporalConnection(all)).toThrow(message);
});
