import { type ChildProcess, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { workerConfigSchema } from '../../src/contracts/config/worker-config.js';
import { engineTaskQueue } from '../../src/contracts/names.js';
import type { WorkerSetting } from '../../src/worker.js';
import { exampleOutputs } from '../support/gate-outputs.js';
import { createGovernedWorker, eventually, type GovernedWorker, governedBundle } from '../support/governed-worker.js';
import { writeKeys } from '../support/signing-policy.js';
import { spawnTypeScript } from '../support/typescript-child.js';
import type { WorkerChildInput } from './worker-child.js';

const AGENT = fileURLToPath(new URL('./agent.mjs', import.meta.url));

/** Where a run can be held: an executor's gate, or the rename that commits its tree, or the one that shows it. */
type HoldPoint = 'P00' | 'P01' | 'P05' | 'manifests' | 'runs';

/** One start of an executor. */
interface AgentCall {
  readonly run: string;
  readonly gate: string;
  readonly attempt: number;
  readonly pid: number;
  readonly cwd: string;
  readonly scratch: string;
  /** Milliseconds of the epoch. */
  readonly at: number;
}

/** An executor that waits to be killed, with the process that watches over it and one that it started. */
interface HeldAgent extends AgentCall {
  readonly guard: number;
  readonly child: number;
}

interface WorkerProcess {
  readonly pid: number;
  /** Milliseconds of the epoch, before the process was started. */
  readonly startedAt: number;
  /** Sends a signal and waits until the process has ended. */
  end(signal: 'SIGKILL' | 'SIGTERM' | 'SIGINT'): Promise<{ readonly code: number | null }>;
}

/** An executor of a test's own, and the variables that its worker has. */
interface WriterSetting {
  readonly executor: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string>>;
}

/** A governed repository whose workers are processes of their own, with command executors, that a test kills. */
export interface RecoverySite extends GovernedWorker {
  readonly storeDir: string;
  readonly stateDir: string;
  hold(runId: string, point: HoldPoint): Promise<void>;
  /** Waits until the run has come to where it is held. For a gate: who holds it. */
  held(runId: string, point: HoldPoint): Promise<HeldAgent>;
  /**
   * Resolves when the worker polls.
   * @param writer the executor of the writer in the real sandbox, in place of ours without one
   */
  startWorker(writer?: WriterSetting): Promise<WorkerProcess>;
  /** Waits until executors were started `times` times for the run's gate. */
  called(runId: string, gate: string, times: number): Promise<readonly AgentCall[]>;
  publishedText(runId: string, path: string): Promise<string>;
  /** Folders of checkouts that processes with this id made. */
  checkoutsOf(pid: number): Promise<readonly string[]>;
}

/** Whether a process runs; one that has ended and only awaits its parent does not. */
export const isRunning = (pid: number): boolean =>
  /^[^Z]/.test(spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim());

export async function createRecoverySite(address: string): Promise<RecoverySite> {
  const site = await createGovernedWorker({ address, idle: true });
  return equip(site, address).catch(async (error: unknown) => {
    await site.close();
    throw error;
  });
}

async function equip(site: GovernedWorker, address: string): Promise<RecoverySite> {
  const root = dirname(site.repository.repository);
  const control = join(root, 'control');
  await mkdir(control);
  await writeKeys(root, site.keys);
  await writeFile(join(control, 'outputs.json'), JSON.stringify(exampleOutputs()));
  const codePath = join(root, 'workflow-bundle.js');
  await writeFile(codePath, (await governedBundle()).code);
  const storeDir = join(root, 'store');
  const input: WorkerChildInput = { address, control, codePath, setting: settingOf(site, root, control, storeDir) };
  const children: ChildProcess[] = [];
  const file = (runId: string, point: HoldPoint, state: string) => join(control, `${runId}.${point}.${state}`);
  return {
    ...site,
    storeDir,
    stateDir: input.setting.stateDir,
    hold: (runId, point) => writeFile(file(runId, point, 'hold'), ''),
    held: (runId, point) =>
      eventually(async () => {
        const text = await readFile(file(runId, point, 'held'), 'utf8').catch(() => null);
        return text === null ? null : JSON.parse(text || '{}');
      }, `${runId} to come to ${point}`),
    startWorker: async (writer) => {
      const startedAt = Date.now();
      const setting = writer === undefined ? input.setting : settingOf(site, root, control, storeDir, writer.executor);
      const child = spawnTypeScript('test/recovery/worker-child.ts', [
        JSON.stringify({ ...input, setting, env: writer?.env }),
      ]);
      children.push(child);
      const exit = once(child, 'exit');
      for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
        if (String(chunk).includes('ready')) break;
      }
      child.stdout.resume();
      return {
        pid: child.pid ?? 0,
        startedAt,
        end: async (signal) => {
          child.kill(signal);
          const [code] = await exit;
          return { code };
        },
      };
    },
    called: (runId, gate, times) =>
      eventually(async () => {
        const text = await readFile(join(control, 'calls.jsonl'), 'utf8').catch(() => '');
        const calls = text
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line) as AgentCall);
        const found = calls.filter((call) => call.run === runId && call.gate === gate);
        return found.length < times ? null : found;
      }, `call ${times} for ${gate} of ${runId}`),
    publishedText: async (runId, path) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of site.store.openPublished(runId, path)) chunks.push(chunk);
      return Buffer.concat(chunks).toString('utf8');
    },
    checkoutsOf: async (pid) =>
      (await readdir(tmpdir())).filter((name) => name.startsWith('promptos-checkout-') && name.includes(`-${pid}-`)),
    close: async () => {
      for (const child of children) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        const exit = once(child, 'exit');
        child.kill('SIGKILL');
        await exit;
      }
      await site.close();
    },
  };
}

function settingOf(
  { taskQueue, repository }: GovernedWorker,
  root: string,
  control: string,
  storeDir: string,
  writer?: WriterSetting['executor'],
): Omit<WorkerSetting, 'env'> {
  // An argument of its own for each: no two roles share an executor.
  const executor = (principal: string) => ({
    kind: 'command',
    argv: [process.execPath, AGENT, principal],
    env: { set: { RECOVERY_CONTROL: control } },
  });
  const config = workerConfigSchema.parse({
    schema_version: 1,
    task_queue: taskQueue,
    repositories: { example: { path: repository.repository } },
    trust: { policies: [`sha256:${repository.run.policy_sha256}`] },
    store: { kind: 'fs', path: storeDir },
    signers: Object.fromEntries(
      ['nina', 'vera', 'rex', 'engine'].map((name) => [name, { file: join(root, 'keys', `${name}.pem`) }]),
    ),
    executors: { nina: writer ?? executor('nina'), vera: executor('vera'), rex: executor('rex') },
    checks: { allow: ['*'] },
    // The executors write down their process numbers in a folder of the test's own.
    ...(writer === undefined ? { sandbox: 'none' } : {}),
  });
  if (engineTaskQueue(config) !== taskQueue) throw new Error('the worker would poll another queue');
  return { config, configDir: root, stateDir: join(root, 'state') };
}
