import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { parse } from 'yaml';
import { GATE_IDS } from '../../src/contracts/names.js';
import { eventually } from '../support/governed-worker.js';
import { PROJECT_FILES, runProgram } from '../support/hostile-site.js';
import { PLUGIN_PAGE, pageFiles } from '../support/page-files.js';

/*
 * The code of docs/plugin.md, compiled against the built package and run as processes: what is replaced are the address, the
 * folders, the queue and the base commit of the example.
 */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const AGENT = fileURLToPath(new URL('../fixtures/executors/hostile-agent.mjs', import.meta.url));
const PASSPHRASE = 'six words that are never reused';
const QUEUE = `billing-${process.pid}`;

/** The run is not open yet, or the gate is being carried out. */
const NOT_YET = /waits for no approval|RUN_NOT_FOUND|WORKER_MISSING|There is no run|No worker answered/;

interface Running {
  readonly output: () => string;
  readonly ended: Promise<number | null>;
  stop(): Promise<void>;
}

describe('the code of docs/plugin.md', () => {
  let root: string;
  let program: string;
  let env: Record<string, string>;
  let connection: Connection;
  const running: Running[] = [];

  /** Compiles the page's files. @param changes made to their text beside those of the example's places */
  const compile = async (base: string): Promise<void> => {
    program = join(root, 'program');
    const modules = join(program, 'node_modules');
    await mkdir(modules, { recursive: true });
    for (const name of ['@temporalio', '@types']) await symlink(join(ROOT, 'node_modules', name), join(modules, name));
    await symlink(ROOT, join(modules, 'promptos-temporal'));
    const places = [
      ['temporal.example.org:7233', inject('temporalAddress')],
      ['/etc/promptos', join(root, 'etc')],
      ['/var/lib/promptos', join(root, 'state')],
      ["'billing'", `'${QUEUE}'`],
      [`targetRepo: '${QUEUE}'`, "targetRepo: 'billing'"],
      ['9fceb02d0ae598e95dc970b74767f19372d61af8', base],
      ['invoice-rounding-1', `invoice-rounding-${process.pid}`],
    ] as const;
    const files = new Map(pageFiles(PLUGIN_PAGE));
    // The other two role workers are the verifier's with another name, and a second run is the first with another id.
    for (const role of ['writer', 'reviewer']) {
      files.set(`${role}.ts`, (files.get('verifier.ts') ?? '').replaceAll('verifier', role));
    }
    files.set('start-again.ts', (files.get('start.ts') ?? '').replaceAll('invoice-rounding-1', 'invoice-rounding-1-b'));
    for (const [name, text] of files) {
      const own = places.reduce((changed, [example, place]) => changed.replaceAll(example, place), text);
      await writeFile(join(program, name), own);
    }
    const compilerOptions = { target: 'es2022', module: 'nodenext', types: ['node'], skipLibCheck: true, strict: true };
    await writeFile(join(program, 'package.json'), '{ "type": "module" }');
    await writeFile(join(program, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
    execFileSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', program], { stdio: 'inherit' });
  };

  const start = (file: string, ...args: readonly string[]): Running => {
    const child = spawn(process.execPath, [join(program, file), ...args], { cwd: program, env });
    const closed = once(child, 'close') as Promise<[number | null]>;
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        output += chunk;
      });
    }
    const one = {
      output: () => output,
      ended: closed.then(([code]) => code),
      stop: async () => {
        child.kill('SIGTERM');
        await closed;
      },
    };
    running.push(one);
    return one;
  };

  /** Starts a run with a program of the page and approves each of its gates with another. */
  const approvedRun = async (file: string, runId: string): Promise<void> => {
    const started = start(file);
    for (const gate of GATE_IDS) {
      const approve = async () => {
        const decide = start('decide.js', runId, gate);
        if ((await decide.ended) === 0) return decide.output();
        if (NOT_YET.test(decide.output())) return null;
        throw new Error(`${decide.output()}\n${started.output()}`);
      };
      expect(await eventually(approve, `${gate} to wait`)).toBe(`${gate} is approved\n`);
    }
    expect({ code: await started.ended, output: started.output() }).toEqual({
      code: 0,
      output: `${runId} ended as approved\n`,
    });
    const verified = await runProgram(
      ['verify', join(root, 'state/artifacts/runs', runId), '--policy', join(root, 'etc/policy.yaml')],
      { cwd: root, env },
    );
    expect(verified).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^Verified: \d+ checks\.$/m) });
    const record = await readFile(join(root, 'state/artifacts/runs', runId, 'run_record.json'), 'utf8');
    expect(record).toContain('"authentication": "signed"');
  };

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'promptos-plugin-'));
    const repository = join(root, 'billing');
    const passphrase = join(root, 'passphrase');
    env = { PATH: process.env.PATH ?? '', HOME: root, PROMPTOS_PASSPHRASE_FILE: passphrase };
    await writeFile(passphrase, `${PASSPHRASE}\n`, { mode: 0o600 });
    for (const [path, text] of Object.entries(PROJECT_FILES)) {
      if (path.startsWith('.promptos/')) continue;
      await mkdir(dirname(join(repository, path)), { recursive: true });
      await writeFile(join(repository, path), text);
    }
    await writeFile(join(repository, 'package.json'), '{ "name": "billing", "scripts": { "test": "node test.js" } }\n');
    const git = (...args: readonly string[]) =>
      execFileSync('git', ['-C', repository, '-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], {
        encoding: 'utf8',
      }).trim();
    git('init', '-q', '-b', 'main');
    git('add', '.');
    git('commit', '-qm', 'first');
    const made = await runProgram(['init', '--yes', '--not-alone', '--developer', 'ada', '--integrator', 'grace'], {
      cwd: repository,
      env,
    });
    expect(made).toMatchObject({ exitCode: 0 });
    await placeConfigs(repository, join(root, 'etc'));
    for (const person of ['ada', 'grace']) {
      const key = await readFile(join(root, '.config/promptos/keys', `${person}.pem`));
      await writeFile(join(root, 'etc', `${person}.pem`), key, { mode: 0o600 });
      await writeFile(join(root, 'etc', `${person}.passphrase`), `${PASSPHRASE}\n`, { mode: 0o600 });
    }
    await compile(git('rev-parse', 'HEAD'));
    await writeFile(join(program, 'request.yaml'), await readFile(join(root, 'etc/request.yaml')));
    connection = await Connection.connect({ address: inject('temporalAddress') });
  });
  afterAll(async () => {
    await Promise.all(running.map((one) => one.stop()));
    await connection?.close();
    await rm(root, { recursive: true, force: true });
  });

  const invoice = async (): Promise<string> =>
    new Client({ connection }).workflow.execute('invoice', {
      taskQueue: QUEUE,
      workflowId: `invoice-${process.pid}-${performance.now()}`,
      args: ['17'],
    });

  test('one Worker: the team’s own workflow, and a signed run that a program starts and another approves', async () => {
    const worker = start('worker.js');
    expect(await invoice()).toBe('invoice 17 was sent');
    await approvedRun('start.js', `invoice-rounding-${process.pid}`);
    await worker.stop();
  });

  test('a prebuilt bundle for the engine, and a Worker for each role', async () => {
    const bundled = start('bundle.js');
    expect({ code: await bundled.ended, output: bundled.output() }).toMatchObject({ code: 0 });
    const workers = ['engine', 'writer', 'verifier', 'reviewer'].map((name) => start(`${name}.js`));
    expect(await invoice()).toBe('invoice 17 was sent');
    await approvedRun('start-again.js', `invoice-rounding-${process.pid}-b`);
    await Promise.all(workers.map((worker) => worker.stop()));
  });

  test('a program without the key decides nothing', async () => {
    const unsigned = join(program, 'unsigned.js');
    const runs = await readFile(join(program, 'runs.js'), 'utf8');
    await writeFile(unsigned, runs.replace(/signerFor: .*/, 'signerFor: async () => null,'));
    const decide = await readFile(join(program, 'decide.js'), 'utf8');
    await writeFile(join(program, 'decide-unsigned.js'), decide.replace('./runs.js', './unsigned.js'));
    const again = await readFile(join(program, 'start.js'), 'utf8');
    const runId = `invoice-rounding-${process.pid}-c`;
    await writeFile(join(program, 'start-c.js'), again.replaceAll(`invoice-rounding-${process.pid}`, runId));
    const worker = start('worker.js');
    const started = start('start-c.js');
    const refused = async () => {
      const one = start('decide-unsigned.js', runId, 'P00');
      await one.ended;
      return NOT_YET.test(one.output()) ? null : one.output();
    };
    expect(await eventually(refused, 'a refusal')).toContain(
      'The policy asks for signed decisions, and this one is not signed',
    );
    await started.stop();
    await worker.stop();
  });
});

