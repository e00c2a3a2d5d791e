import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { PROMPTOS } from '../../../support/built-package.js';
import { PROJECT_FILES, type ProgramRun, runProgram } from '../../../support/hostile-site.js';
import { findS3Server, S3_BUCKET, S3_CREDENTIALS, type S3Server, startS3Server } from '../../../support/s3-server.js';

/*
 * One governed run under the policy that `init` writes. Worker, developer and auditor have a clone and a home of their own
 * and share a Temporal server and a bucket, no folder.
 */

const program = await findS3Server();
const AGENT = fileURLToPath(new URL('../../../fixtures/executors/hostile-agent.mjs', import.meta.url));

/** A clone with a home of its own. */
interface Machine {
  readonly clone: string;
  readonly env: Readonly<Record<string, string>>;
  promptos(...args: readonly string[]): Promise<ProgramRun>;
}

describe.skipIf(program === null)('a run on the S3 store (skipped without Go, which builds the server)', () => {
  let root: string;
  let server: S3Server;
  let worker: Machine;
  let developer: Machine;
  let auditor: Machine;
  let stopWorker: () => Promise<void> = async () => undefined;

  const machine = async (name: string): Promise<Machine> => {
    const home = join(root, name);
    await mkdir(home, { recursive: true });
    const env = {
      PATH: process.env.PATH ?? '',
      HOME: home,
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      ...S3_CREDENTIALS,
    };
    const clone = join(home, 'shop');
    return { clone, env, promptos: (...args) => runProgram(args, { cwd: clone, env }) };
  };
  const git = ({ clone }: Machine, ...args: readonly string[]) =>
    execFileSync('git', ['-C', clone, '-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', ...args], {
      encoding: 'utf8',
    }).trim();

  beforeAll(async () => {
    server = await startS3Server(program as string);
    root = await mkdtemp(join(tmpdir(), 'promptos-s3-run-'));
    [worker, developer, auditor] = [await machine('worker'), await machine('developer'), await machine('auditor')];
    const { '.promptos/.gitignore': _, ...files } = PROJECT_FILES;
    const own = { ...files, 'package.json': '{ "name": "shop", "scripts": { "test": "node test.js" } }\n' };
    for (const [path, text] of Object.entries(own)) {
      await mkdir(dirname(join(developer.clone, path)), { recursive: true });
      await writeFile(join(developer.clone, path), text);
    }
    git(developer, 'init', '-q', '-b', 'main');
    const made = await developer.promptos('init', '--alone', '--developer', 'ada', '--no-passphrase');
    expect(made).toMatchObject({ exitCode: 0 });
    const executor = (principal: string) =>
      `  ${principal}: { kind: command, argv: ${JSON.stringify([process.execPath, AGENT, principal])} }\n`;
    const executors = ['writer-agent', 'verifier-agent', 'reviewer-agent'].map(executor).join('');
    const store = `store: { kind: s3, bucket: ${S3_BUCKET}, prefix: team/shop, endpoint: '${server.endpoint}' }\n`;
    await appendFile(
      join(developer.clone, '.promptos/worker.yaml'),
      `task_queue: ${root.slice(-6)}\n${store}executors:\n${executors}`,
    );
    git(developer, 'add', '.');
    git(developer, 'commit', '-qm', 'governed');
    for (const { clone } of [worker, auditor]) execFileSync('git', ['clone', '-q', developer.clone, clone]);
    // The worker's keys are on its machine alone, and the developer's on hers.
    await rename(join(developer.clone, '.promptos/keys'), join(worker.clone, '.promptos/keys'));
  });
  afterAll(async () => {
    await stopWorker();
    await server.stop();
    await rm(root, { recursive: true, force: true });
  });

  test('worker and doctor: wrong credentials are an error with its next step, before any work is taken', async () => {
    const env = { ...worker.env, AWS_SECRET_ACCESS_KEY: 'wrong' };
    const refused = await runProgram(['worker', '--json'], { cwd: worker.clone, env });
    expect(refused).toMatchObject({
      exitCode: 3,
      last: {
        error: {
          code: 'STORE_NOT_READABLE',
          message: expect.stringMatching(/s3:\/\/governed-runs\/team\/shop .*secret access key does not fit/),
        },
      },
    });
    const probesOf = ({ last }: ProgramRun) => (last as { probes: { name: string }[] }).probes;
    expect(probesOf(await runProgram(['doctor', '--json'], { cwd: worker.clone, env }))).toContainEqual(
      expect.objectContaining({ name: 'store', status: 'fail', next: expect.stringContaining('AWS_ACCESS_KEY_ID') }),
    );
    expect(probesOf(await worker.promptos('doctor', '--json'))).toContainEqual({
      name: 'store',
      status: 'ok',
      message: `s3://${S3_BUCKET}/team/shop at ${server.endpoint}`,
    });
  });

  test('a governed run: started and decided on one machine, worked on another, verified and applied on a third', async () => {
    const child = spawn(PROMPTOS, ['worker'], { cwd: worker.clone, env: worker.env, stdio: 'ignore' });
    const ended = once(child, 'close');
    stopWorker = async () => {
      child.kill('SIGTERM');
      await ended;
    };
    const run = await developer.promptos(
      'dev',
      '--developer',
      'ada',
      '--notes',
      'Mend the split',
      '--decide-as',
      'ada',
      '--json',
    );
    expect(run).toMatchObject({ exitCode: 0, stderr: expect.not.stringContaining('AWS SDK') });
    const runId = String(run.last?.run_id);
    expect(run.last).toMatchObject({
      outcome: 'approved',
      tree: `s3://${S3_BUCKET}/team/shop/runs/${runId}.json`,
    });

    // Without Temporal: what the store holds is enough.
    const { TEMPORAL_ADDRESS: _, ...env } = auditor.env;
    const audit = (...args: readonly string[]) => runProgram(args, { cwd: auditor.clone, env });
    expect(await audit('run', 'list', '--json')).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(runId) });
    expect(await audit('verify', runId, '--policy', '.promptos/policy.yaml')).toMatchObject({ exitCode: 0 });
    expect(await audit('verify', '--all', '--policy', '.promptos/policy.yaml')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('1 of 1 run verified'),
    });
    expect(await audit('export', '--tree', join(root, 'tree'), '--run', runId)).toMatchObject({ exitCode: 0 });
    expect(await audit('verify', join(root, 'tree'), '--policy', '.promptos/policy.yaml')).toMatchObject({
      exitCode: 0,
    });
    expect(await readFile(join(root, 'tree/patch/change.patch'), 'utf8')).toContain("'right'");
    git(auditor, 'config', 'user.name', 'Grace');
    git(auditor, 'config', 'user.email', 'grace@example.org');
    expect(await audit('apply', runId, '--branch', 'fix')).toMatchObject({ exitCode: 0 });
    expect(git(auditor, 'show', 'fix:src/split.js')).toContain("'right'");

    for (const { clone } of [worker, developer, auditor]) {
      expect(existsSync(join(clone, '.promptos/state/artifacts'))).toBe(false);
    }
  });
});
