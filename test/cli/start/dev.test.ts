import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { PROMPTOS } from '../../support/built-package.js';
import { createHostileSite, PROJECT_FILES, type ProgramRun, runProgram } from '../../support/hostile-site.js';

/*
 * `dev` on a user's own repository, from `init` to the applied patch, everything as processes of the real program.
 */

const AGENT = fileURLToPath(new URL('../../fixtures/executors/hostile-agent.mjs', import.meta.url));
const EXPORT_SCRIPT = fileURLToPath(new URL('../../../session/export_session_artifact.sh', import.meta.url));
/** Spaces, quotes, newlines, non-ASCII, what a shell or YAML would read, and a dash at the beginning. */
const NOTES = '--notes "Größe" of \'it\':\n  - $HOME `id` \\ # 💶 = 1 %\n{a: [b]}';

let root: string;
let repository: string;
let env: Record<string, string>;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "promptos dev's-"));
  repository = join(root, 'my shop');
  env = {
    PATH: process.env.PATH ?? '',
    HOME: root,
    PROMPTOS_CACHE_DIR: join(process.env.HOME ?? root, '.cache/promptos'),
  };
  const files: Record<string, string> = {
    ...PROJECT_FILES,
    'package.json': '{ "name": "shop", "scripts": { "test": "node test.js" } }\n',
  };
  const { '.promptos/.gitignore': _, ...own } = files;
  for (const [path, text] of Object.entries(own)) {
    await mkdir(dirname(join(repository, path)), { recursive: true });
    await writeFile(join(repository, path), text);
  }
  git('init', '-q', '-b', 'main');
  // `apply` commits in the user's own name.
  git('config', 'user.name', 'Ada');
  git('config', 'user.email', 'ada@example.org');
  commitAll('first');
});
afterAll(async () => {
  await promptos('server', 'stop');
  await rm(root, { recursive: true, force: true });
});

const git = (...args: readonly string[]) =>
  execFileSync('git', ['-C', repository, ...args], { encoding: 'utf8' }).trim();
const commitAll = (message: string) => {
  git('add', '.');
  git('commit', '-qm', message);
};
const promptos = (...args: readonly string[]) => runProgram(args, { cwd: repository, env });
const json = async (path: string) => JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;

/** Approves what comes up, as a second terminal would, until the run has ended. */
async function approveAll(runId: string): Promise<readonly string[]> {
  const counted: string[] = [];
  for (let tries = 0; tries < 90; tries += 1) {
    const { exitCode, stdout, last } = await promptos('approve', runId, '--as', 'ada', '--yes', '--json');
    if (exitCode === 0) counted.push(stdout);
    const code = (last?.error as { code?: string } | undefined)?.code;
    if (code === 'RUN_CLOSED') return counted;
    if (exitCode !== 0 && code !== 'NOTHING_AWAITED' && code !== 'DECISION_REFUSED') throw new Error(stdout);
  }
  throw new Error(`${runId} did not end`);
}

