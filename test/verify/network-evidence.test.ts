import { expect, test } from 'vitest';
import type { NetworkLog } from '../../src/contracts/record/network-log.js';
import { judgeTree } from '../../src/verify/verify-tree.js';
import { genuineRun } from './genuine-run.js';
import { memoryTree } from './memory-tree.js';

const NETWORK: NetworkLog = {
  schema_version: 1,
  hosts: ['api.example.com'],
  requests: [{ method: 'connect', host: 'evil.test', port: 443, allowed: false, reason: 'host_not_listed', count: 2 }],
  refused_omitted: 0,
  allowed_omitted: 0,
};

test('verify: a tree with what its programs asked of the network is verified, voided attempts included', async () => {
  const { files, policy } = await genuineRun({ network: NETWORK });
  const { verified, outcomes } = await judgeTree(memoryTree(files), { policies: [policy] });
  expect(outcomes.filter(({ status }) => status === 'failed')).toEqual([]);
  expect(verified).toBe(true);
  expect([...files.keys()].filter((path) => path.endsWith('network.json')).sort()).toEqual(
    expect.arrayContaining([
      'evidence/attempts/P00/1/try-1/network.json',
      'evidence/attempts/P06/1/evidence/checks/tests.network.json',
      'evidence/checks/tests.network.json',
    ]),
  );
});
