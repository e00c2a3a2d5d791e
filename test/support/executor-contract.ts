import { EventEmitter, once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createExecutorRegistry } from '../../src/adapters/executor/command-executor.js';
import { createLauncher, type Launcher } from '../../src/adapters/platform/launcher.js';
import type { Sandbox } from '../../src/adapters/platform/program-starter.js';
import { createNetworkOpener } from '../../src/adapters/sandbox/network/open-network.js';
import { openSandbox } from '../../src/adapters/sandbox/open-sandbox.js';
import { executorConfigSchema } from '../../src/contracts/config/executor-config.js';
import { DEFAULT_SANDBOX } from '../../src/contracts/config/sandbox-config.js';
import type { AttemptRecord } from '../../src/contracts/record/attempt.js';
import type { ExecuteGateResult } from '../../src/contracts/run/activities.js';
import type { ExecutorRegistry, GateExecutor } from '../../src/ports/gate-executor.js';
import { ANSWER, testAnswerContract } from './answer-contract.js';
import { type Act, type ExecutorHarness, OVERLOADED, WORKING } from './executor-harness.js';
import { createGovernedRepository, EXAMPLE_POLICY, type GovernedRepository } from './governed-repository.js';
import { leavesOf, processesWith } from './marked-processes.js';

/** A worker's sandbox and registry with executors of one kind. */
interface ContractSite {
  readonly harness: ExecutorHarness;
  readonly scratchRoot: string;
  /** Executors of which each call does the next act; `working` resolves once the first one shows that it works. */
  acting(
    acts: readonly Act[],
    config?: object,
  ): { readonly registry: ExecutorRegistry; readonly working: Promise<void> };
  close(): Promise<void>;
}

