import { symlinkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AGENT_PRESETS } from '../../../../src/adapters/executor/presets/presets.js';
import { AGENTS } from '../../../../src/contracts/names.js';
import { AGENT_CASES } from '../../../agents/agent-cases.js';
import { SCENARIOS } from '../../../agents/agent-contract.js';
import { makeCheckout, runAgent } from '../../../agents/agent-run.js';
import { findRecording } from '../../../agents/recordings.js';

let bin: string;
beforeAll(async () => {
  bin = await mkdtemp(join(tmpdir(), 'promptos-stand-ins-'));
  for (const { argv } of Object.values(AGENT_PRESETS)) {
    symlinkSync(resolve('test/fixtures/agents/stand-in.mjs'), join(bin, argv[0]));
  }
});
afterAll(() => rm(bin, { recursive: true, force: true }));

test('agent contract: every preset has its case', () => {
  expect(AGENT_CASES.map(({ agent }) => agent).sort()).toEqual([...AGENTS].sort());
});

describe.each(AGENT_CASES)('agent contract, what $agent $version printed', (agent) => {
  test.each(SCENARIOS)('$name', async (scenario) => {
    const found = findRecording(agent, scenario.name);
    if (found === null)
      throw new Error(`no recording of ${agent.agent}, ${scenario.name}: npm run test:agents makes it`);
    expect(found.recording.version).toBe(agent.version);
    const checkout = await makeCheckout();
    const env = { STAND_IN: found.path };
    const outcome = await runAgent(agent, { bin, url: 'http://127.0.0.1:8080', checkout, env }, scenario);
    scenario.judge(agent, outcome, checkout);
  });
});
