import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PROMPTOS } from '../../support/built-package.js';
import { runProgram } from '../../support/hostile-site.js';
import { pathWithBubblewrap } from '../../support/stand-in-bubblewrap.js';

/*
 * The README's first command as a newcomer types it: a process of its own, in an empty folder, with a server of its own.
 */

let folder: string;
let env: Record<string, string>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'promptos-demo-'));
  // HOME is the real one: the Temporal CLI that was fetched once is kept there.
  env = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? folder };
});
const demo = (...args: readonly string[]) => runProgram(['demo', '--json', ...args], { cwd: folder, env });
const stopServer = () => runProgram(['-C', 'promptos-demo', 'server', 'stop'], { cwd: folder, env });
afterAll(async () => {
  if (existsSync(join(folder, 'promptos-demo'))) await stopServer();
  await rm(folder, { recursive: true, force: true });
});

/** What differs between two demonstrations. */
const general = (text: string): string =>
  text
    // On a machine that has none.
    .replaceAll(', without a sandbox', '')
    .replaceAll(/\d{8}-\d{4}-make-the-shares-of-a-bill-[0-9a-f]{4}/g, 'RUN')
    .replaceAll(/127\.0\.0\.1:\d+/g, 'UI');

test('demo: runs to its end on a machine without a sandbox, and says so in one line', async () => {
  const cwd = join(folder, 'without a sandbox');
  await mkdir(cwd);
  const PATH = await pathWithBubblewrap('broken', join(cwd, 'bin'));
  try {
    const { exitCode, stdout } = await runProgram(['demo'], { cwd, env: { ...env, PATH } });
    expect(exitCode).toBe(0);
    expect(stdout.split('\n').filter((line) => line.startsWith('sandbox '))).toEqual([
      'sandbox none: bubblewrap cannot make a sandbox here: bwrap: No permissions to create new namespace. The agents of this demonstration are its own, so it goes on without one',
    ]);
    expect(stdout).toMatch(/P05 Constrained Builder +passed, attempt \d, .*without a sandbox/);
    expect(stdout).toContain('NOTE: sandbox: none for P00, P01, P03, P05, P06, P07 and the checks');
  } finally {
    await runProgram(['-C', 'promptos-demo', 'server', 'stop'], { cwd, env });
  }
});

test('demo: prints each line that the README shows of it, in that order', async () => {
  const page = await readFile(new URL('../../../README.md', import.meta.url), 'utf8');
  const shown = (page.split('What the demo prints without a terminal')[1]?.split('```')[1] ?? '').split('\n').slice(1);
  expect(shown.length).toBeGreaterThan(20);
  const cwd = join(folder, 'of the readme');
  await mkdir(cwd);
  try {
    const { exitCode, stdout } = await runProgram(['demo'], { cwd, env });
    expect(exitCode).toBe(0);
    const printed = general(stdout).split('\n');
    for (const line of shown) {
      if (['', '…', '> …', '        …'].includes(line)) continue;
      const parts = general(line).split('…');
      const fits = (text: string): boolean =>
        text.startsWith(parts[0] as string) &&
        parts.every((part) => text.includes(part)) &&
        (parts.length > 1 || text === parts[0]);
      const at = printed.findIndex(fits);
      expect({ line, printed: at >= 0 }).toEqual({ line, printed: true });
      printed.splice(0, at + 1);
    }
  } finally {
    await runProgram(['-C', 'promptos-demo', 'server', 'stop'], { cwd, env });
  }
}, 240_000);

