import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { AgentName } from '../../src/contracts/names.js';
import { PROMPTOS } from '../support/built-package.js';
import { type ModelServer, startModelServer } from '../support/model-server.js';
import { AGENT_CASES, type AgentCase } from './agent-cases.js';
import { isChosen } from './chosen.js';
import { MADE, runTurns } from './gate-turns.js';
import { installAgent } from './install-agent.js';

/*
 * What a newcomer does: an agent is installed and its key is set, then `promptos init --agent NAME` and `promptos dev --notes`.
 * The agent is real and runs in the sandbox, whose proxy lets it reach one host. Its model is scripted, on loopback.
 */

const { PROMPTOS_SHOW_TRANSCRIPT: show } = process.env;

interface Newcomer {
  readonly agent: AgentName;
  /** Whether a variable leads it to the model server, so that there is nothing to write. */
  readonly byVariable: boolean;
}

const NEWCOMERS: readonly Newcomer[] = [
  { agent: 'claude', byVariable: true },
  { agent: 'gemini', byVariable: true },
  { agent: 'qwen', byVariable: true },
  { agent: 'codex', byVariable: false },
  { agent: 'opencode', byVariable: false },
];

const PROJECT: Readonly<Record<string, string>> = {
  'package.json': '{ "name": "shop", "type": "module", "scripts": { "test": "node --test" } }\n',
  'src/price.js': 'export const price = 3;\n',
  'test/total.test.js': `import assert from 'node:assert/strict';
import { test } from 'node:test';
import { total } from '../src/total.js';

test('total adds up', () => assert.equal(total([1, 2]), 3));
`,
};

let server: ModelServer;
beforeAll(async () => {
  server = await startModelServer();
});
afterAll(() => server?.close());

function caseOf(name: AgentName): AgentCase {
  const found = AGENT_CASES.find(({ agent }) => agent === name);
  if (found === undefined) throw new Error(`there is no case ${name}`);
  return found;
}

/** A repository of the newcomer's own, and the commands that are typed in it. */
async function newcomer({ agent, byVariable }: Newcomer) {
  const known = caseOf(agent);
  const bin = await installAgent(known);
  // Not below the temporary folder: a sandbox that codex makes for itself hides what is there.
  const root = await realpath(await mkdtemp(join(homedir(), '.promptos-newcomer-')));
  const top = join(root, 'shop');
  const { set } = known.connect(server.url);
  const env = {
    PATH: `${bin}:${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
    HOME: root,
    LANG: 'C.UTF-8',
    PROMPTOS_CACHE_DIR: join(homedir(), '.cache/promptos'),
    ...(byVariable ? set : Object.fromEntries(Object.entries(set).filter(([name]) => name.endsWith('_API_KEY')))),
  };
  const run = (program: string, ...args: readonly string[]) =>
    execa(program, args, { cwd: top, env, extendEnv: false, reject: false, stdin: 'ignore' });
  onTestFinished(async () => {
    await run(PROMPTOS, 'server', 'stop');
    await rm(root, { recursive: true, force: true });
  });
  for (const [path, text] of Object.entries(PROJECT)) {
    await mkdir(dirname(join(top, path)), { recursive: true });
    await writeFile(join(top, path), text);
  }
  await run('git', 'init', '-q', '-b', 'main');
  await run('git', 'config', 'user.name', 'Ada');
  await run('git', 'config', 'user.email', 'ada@example.org');
  await run('git', 'add', '.');
  await run('git', 'commit', '-qm', 'first');
  const promptos = async (...args: readonly string[]) => {
    const { stdout, stderr, exitCode } = await run(PROMPTOS, ...args);
    if (show !== undefined) console.log(`${args.join(' ')}\n${stdout}\n--- ${exitCode}\n${stderr}`);
    return { stdout, stderr, exitCode };
  };
  return { known, top, promptos, git: (...args: readonly string[]) => run('git', ...args) };
}

/** Leads an agent to the model server by the worker config, as its page of docs/agents says. */
async function leadByConfig({ agent, connect }: AgentCase, top: string): Promise<void> {
  const path = join(top, '.promptos/worker.yaml');
  const { set, arguments: more = [] } = connect(server.url);
  const { host } = new URL(server.url);
  const env = { set: Object.fromEntries(Object.entries(set).filter(([name]) => !name.endsWith('_API_KEY'))) };
  const executor = {
    kind: 'preset',
    agent,
    model: caseOf(agent).model,
    arguments: more,
    env,
    network: { hosts: [host] },
  };
  const text = await readFile(path, 'utf8');
  await writeFile(path, text.replaceAll(`{ kind: preset, agent: ${agent} }`, JSON.stringify(executor)));
}

describe.each(NEWCOMERS)('a newcomer with $agent', (setting) => {
  const written = setting.byVariable ? 'writes nothing' : 'names the model service in worker.yaml';

  test.runIf(isChosen(`newcomer:${setting.agent}`))(
    `${written}, and has an approved run: init, dev, the published record, the branch`,
    async () => {
      const { known, top, promptos, git } = await newcomer(setting);
      const init = await promptos('init', '--agent', known.agent, '--alone', '--no-passphrase');
      expect(init).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('  1. promptos dev --notes "…"') });
      if (!setting.byVariable) await leadByConfig(known, top);

      server.script(runTurns(known), {
        // Where no model is asked for, some ask for more than a title beside their work.
        aside: (call) => known.aside?.(call) ?? (call.tools.length === 0 ? { kind: 'text', text: 'A title' } : null),
      });
      const dev = await promptos('dev', '--notes', 'Add a total of prices.', '--decide-as', 'Ada', '--json');
      server.assertDone();
      expect(dev.exitCode).toBe(0);
      const { run_id, outcome, tree } = JSON.parse(dev.stdout.split('\n').at(-1) ?? '{}');
      expect(outcome).toBe('approved');

      const record = JSON.parse(await readFile(join(tree, 'run_record.json'), 'utf8'));
      expect(record).toMatchObject({ run_id, developer: 'Ada', outcome: 'approved' });
      expect(await promptos('verify', tree)).toMatchObject({ exitCode: 0 });
      expect(await promptos('apply', run_id, '--branch', 'total')).toMatchObject({ exitCode: 0 });
      expect((await git('show', `total:${MADE.path}`)).stdout).toBe(MADE.text.trimEnd());
    },
  );
});
