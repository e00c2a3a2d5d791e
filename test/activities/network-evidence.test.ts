import { afterEach, expect, test } from 'vitest';
import { type NetworkLog, networkLogSchema } from '../../src/contracts/record/network-log.js';
import { exampleOutputs } from '../support/gate-outputs.js';
import { createGovernedRepository, EXAMPLE_POLICY, type GovernedRepository } from '../support/governed-repository.js';
import { edits, outputs, says } from '../support/scripted-executor.js';

const made: GovernedRepository[] = [];
const surroundings = async () => {
  const repository = await createGovernedRepository({ policy: `${EXAMPLE_POLICY}baseline: off\n` });
  made.push(repository);
  return repository;
};
afterEach(async () => {
  await Promise.all(made.splice(0).map((repository) => repository.remove()));
});

const good = exampleOutputs();
const REFUSED: NetworkLog = {
  schema_version: 1,
  hosts: ['api.example.com'],
  requests: [
    { method: 'connect', host: 'api.example.com', port: 443, allowed: true, reason: null, count: 4 },
    { method: 'connect', host: 'evil.test', port: 443, allowed: false, reason: 'host_not_listed', count: 2 },
  ],
  refused_omitted: 0,
  allowed_omitted: 0,
};
const ALLOWED: NetworkLog = { ...REFUSED, requests: REFUSED.requests.slice(0, 1) };

test('executeGate: what each try asked of the network is kept, and a refusal is a finding that does not block', async () => {
  const given = await surroundings();
  const answer = JSON.stringify({ kind: 'output', ...good.P00 });
  given.executors.script(
    'nina',
    () => ({ answer: 'no', network: ALLOWED }),
    () => ({ answer, network: REFUSED }),
  );
  const result = await given.executeGate(given.input('P00'));
  const record = await given.record(result);
  expect(result).toMatchObject({
    verdict: 'pass',
    findings: [
      {
        id: 'network_refused-1',
        severity: 'medium',
        blocking: false,
        message: 'The executor was refused 2 requests to the network: evil.test:443 (host_not_listed).',
      },
    ],
  });
  const read = async (path: string) => networkLogSchema.parse(JSON.parse(await given.text(record, path)));
  expect(await read('try-1/network.json')).toEqual(ALLOWED);
  expect(await read('try-2/network.json')).toEqual(REFUSED);
});

test('executeGate: a refusal is a finding of a blocked attempt too, and without named hosts there is no file', async () => {
  const given = await surroundings();
  given.executors.script('nina', () => ({ answer: 'no', network: REFUSED }), says('no'));
  const result = await given.executeGate(given.input('P00'));
  expect(result).toMatchObject({ verdict: 'blocked', findings: [{ id: 'network_refused-1' }] });
  const record = await given.record(result);
  expect(record.transcripts.map(({ path }) => path)).toContain('try-1/network.json');
  expect(record.transcripts.map(({ path }) => path)).not.toContain('try-2/network.json');
});

test('P06: what a check asked of the network is beside its logs, and a refusal names the check', async () => {
  const given = await surroundings();
  const { checks } = given.ports;
  Object.assign(given.ports, {
    checks: {
      run: async (call: Parameters<typeof checks.run>[0]) => ({ ...(await checks.run(call)), network: REFUSED }),
    },
  });
  given.executors.script(
    'nina',
    outputs(good.P01),
    outputs(good.P03),
    edits({ 'src/split.js': "export const split = 'right';\n" }, outputs(good.P05)),
  );
  given.executors.script('vera', outputs(good.P06));
  const inputs: Record<string, string> = {};
  for (const gate of ['P01', 'P03', 'P05'] as const) {
    inputs[gate] = (await given.executeGate(given.input(gate, { inputs: { ...inputs } }))).output_sha256;
  }
  const result = await given.executeGate(given.input('P06', { inputs }));
  const record = await given.record(result);
  expect(result).toMatchObject({ verdict: 'pass', findings: [{ rule: 'network_refused', severity: 'medium' }] });
  expect(result.findings[0]?.message).toContain('The check tests was refused 2 requests');
  expect(JSON.parse(await given.text(record, 'evidence/checks/tests.network.json'))).toEqual(REFUSED);
});