async function openSite(open: () => Promise<ExecutorHarness>): Promise<ContractSite> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'promptos-contract-')));
  const configDir = join(root, 'config');
  await mkdir(configDir);
  const harness = await open();
  const launcher: Launcher = createLauncher(process.env.PATH);
  const programs: Sandbox = await openSandbox(DEFAULT_SANDBOX, {
    ...{ programs: launcher, path: process.env.PATH, openNetwork: createNetworkOpener() },
    secret: [join(root, 'state')],
  });
  const scratchRoot = join(root, 'state/scratch');
  const { env } = harness;
  const executorOf = (act: Act, more: object): GateExecutor => {
    const nina = executorConfigSchema.parse({ ...harness.acts(act), ...more });
    return createExecutorRegistry({ nina }, { env, configDir, scratchRoot, programs }).forPrincipal('nina');
  };
  return {
    harness,
    scratchRoot,
    acting: (acts, more = {}) => {
      const left = [...acts];
      const signs = new EventEmitter();
      const working = once(signs, 'working').then(() => undefined);
      let printed = '';
      const { descriptor } = executorOf(acts[0] ?? { do: 'hang' }, more);
      const execute: GateExecutor['execute'] = (call) => {
        const act = left.shift();
        if (act === undefined) throw new Error('the executor was asked more often than it has acts');
        const watch = {
          started: (timeoutMs: number) => call.watch?.started(timeoutMs),
          printed: (output: 'stdout' | 'stderr', chunk: Uint8Array) => {
            if (printed.length < 1_000_000) printed += new TextDecoder().decode(chunk);
            if (printed.includes(WORKING)) signs.emit('working');
            call.watch?.printed(output, chunk);
          },
        };
        return executorOf(act, more).execute({ ...call, watch });
      };
      return { registry: { forPrincipal: () => ({ descriptor, execute }) }, working };
    },
    close: async () => {
      await launcher.close();
      await harness.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** Put together here, so that no scanner takes this file for a leak. */
const TOKEN = ['gh', 'p_q7Rk2VxT9mZp4LwB8nHs3JdF6cGy1aUe0oKi'].join('');

const answer: Act = { do: 'answer', text: ANSWER };

/** What holds for every kind of executor that a worker starts, in the real sandbox. */
export function testExecutorContract(kind: string, open: () => Promise<ExecutorHarness>): void {
  let site: ContractSite;
  let repository: GovernedRepository;
  const repositories: GovernedRepository[] = [];
  beforeAll(async () => {
    site = await openSite(open);
  });
  afterEach(async () => {
    expect(processesWith(site.scratchRoot)).toEqual([]);
    expect(existsSync(site.scratchRoot) ? readdirSync(site.scratchRoot) : []).toEqual([]);
    await Promise.all(repositories.splice(0).map((one) => one.remove()));
  });
  afterAll(() => site.close());

  /** Has P00 done. */
  const start = async (acts: readonly Act[], config: object = {}) => {
    repository = await createGovernedRepository({ policy: `${EXAMPLE_POLICY}baseline: off\n` });
    repositories.push(repository);
    const { registry, working } = site.acting(acts, config);
    repository.findExecutorsIn(registry);
    const result = repository.executeGate(repository.input('P00'));
    // A test that waits for something else first sees the failure afterwards.
    result.catch(() => undefined);
    return { result, working };
  };
  const finish = async (result: Promise<ExecuteGateResult>) => {
    const { verdict, ...rest } = await result;
    const record: AttemptRecord = await repository.record({ verdict, ...rest });
    return { verdict, record, problems: record.tries.flatMap(({ problem }) => problem ?? []) };
  };
  /** The first try does not count for the reason that is given, and the second one answers. */
  const expectAskedAgain = async (result: Promise<ExecuteGateResult>, problem: RegExp) => {
    const { verdict, problems, record } = await finish(result);
    expect(problems).toEqual([expect.stringMatching(problem)]);
    expect(record.tries.map(({ failure }) => failure)).toEqual(['bad_answer', undefined]);
    expect(verdict).toBe('pass');
  };

  testAnswerContract(kind, async () => ({
    attempt: async (answers) => {
      const { result } = await start(answers.map((text) => ({ do: 'answer', text })));
      const { verdict, problems, record } = await finish(result);
      expect(record.executor).toMatchObject({ principal: 'nina', sandbox: 'bubblewrap' });
      expect(record.tries).toHaveLength(answers.length);
      return { verdict, problems, feedback: await repository.text(record, `try-${answers.length}/prompt.md`) };
    },
    close: async () => undefined,
  }));

  test(`executor contract, ${kind}: what it was set to, its tools and its calls are recorded`, async () => {
    const { result } = await start([answer]);
    const { record } = await finish(result);
    const [tried] = record.tries;
    expect(tried?.parameters).toBeDefined();
    // Null says that it is not known; a try from before there were such facts has no such field.
    expect(tried).toHaveProperty('tools');
    expect(tried).toHaveProperty('tool_calls');
  });

  test(`executor contract, ${kind}: credentials are masked in every file that is kept of a try`, async () => {
    const leaks = JSON.stringify({ ...JSON.parse(ANSWER), summary: `It works with ${TOKEN}.` });
    const { result } = await start([{ do: 'answer', text: leaks }]);
    const { record } = await finish(result);
    const paths = record.transcripts.map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(['try-1/stdout.txt', 'try-1/stderr.txt', 'try-1/answer.txt']));
    const texts = await Promise.all(paths.map((path) => repository.text(record, path)));
    expect(texts.join('')).toContain('[masked: github-token');
    expect([JSON.stringify(record), ...texts].join('')).not.toContain(TOKEN);
  });

  test(`executor contract, ${kind}: one that hangs is stopped at its time-out, and asked again`, async () => {
    const { result, working } = await start([{ do: 'hang' }, answer], { timeout: '5s' });
    await working;
    await expectAskedAgain(result, /ran longer than 5 s/);
  });

  test(`executor contract, ${kind}: a cancelled gate ends it and everything that it started`, async () => {
    const { result, working } = await start([{ do: 'hang' }]);
    await working;
    expect(processesWith(site.scratchRoot)).not.toEqual([]);
    repository.environment.cancel('CANCELLED');
    await expect(result).rejects.toThrow('CANCELLED');
  });

  test(`executor contract, ${kind}: output without end is stopped, and asked again`, async () => {
    const { result } = await start([{ do: 'flood' }, answer]);
    await expectAskedAgain(result, /more than [0-9]+ (?:bytes|characters)/);
  });

  test(`executor contract, ${kind}: a program that is killed is asked again`, async () => {
    const { result, working } = await start([{ do: 'hang' }, answer]);
    await working;
    for (const pid of leavesOf(processesWith(site.scratchRoot))) process.kill(pid, 'SIGKILL');
    await expectAskedAgain(result, /SIGKILL/);
  });

  test(`executor contract, ${kind}: an overload of the provider is tried later, and uses no try`, async () => {
    const { result } = await start([{ do: 'overload' }]);
    const { retryAfterMs } = site.harness;
    await expect(result).rejects.toMatchObject({
      ...{ type: 'EXECUTOR_OVERLOADED', nonRetryable: false, nextRetryDelay: retryAfterMs ?? 5_000 },
      message: expect.stringContaining(OVERLOADED),
    });
  });
}
