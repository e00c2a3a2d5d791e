import { expect, test } from 'vitest';
import type { NetworkLog, NetworkRequest } from '../../../src/contracts/record/network-log.js';
import { judgeNetwork, maskNetworkLog } from '../../../src/rules/attempts/network-refused.js';

const asked = (parts: Partial<NetworkRequest> = {}): NetworkRequest => ({
  ...{ method: 'connect', host: 'evil.test', port: 443, allowed: false, reason: 'host_not_listed', count: 1 },
  ...parts,
});
const logOf = (requests: NetworkRequest[], parts: Partial<NetworkLog> = {}): NetworkLog => ({
  ...{ schema_version: 1, hosts: ['api.example.com'], requests, refused_omitted: 0, allowed_omitted: 0 },
  ...parts,
});

test('judgeNetwork: what was allowed is no finding, also when it failed', () => {
  const allowed = asked({ allowed: true, reason: 'not_reached', host: 'api.example.com' });
  expect(judgeNetwork('The executor', [logOf([allowed], { allowed_omitted: 3 })])).toEqual([]);
  expect(judgeNetwork('The executor', [])).toEqual([]);
});

test('judgeNetwork: names each place that was refused once, and counts the requests of all tries', () => {
  const logs = [logOf([asked({ count: 3 })]), logOf([asked(), asked({ host: null, port: null, method: null })])];
  expect(judgeNetwork('The executor', logs)).toEqual([
    {
      rule: 'network_refused',
      severity: 'medium',
      blocking: false,
      message: 'The executor was refused 5 requests to the network: evil.test:443 (host_not_listed).',
    },
  ]);
});

test('judgeNetwork: names ten places, and says when the log has not all of them', () => {
  const many = Array.from({ length: 12 }, (_, index) => asked({ host: `h${index}.test` }));
  const [finding] = judgeNetwork('The check unit', [logOf(many, { refused_omitted: 8 })]);
  expect(finding?.message).toMatch(
    /^The check unit was refused 20 requests .* h9\.test:443 \(host_not_listed\) and 2 more\.$/,
  );
});

test('maskNetworkLog: a credential in the name of a host is masked', () => {
  const token = `ghp_${'a1B2'.repeat(9)}`;
  const { requests } = maskNetworkLog(logOf([asked({ host: `${token}.evil.test` }), asked({ host: null })]));
  expect(JSON.stringify(requests)).not.toContain(token);
  expect(requests[0]?.host).toContain('.evil.test');
  expect(requests[1]?.host).toBeNull();
});