test('from init to the applied patch: detached, approved from a second terminal, exported and committed', async () => {
  expect(await promptos('init', '--alone', '--developer', 'ada', '--no-passphrase')).toMatchObject({ exitCode: 0 });
  const executor = (principal: string) =>
    `  ${principal}: { kind: command, argv: ${JSON.stringify([process.execPath, AGENT, principal])} }\n`;
  const executors = ['writer-agent', 'verifier-agent', 'reviewer-agent'].map(executor).join('');
  await appendFile(join(repository, '.promptos/worker.yaml'), `executors:\n${executors}`);
  commitAll('governed');

  const start = ['dev', '--developer', 'ada', '--notes', NOTES, '--json'];
  // From a folder of no project: the worker in the background serves the one that the line names.
  const detached = await promptos('-C', root, ...start, '--target-repo', repository, '--detach');
  expect(detached).toMatchObject({ exitCode: 0, last: { event: 'detached', ui: expect.stringMatching(/^http:/) } });
  const runId = String(detached.last?.run_id);
  // Three at once on one state folder: one that watches, one that decides, one that has a run and workers of its own.
  const [watched, , other] = await Promise.all([
    promptos('run', 'watch', runId),
    approveAll(runId),
    promptos(...start, '--new', '--decide-as', 'ada'),
  ]);
  expect(watched).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('APPROVED: every gate passed') });
  expect(other).toMatchObject({ exitCode: 0, last: { outcome: 'approved' } });
  expect(other.last?.run_id).not.toBe(runId);

  const tree = String(detached.last?.tree);
  expect(await json(join(tree, 'evidence/prompt_session.json'))).toMatchObject({ developer: 'ada', notes: NOTES });
  expect(await json(join(tree, 'evidence/request.json'))).toMatchObject({ notes: NOTES });
  expect(await json(join(tree, 'run_record.json'))).toMatchObject({ developer: 'ada', outcome: 'approved' });

  expect(await promptos('export', '--artifacts-dir', join(root, 'by command'), '--run', runId)).toMatchObject({
    exitCode: 0,
  });
  const session = join(root, 'by command', 'prompt_session.json');
  execFileSync(EXPORT_SCRIPT, ['--artifacts-dir', join(root, 'by script'), '--session-file', session], {
    cwd: repository,
    env,
  });
  for (const folder of ['by command', 'by script']) {
    expect(await readdir(join(root, folder))).toEqual(['prompt_session.json', 'prompt_session.sha256']);
  }

  // The two commands of the integration document, one after the other in a folder that is not the repository.
  const checkout = join(root, 'checkout');
  await mkdir(join(checkout, 'session'), { recursive: true });
  await symlink(EXPORT_SCRIPT, join(checkout, 'session/export_session_artifact.sh'));
  const gates = ['--prompts', 'P00,P01,P03,P05,P06,P07'];
  const who = ['--developer', 'ada', '--target-repo', repository, '--notes', NOTES, '--decide-as', 'ada'];
  const third = await runProgram(['dev', ...gates, ...who, '--json'], { cwd: checkout, env });
  expect(third).toMatchObject({ exitCode: 0, last: { outcome: 'approved' } });
  execFileSync('./session/export_session_artifact.sh', ['--artifacts-dir', 'artifacts/evidence'], {
    cwd: checkout,
    env,
    stdio: 'ignore',
  });
  expect(await readFile(join(checkout, 'artifacts/evidence/prompt_session.json'))).toEqual(
    await readFile(join(String(third.last?.tree), 'evidence/prompt_session.json')),
  );
  expect(await readdir(checkout)).toEqual(['artifacts', 'session']);

  const block = await promptos('pr-block', runId);
  expect(block.stdout).toMatch(/^> \*\*Governed Session\*\*\n/);
  expect(block.stdout).toContain(runId);
  expect(await promptos('apply', runId, '--branch', 'fix it')).toMatchObject({ exitCode: 2 });
  expect(await promptos('apply', runId, '--branch', 'fix')).toMatchObject({ exitCode: 0 });
  expect(git('show', 'fix:src/split.js')).toContain("'right'");
  expect(git('log', '-1', '--format=%(trailers:key=PromptOS-Run,valueonly)', 'fix')).toBe(runId);
  expect(git('status', '--porcelain')).toBe('');
}, 240_000);

test("a developer's name of every kind, on a Temporal of the user's own: whole in every file; a queue that no worker polls is reported", async () => {
  const site = await createHostileSite({ address: inject('temporalAddress') });
  try {
    const developer = '--Zoë "O\'Hara" $HOME';
    const run = async (name: string, ...more: readonly string[]): Promise<ProgramRun> =>
      site.promptos('dev', '--developer', name, '--notes', NOTES, '--prompts', 'P01', '--json', ...more);
    const { exitCode, last } = await run(developer, '--decide-as', 'grace');
    expect({ exitCode, last }).toMatchObject({ exitCode: 0, last: { outcome: 'approved', ui: null } });
    for (const path of ['evidence/prompt_session.json', 'run_record.json']) {
      expect(await json(join(String(last?.tree), path))).toMatchObject({ developer });
    }
    const elsewhere = spawn(
      PROMPTOS,
      ['dev', '--target-repo', 'shop', '--developer', 'ada', '--notes', 'x', '--prompts', 'P01'],
      {
        cwd: dirname(site.repository),
        env: site.env,
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    let said = '';
    elsewhere.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
      // Once: a second Ctrl-C ends it at once.
      if (/→ .*reject/.test(said) && !elsewhere.killed) elsewhere.kill('SIGINT');
    });
    expect(await once(elsewhere, 'close')).toEqual([null, 'SIGINT']);
    // What it tells to type must work where it was typed.
    expect(said).toMatch(`→ promptos -C ${site.repository} approve `);
    expect(said).toMatch(/^Stopped\. Run \S+ has not ended; .* `promptos -C \S+ dev --resume \S+`/m);

    const unpolled = join(dirname(site.repository), 'unpolled.yaml');
    const config = await readFile(join(site.repository, '.promptos/worker.yaml'), 'utf8');
    const trust = JSON.stringify(join(site.repository, '.promptos/policy.yaml'));
    await writeFile(
      unpolled,
      config.replace(/"task_queue": "[^"]+"/, '"task_queue": "nobody-polls"').replace('"policy.yaml"', trust),
    );
    const alone = await run('ada', '--worker-config', unpolled, '--detach');
    expect(alone).toMatchObject({ exitCode: 0, last: { event: 'detached' } });
    expect(alone.stderr).toMatch(/nobody-polls/);
    const hosted = await run('ada', '--worker-config', unpolled, '--new', '--worker', '--decide-as', 'grace');
    expect(hosted).toMatchObject({ exitCode: 0, last: { outcome: 'approved' } });
  } finally {
    await site.close();
  }
}, 180_000);
