import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createPinnedDocuments } from '../../../src/activities/documents/pinned-documents.js';
import { executeGate } from '../../../src/activities/execute-gate.js';
import { createCheckCaches } from '../../../src/adapters/checks/check-caches.js';
import { createCheckRunner } from '../../../src/adapters/checks/check-runner.js';
import type { GateId } from '../../../src/contracts/names.js';
import { checksPolicy } from '../../support/checks-policy.js';
import { exampleOutputs } from '../../support/gate-outputs.js';
import { createGovernedRepository } from '../../support/governed-repository.js';
import { edits, outputs } from '../../support/scripted-executor.js';

const good = exampleOutputs();

/** Lists the cache of npm, then leaves a file of the name that the source says, as code under test could. */
const CHECK = `
const fs = require('node:fs'), path = require('node:path');
const cache = process.env.npm_config_cache;
console.log('cached: ' + fs.readdirSync(cache).sort().join(' ') + '.');
fs.writeFileSync(path.join(cache, fs.readFileSync('src/split.js', 'utf8').trim()), '');
`;

test('P06: the next patch does not see what the checks of a patched tree leave in a cache', async () => {
  const root = await mkdtemp(join(tmpdir(), 'promptos-caches-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const given = await createGovernedRepository({
    files: { 'src/split.js': 'base\n', 'README.md': '# Split\n', 'package-lock.json': '{}\n' },
    policy: checksPolicy(`checks: { tests: ${JSON.stringify({ argv: ['node', '-e', CHECK] })} }`),
  });
  onTestFinished(() => given.remove());
  const caches = createCheckCaches(join(root, 'check-caches'));
  const ports = { ...given.ports, checks: createCheckRunner({ allow: ['*'], env: process.env, caches }) };
  const carryOut = async (gate: GateId, inputs: Partial<Record<GateId, string>>, patched = '') => {
    const input = given.input(gate, { inputs });
    const step = gate === 'P05' ? edits({ 'src/split.js': `${patched}\n` }, outputs(good.P05)) : outputs(good[gate]);
    given.executors.script(input.principal, step);
    const options = { signal: new AbortController().signal, progress: () => undefined };
    return executeGate(ports, createPinnedDocuments(ports.store), input, options);
  };
  /** What the check of a patch found in its cache. */
  const found = async (patched: string): Promise<string> => {
    const { output_sha256: P05 } = await carryOut('P05', {}, patched);
    const verified = await given.record(await carryOut('P06', { P05 }));
    return given.text(verified, 'evidence/checks/tests.stdout.txt');
  };

  expect(await found('poison')).toBe('cached: .\n');
  expect(await found('innocent')).toBe('cached: .\n');
  await carryOut('P00', {});
  expect(await found('poison')).toBe('cached: base.\n');
  expect(await found('innocent')).toBe('cached: base.\n');
});
