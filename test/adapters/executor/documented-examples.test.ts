import { copyFileSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { createExecutorRegistry } from '../../../src/adapters/executor/command-executor.js';
import { fencedBlocks } from '../../../src/contracts/answers/fenced-blocks.js';
import { workerConfigSchema } from '../../../src/contracts/config/worker-config.js';
import { executorAnswerSchema } from '../../../src/contracts/run/escalation.js';

const FIXTURES = resolve('test/fixtures/executors');
const blocks = fencedBlocks(readFileSync('docs/executors.md', 'utf8'));
const examples = blocks
  .filter((block) => block.language === 'yaml')
  .flatMap((block) => Object.entries(parse(block.text).executors ?? {}));

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'promptos-examples-'));
  for (const folder of ['bin', 'agents', 'checkout']) mkdirSync(join(root, folder));
  symlinkSync(join(FIXTURES, 'claude-print.mjs'), join(root, 'bin/claude'));
  symlinkSync(join(FIXTURES, 'codex-exec.mjs'), join(root, 'bin/codex'));
  symlinkSync(join(FIXTURES, 'my-agent.mjs'), join(root, 'bin/my-agent'));
  copyFileSync(join(FIXTURES, 'plain.sh'), join(root, 'agents/plain.sh'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

test('documented examples: there are those that the page names', () => {
  expect(examples.map(([principal]) => principal)).toEqual([
    'claude-writer',
    'schema-reviewer',
    'writer-agent',
    'claude-writer',
    'codex-reviewer',
    'script-writer',
  ]);
});

test.each(examples.slice(1))('documented examples: %s works with a stand-in', async (principal, example) => {
  const config = workerConfigSchema.parse({
    schema_version: 1,
    trust: { policies: ['policy.yaml'] },
    executors: { [principal]: example },
  });
  const registry = createExecutorRegistry(config.executors, {
    env: { PATH: `${join(root, 'bin')}:${resolve(process.execPath, '..')}:/usr/bin:/bin` },
    configDir: root,
    scratchRoot: join(root, 'scratch'),
  });
  const outcome = await registry.forPrincipal(principal).execute({
    run_id: 'run-1',
    gate: 'P05',
    attempt: 1,
    prompt: 'the prompt\n',
    directory: join(root, 'checkout'),
    signal: new AbortController().signal,
  });
  expect(outcome).toMatchObject({ exit_code: 0, problem: null });
  expect(JSON.parse(outcome.answer ?? '')).toMatchObject({ kind: 'output' });
});

test('documented examples: the answers shown are answers', () => {
  const answers = blocks.filter((block) => block.language === 'json').map((block) => JSON.parse(block.text));
  expect(answers.map((answer) => executorAnswerSchema.parse(answer).kind)).toEqual(['output', 'escalation']);
});
