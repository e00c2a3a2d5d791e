import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { testExecutorContract } from '../support/executor-contract.js';
import { type Act, type ExecutorHarness, OVERLOADED, WORKING } from '../support/executor-harness.js';
import type { ModelTurn } from '../support/model-protocols.js';
import { startModelServer } from '../support/model-server.js';
import { pageBlocks } from '../support/page-blocks.js';

const page = readFileSync('docs/executors.md', 'utf8');
const [program = ''] = pageBlocks(page, '## Write your own', 'python');
const [config = ''] = pageBlocks(page, '## Write your own', 'text');

/** More than an executor may print. */
const TOO_LONG = 'x'.repeat(11_000_000);

function turnOf(act: Act): ModelTurn {
  switch (act.do) {
    case 'answer':
      return { kind: 'text', text: act.text };
    case 'flood':
      return { kind: 'text', text: TOO_LONG };
    case 'hang':
      return { kind: 'custom', send: () => undefined };
    case 'overload':
      return {
        kind: 'custom',
        send: (response: ServerResponse) =>
          response.writeHead(429, { 'content-type': 'application/json', 'retry-after': '7' }).end(OVERLOADED),
      };
  }
}

async function documentedHarness(): Promise<ExecutorHarness> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'promptos-own-')));
  await mkdir(join(root, 'agents'));
  await writeFile(join(root, 'agents/own.py'), program);
  const server = await startModelServer();
  const { host } = new URL(server.url);
  const port = host.split(':')[1];
  const text = config.replaceAll('localhost:8080', `localhost:${port}`).replaceAll('qwen3-coder', WORKING);
  const { 'own-writer': executor } = parse(text.replaceAll('./agents', join(root, 'agents'))).executors;
  return {
    env: { PATH: '/usr/bin:/bin' },
    retryAfterMs: 7_000,
    acts: (act) => {
      server.script([turnOf(act)]);
      return executor;
    },
    close: async () => {
      await server.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}

test('docs/executors.md: an executor of one’s own takes 20 lines', () => {
  expect(program.trimEnd().split('\n').length).toBeLessThanOrEqual(20);
});

describe.runIf(process.platform === 'linux')('docs/executors.md: an executor of one’s own', () => {
  testExecutorContract('documented', documentedHarness);
});
