import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { prettyJson } from '../../src/contracts/json.js';
import { git, makeRepository, PERSON } from '../adapters/git-fixtures.js';
import { isRunning, until } from '../adapters/platform/processes.js';
import { PROMPTOS } from '../support/built-package.js';
import { EXAMPLE_POLICY } from '../support/governed-repository.js';
import { makeRunKeys, signedPolicyText } from '../support/signed-finished-run.js';
import { createPatchedRepository } from './audit/audited-repository.js';

let root: string;
let repo: string;
/** Where the commands make temporary folders, and what those of a fake git say of themselves. */
let temporary: string;
let at: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'promptos-interrupted-'));
  [repo, temporary, at] = [join(root, 'repo'), join(root, 'tmp'), join(root, 'at')];
  await mkdir(temporary);
  await makeRepository(repo, {
    'src/a.txt': 'one\n',
    '.promptos/policy.yaml': `${EXAMPLE_POLICY}prompt_packs: ['${'0'.repeat(64)}']\n`,
  });
  await writeFile(join(repo, 'src/a.txt'), 'two\n');
  const job = {
    ...{ title: 'Two', objective: 'Two', deliverables: ['two'], acceptance_criteria: [{ id: 'AC1', text: 'two' }] },
    ...{ scope: { allow: ['src/**'], deny: [] }, exclusions: [] },
  };
  await writeFile(join(root, 'job.json'), prettyJson(job));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** A git that says when it does something, and waits then until it may. */
async function gitThatWaitsAt(deed: string): Promise<void> {
  await mkdir(join(root, 'bin'));
  const script = `#!/bin/sh
PATH=\${PATH#*:}
case " $* " in *" ${deed} "*) echo $$ > ${at}.part; mv ${at}.part ${at}; while [ -d ${root} ] && [ ! -e ${at}.go ]; do sleep 0.05; done;; esac
exec git "$@"
`;
  await writeFile(join(root, 'bin/git'), script);
  await chmod(join(root, 'bin/git'), 0o755);
}

/** Starts a command in a process group of its own, as a shell does in a terminal. */
function startIn(cwd: string, args: readonly string[], more: NodeJS.ProcessEnv = {}) {
  const env = { ...process.env, ...PERSON, HOME: root, ...more, TMPDIR: temporary };
  const child = spawn(PROMPTOS, args, {
    cwd,
    env: { ...env, PATH: `${join(root, 'bin')}:${process.env.PATH}` },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const said = { text: '' };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      said.text += chunk;
    });
  }
  return { child, said, closed: once(child, 'close') };
}

const start = (...args: readonly string[]) => startIn(repo, args);

const check = () => start('check', '--job', join(root, 'job.json'));

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  'check: %s ends it with one line, with the git that it started, and nothing of it is left',
  async (signal) => {
    await gitThatWaitsAt('write-tree');
    const { child, said, closed } = check();
    await until(() => existsSync(at));
    expect(await readdir(temporary)).toEqual([expect.stringMatching(/^promptos-check-/)]);
    child.kill(signal);
    expect(await closed).toEqual([null, signal]);
    expect(said.text).toBe(`Stopped by ${signal}: \`promptos check\` has not ended. Give it again to go on.\n`);
    expect(await readdir(temporary)).toEqual([]);
    await until(() => !isRunning(Number(readFileSync(at, 'utf8'))));
    expect(git(repo, 'status', '--porcelain')).toBe('M src/a.txt');
  },
);

test('check: what a killed one left is removed by the next', async () => {
  await gitThatWaitsAt('write-tree');
  const { child, closed } = check();
  await until(() => existsSync(at));
  child.kill('SIGKILL');
  await closed;
  process.kill(-Number(readFileSync(at, 'utf8')), 'SIGKILL');
  expect(await readdir(temporary)).toEqual([expect.stringMatching(/^promptos-check-/)]);
  await rm(join(root, 'bin'), { recursive: true });
  expect(await check().closed).toEqual([0, null]);
  expect(await readdir(temporary)).toEqual([]);
});

