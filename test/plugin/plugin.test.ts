import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { EXECUTOR_ROLES, roleTaskQueue } from '../../src/contracts/names.js';
import { governanceDataConverter } from '../../src/converter/data-converter.js';
import { GovernedRunPlugin } from '../../src/plugin/plugin.js';
import { createGovernedWorker, type GovernedWorker, governedBundle } from '../support/governed-worker.js';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/team-workflows/${name}.ts`, import.meta.url));
const activities = { greet: async (name: string) => `hello ${name}` };
const logger = new DefaultLogger('ERROR');

let worker: GovernedWorker;
beforeAll(async () => {
  worker = await createGovernedWorker({ address: inject('temporalAddress'), idle: true });
});
afterAll(() => worker.close());

const plugin = (serve?: 'all' | 'engine' | 'role') =>
  new GovernedRunPlugin({ ports: worker.ports, ...(serve === undefined ? {} : { serve }) });
const execute = (type: string, args: unknown[] = []) =>
  worker.client.workflow.execute(type, { taskQueue: worker.taskQueue, workflowId: randomUUID(), args });
const governed = async () => {
  const run = await worker.startRun();
  await run.approve('P00');
  return (await worker.runs.wait(run.runId)).outcome;
};

describe('GovernedRunPlugin: on a Worker that has its own', () => {
  test('workflows, a dynamic one too, and activities keep working beside governed runs', async () => {
    const theirs = await worker.createWorker({ workflowsPath: fixture('own'), activities });
    await theirs.runUntil(async () => {
      expect(await execute('greeting', ['grace'])).toBe('hello grace');
      expect(await execute('whatever')).toBe('ran whatever');
      expect(await governed()).toBe('approved');
    });
  });

  test('workflows file that re-exports ours works as well', async () => {
    const theirs = await worker.createWorker({ workflowsPath: fixture('re-exporting'), activities });
    await theirs.runUntil(async () => {
      expect(await execute('greeting', ['ada'])).toBe('hello ada');
      expect(await governed()).toBe('approved');
    });
  });

  test('a workflow of a name that is taken fails the bundle and names it', async () => {
    const said: string[] = [];
    const options = {
      workflowsPath: fixture('clashing'),
      plugins: [plugin()],
      logger: new DefaultLogger('ERROR', ({ message }) => said.push(message)),
    };
    await expect(bundleWorkflowCode(options)).rejects.toThrow();
    expect(said.join('\n')).toContain("conflicting star exports for the name 'governedRun'");
  });

  test('passed to the connection and to the Worker, its hooks run twice and do no harm', async () => {
    const one = plugin();
    const connection = await NativeConnection.connect({ address: inject('temporalAddress'), plugins: [one] });
    const twice = await worker.createWorker({ connection, plugins: [one], workflowsPath: fixture('own'), activities });
    await twice.runUntil(async () => {
      expect(await execute('greeting', ['both'])).toBe('hello both');
      expect(await governed()).toBe('approved');
    });
    await connection.close();
  });
});

describe('GovernedRunPlugin: with a prebuilt bundle', () => {
  const bundle = (plugins: GovernedRunPlugin[]) =>
    bundleWorkflowCode({ workflowsPath: fixture('own'), plugins, logger });

  test('one without the workflow is refused: WORKFLOW_MISSING', async () => {
    await expect(worker.createWorker({ workflowBundle: await bundle([]) })).rejects.toMatchObject({
      code: 'WORKFLOW_MISSING',
    });
  });

  test('one that was bundled with the plugin runs both', async () => {
    const bundled = await worker.createWorker({ workflowBundle: await bundle([plugin()]), activities });
    await bundled.runUntil(async () => {
      expect(await execute('greeting', ['bundle'])).toBe('hello bundle');
      expect(await governed()).toBe('approved');
    });
  });

  test('every bundle contains our converter', async () => {
    const { code } = await bundle([plugin()]);
    expect(code).toContain('promptos:undecodable');
    const { code: ours } = await governedBundle();
    expect(ours).toContain('promptos:undecodable');
  });
});

describe('GovernedRunPlugin: roles in processes of their own', () => {
  test('a run goes over its roles’ queues; role workers load no workflow', async () => {
    const engine = await worker.createWorker({ plugins: [plugin('engine')] });
    const roles = await Promise.all(
      EXECUTOR_ROLES.map((role) =>
        Worker.create({
          connection: worker.connection,
          namespace: 'default',
          taskQueue: roleTaskQueue(worker.taskQueue, role),
          plugins: [plugin('role')],
        }),
      ),
    );
    const running = roles.map((role) => role.run());
    await engine.runUntil(async () => expect(await governed()).toBe('approved'));
    for (const role of roles) role.shutdown();
    await Promise.all(running);
  });

  test('a role worker has the one activity and nothing to run workflows with', () => {
    const configured = plugin('role').configureWorker({ taskQueue: 'q.writer', activities });
    expect(Object.keys(configured.activities ?? {}).sort()).toEqual(['greet', 'promptos_executeGate']);
    expect([configured.workflowsPath, configured.workflowBundle]).toEqual([undefined, undefined]);
    const engine = plugin('engine').configureWorker({ taskQueue: 'q' });
    expect(engine.workflowsPath).toMatch(/workflows\/index\.[jt]s$/);
  });
});

describe('GovernedRunPlugin: on a Client', () => {
  test('gives its converter, and leaves a converter of the team’s own alone', () => {
    const client = new GovernedRunPlugin();
    expect(client.configureClient({}).dataConverter).toEqual(governanceDataConverter);
    const own = { payloadConverterPath: '/their/converter.cjs' };
    expect(client.configureClient({ dataConverter: own }).dataConverter).toEqual(own);
  });

  test('without ports it is refused on a Worker', () => {
    expect(() => new GovernedRunPlugin().configureWorker({ taskQueue: 'q' })).toThrow(/ports/);
  });
});

describe('the payload converter', () => {
  test('is a plain file that Node can require by path', () => {
    const path = governanceDataConverter.payloadConverterPath ?? '';
    expect(path).toMatch(/\.cjs$/);
    expect(readFileSync(path, 'utf8')).toContain('exports.payloadConverter');
  });
});