/** What `init` wrote, with absolute paths and agents, as the configs that the page names. */
async function placeConfigs(repository: string, etc: string): Promise<void> {
  const home = join(repository, '.promptos');
  await mkdir(etc);
  await writeFile(join(etc, 'policy.yaml'), await readFile(join(home, 'policy.yaml')));
  const written = parse(await readFile(join(home, 'worker.yaml'), 'utf8')) as {
    readonly signers: Readonly<Record<string, { readonly file: string }>>;
  };
  const roles = ['writer', 'verifier', 'reviewer'] as const;
  const config = (names: readonly string[]) => ({
    ...written,
    repositories: { billing: { path: repository } },
    signers: Object.fromEntries(names.map((name) => [name, { file: join(home, written.signers[name]?.file ?? '') }])),
    executors: Object.fromEntries(
      roles
        .filter((role) => names.includes(`${role}-agent`))
        .map((role) => [`${role}-agent`, { kind: 'command', argv: [process.execPath, AGENT, role] }]),
    ),
  });
  const write = (name: string, names: readonly string[]) =>
    writeFile(join(etc, `${name}.yaml`), JSON.stringify(config(names)));
  await write('worker', ['engine', ...roles.map((role) => `${role}-agent`)]);
  await write('engine', ['engine']);
  for (const role of roles) await write(role, [`${role}-agent`]);
  const request = {
    schema_version: 1,
    context: {
      project: 'billing',
      description: 'Splits bills.',
      stack: ['JavaScript'],
      constraints: [],
      role: 'engineer',
      goal: 'Whole cents.',
    },
    task: {
      title: 'Round invoices',
      description: 'Hand out the rest.',
      acceptance_criteria: [{ id: 'AC1', text: 'Tests pass.', check: 'tests' }],
    },
    scope: { allow: ['src/**'], deny: [] },
    checks: ['tests'],
  };
  await writeFile(join(etc, 'request.yaml'), JSON.stringify(request));
}
