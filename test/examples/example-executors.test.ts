import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { createCheckRunner } from '../../src/adapters/checks/check-runner.js';
import { createExecutorRegistry } from '../../src/adapters/executor/command-executor.js';
import { workerConfigSchema } from '../../src/contracts/config/worker-config.js';
import { GATES, type GateId } from '../../src/contracts/names.js';
import { policySchema } from '../../src/contracts/policy/policy.js';
import { runRequestSchema } from '../../src/contracts/run/run-request.js';
import { printedText } from '../support/printed.js';
import { EXAMPLE, plainEnvironment, promptWith } from './example-agents.js';

const readYaml = (name: string): unknown => parse(readFileSync(join(EXAMPLE, name), 'utf8'));
const request = runRequestSchema.parse(readYaml('request.yaml'));
const policy = policySchema.parse(readYaml('policy.yaml'));
const worker = workerConfigSchema.parse(readYaml('worker.yaml'));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'promptos-example-'));
  cpSync(join(EXAMPLE, 'project'), join(folder, 'checkout'), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test.each(['P00', 'P05', 'P06', 'P07'] satisfies GateId[])(
  "the example's worker config: the executor that the policy binds to %s starts and reads its prompt",
  async (gate) => {
    const registry = createExecutorRegistry(worker.executors, {
      env: plainEnvironment(),
      configDir: EXAMPLE,
      scratchRoot: folder,
    });
    const outcome = await registry.forPrincipal(policy.roles[GATES[gate].role]).execute({
      run_id: 'example-1',
      gate,
      attempt: 1,
      prompt: promptWith({ request }),
      directory: join(folder, 'checkout'),
      signal: new AbortController().signal,
    });
    const said = printedText(outcome.stderr);
    // Only P00 can be done from the request alone; the others say which input they miss.
    if (gate === 'P00') expect(JSON.parse(outcome.answer ?? '')).toMatchObject({ kind: 'output' });
    else expect([outcome.exit_code, said]).toEqual([1, expect.stringContaining('the prompt has no input')]);
  },
);

test("the example's policy: its check runs and sees the failing test", async () => {
  const runner = createCheckRunner({ allow: worker.checks.allow, env: plainEnvironment(), scratchRoot: folder });
  const { argv = [], timeout = 0 } = policy.checks.tests ?? {};
  const outcome = await runner.run({
    name: 'tests',
    argv,
    timeout_ms: timeout,
    directory: join(folder, 'checkout'),
    signal: new AbortController().signal,
  });
  expect(outcome).toMatchObject({ status: 'failed', exit_code: 1 });
  expect(printedText(outcome.stdout)).toContain('1000 cents between 3 people');
});