/** Starts the demonstration, interrupts it as soon as it has said a thing, and waits for its end. */
async function interruptedDemo(stream: 'stdout' | 'stderr', when: RegExp) {
  const child = spawn(PROMPTOS, ['demo', '--json'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  let stderr = '';
  child.stdout.resume();
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  child[stream].setEncoding('utf8').on('data', (chunk: string) => {
    if (when.test(said)) return;
    said += chunk;
    if (when.test(said)) child.kill('SIGINT');
  });
  const [code, signal] = await once(child, 'close');
  expect(said).toMatch(when);
  return { code, signal, stderr };
}

test('demo: interrupted while its server starts and while a gate runs, the same again carries the run to its end', async () => {
  // Ctrl-C ends the command at once while the server starts; what is there then must be good enough for the next start.
  const starting = await interruptedDemo('stderr', /Starting the Temporal dev server/);
  expect(starting).toMatchObject({ code: null, signal: 'SIGINT' });
  expect(starting.stderr).toMatch(/^Stopped by SIGINT: `promptos demo` has not ended\. Give it again to go on\.$/m);
  const following = await interruptedDemo('stdout', /"gate":"P01","state":"running"/);
  expect(following).toMatchObject({ code: null, signal: 'SIGINT' });
  expect(following.stderr).toMatch(/^Stopped\. Run \S+ has not ended; it goes on with the next worker\./m);
  expect(following.stderr).toContain('`promptos -C promptos-demo server stop`');
  const runId = (await readFile(join(folder, 'promptos-demo/.promptos/state/demo-run'), 'utf8')).trim();

  const resumed = await demo();
  expect(resumed).toMatchObject({
    exitCode: 0,
    stderr: expect.stringContaining(`resumes the run ${runId}`),
    last: {
      run_id: runId,
      workflow_id: `promptos/run/${runId}`,
      outcome: 'approved',
      tree: expect.stringMatching(/^\//),
      ui: expect.stringMatching(
        /^http:\/\/127\.0\.0\.1:\d+\/namespaces\/default\/workflows\/promptos%2Frun%2F[^/]+\/[0-9a-f-]{36}\/user-metadata$/,
      ),
    },
  });

  // Everything was signed with its throwaway keys; its own tree is verified and traced.
  expect(resumed.stderr).toContain('keys    throwaway ones of this demonstration');
  expect(resumed.stderr).toMatch(/^> - Authentication: signed$/m);
  expect(resumed.stderr).toMatch(/^ {8}verified: \d+ checks, /m);
  expect(resumed.stderr).toMatch(/^ {10}decided {5}(\d+) times by people, \1 of them signed$/m);

  const tree = String(resumed.last?.tree);
  expect(await readdir(tree)).toEqual(
    expect.arrayContaining(['evidence', 'job.json', 'patch', 'plan.md', 'review.md', 'run_record.json']),
  );
  const evidence = join(tree, 'evidence');
  expect(execFileSync('sha256sum', ['-c', 'prompt_session.sha256'], { cwd: evidence, encoding: 'utf8' })).toBe(
    'prompt_session.json: OK\n',
  );
  // The design gate asked, and the first patch failed the real test.
  expect(await readdir(join(evidence, 'attempts'))).toEqual(['P00', 'P01', 'P03', 'P05', 'P06', 'P07']);
  for (const gate of ['P03', 'P05', 'P06']) expect(await readdir(join(evidence, 'attempts', gate))).toEqual(['1', '2']);

  const { stdout } = await runProgram(['-C', 'promptos-demo', 'pr-block', runId], { cwd: folder, env });
  expect(stdout.split('\n').slice(0, 6)).toEqual([
    '> **Governed Session**',
    expect.stringMatching(/^> - PromptOS Version: `v\d+\.\d+\.\d+`$/),
    '> - Prompts Used: `P00, P01, P03, P08, P05, P06, P07`',
    '> - Session Artifact: `artifacts/evidence/prompt_session.json`',
    '> - Developer: `ada`',
    '> - Target Repo: `bill-splitter`',
  ]);

  // What it tells to type next does what it says, and leaves no process.
  const apply = await runProgram(['-C', 'promptos-demo', 'apply', 'latest', '--branch', 'fix'], { cwd: folder, env });
  expect(apply).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('on branch fix') });
  expect(await stopServer()).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('Stopped the server') });
  const { exitCode } = await runProgram(['-C', 'promptos-demo', 'server', 'status'], { cwd: folder, env });
  expect(exitCode).toBe(1);
}, 240_000);