test('canary: a signal leaves nothing, and what a killed one left is removed by the next', async () => {
  const canary = () => start('canary', '--class', 'secret');
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    await gitThatWaitsAt('write-tree');
    const { child, closed } = canary();
    await until(() => existsSync(at));
    child.kill(signal);
    expect(await closed).toEqual([null, signal]);
    if (signal === 'SIGTERM') expect(await readdir(temporary)).toEqual([]);
    else process.kill(-Number(readFileSync(at, 'utf8')), 'SIGKILL');
    await rm(join(root, 'bin'), { recursive: true });
    await rm(at);
  }
  expect(await readdir(temporary)).toContainEqual(expect.stringMatching(/^promptos-canary-/));
  expect(await canary().closed).toEqual([0, null]);
  expect(await readdir(temporary)).toEqual([]);
});

test('apply: Ctrl-C while git writes the files waits for it, and says that the commit was made', async () => {
  const { audited, base } = await createPatchedRepository();
  onTestFinished(() => audited.remove());
  await gitThatWaitsAt('merge');
  const { child, said, closed } = startIn(audited.repo, ['apply', 'run-1', '--yes'], audited.env);
  await until(() => existsSync(at));
  process.kill(-(child.pid ?? 0), 'SIGINT');
  await sleep(300);
  await writeFile(`${at}.go`, '');
  expect(await closed).toEqual([null, 'SIGINT']);
  expect(said.text).toMatch(/^Run run-1 committed as [0-9a-f]{12} on branch main: 1 file\.$/m);
  expect(audited.git('status', '--porcelain')).toBe('');
  expect(audited.git('rev-parse', 'HEAD^')).toBe(base);
});

test('demo: Ctrl-C while its project is made waits for it, and the next call finds it', async () => {
  await gitThatWaitsAt('commit');
  const { child, said, closed } = startIn(root, ['demo']);
  await until(() => existsSync(at));
  process.kill(-(child.pid ?? 0), 'SIGINT');
  await sleep(300);
  await writeFile(`${at}.go`, '');
  expect(await closed).toEqual([null, 'SIGINT']);
  expect(said.text).toBe('Stopped. promptos-demo is made; `promptos demo` goes on with it.\n');
  expect(git(join(root, 'promptos-demo'), 'status', '--porcelain')).toBe('');
  expect((await readdir(root)).filter((name) => name.startsWith('promptos-'))).toEqual(['promptos-demo']);
});

/** The variables of a command that waits when it has put a file in its place, until it may go on. */
async function waitingAtAFile(): Promise<NodeJS.ProcessEnv> {
  const source = `const fs = require('node:fs');
    const { link } = fs.promises;
    fs.promises.link = async (...paths) => {
      await link(...paths);
      fs.writeFileSync(${JSON.stringify(at)}, '');
      while (!fs.existsSync(${JSON.stringify(`${at}.go`)})) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    require('node:module').syncBuiltinESMExports();`;
  await writeFile(join(root, 'hook.cjs'), source);
  return { NODE_OPTIONS: `--require ${join(root, 'hook.cjs')}` };
}

/** Presses Ctrl-C while a command waits there. @returns what it printed */
async function interruptedAtAFile(args: readonly string[]): Promise<string> {
  const { child, said, closed } = startIn(repo, args, await waitingAtAFile());
  await until(() => existsSync(at));
  process.kill(-(child.pid ?? 0), 'SIGINT');
  await sleep(300);
  await writeFile(`${at}.go`, '');
  expect(await closed).toEqual([null, 'SIGINT']);
  return said.text;
}

test('keys generate: Ctrl-C between its two files waits for both, and it prints what the policy needs', async () => {
  const file = join(root, 'keys', 'ada');
  const said = await interruptedAtAFile(['keys', 'generate', '--for', 'ada', '--no-passphrase', '--out', file]);
  expect((await readdir(join(root, 'keys'))).sort()).toEqual(['ada', 'ada.pub']);
  expect(said).toContain(`public: ${readFileSync(`${file}.pub`, 'utf8').trim()}`);
});

test('except: Ctrl-C while the exception is written waits for it, and it says that it was written', async () => {
  const keys = makeRunKeys();
  await writeFile(join(repo, '.promptos/policy.yaml'), signedPolicyText(keys));
  await writeFile(join(root, 'grace.pem'), keys.grace.pem, { mode: 0o600 });
  const why = ['--reason', 'Incident 42', '--expires', '30d', '--key', join(root, 'grace.pem'), '--yes'];
  const said = await interruptedAtAFile(['except', 'HEAD', '--as', 'grace', ...why]);
  expect(said).toMatch(/^Written: /m);
  expect(await readdir(join(repo, '.promptos/exceptions'))).toEqual([`${git(repo, 'rev-parse', 'HEAD')}.json`]);
});
