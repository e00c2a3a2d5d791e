import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findServerBinary } from '../../src/embedded/temporal-cli.js';
import { type GitServer, startGitServer } from '../support/git-daemon.js';
import { installAgent } from '../support/installed-agent.js';
import { pageBlocks } from '../support/page-blocks.js';
import { createParties, type Parties, type Party } from '../support/parties.js';
import { KEYS, type Typed, typeAll } from '../support/terminal.js';
import { STORY_PROJECTS, type StoryProject } from './story-projects.js';

/*
 * The story of the README, as ada and grace type it on terminals of their own: two users of this machine, where the tests
 * run as root, with clones of one repository. CI is a third one, with a bare clone and the bundle.
 */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const AGENT = join(ROOT, 'test/fixtures/executors/asking-agent.mjs');
const GROUP = 30_002;
const page = await readFile(join(ROOT, 'README.md'), 'utf8');
const [SET_UP = '', DECIDE = '', EXCEPT = '', OWN_CLONE = '', CI = ''] = pageBlocks(
  page,
  '## In a repository of your own',
  'sh',
).map((block) => block.replaceAll(/ +#.*$/gm, ''));

/** The one line of a block that starts so. */
function lineOf(block: string, start: string): string {
  const found = block.split('\n').filter((line) => line.startsWith(start));
  if (found.length !== 1) throw new Error(`${found.length} lines of the README start with ${start}`);
  return found[0] as string;
}

/** The command of a passage in code marks, such as the one that CI calls. */
const inText = (start: string): string => {
  const parts = page.split('`').map((part) => part.replaceAll('\n', ' '));
  const found = parts.find((part) => part.startsWith(start));
  if (found === undefined) throw new Error(`the README has no \`${start}\``);
  return found;
};

describe.each(STORY_PROJECTS)('README: the story of two users, $name', (project) => {
  test.skipIf(spawnSync(project.needs, ['--help']).error !== undefined)(
    'init, a run with a question and a rejection, the pull request and CI, by the lines of the page',
    () => tellStory(project),
    900_000,
  );
});

let root: string;
let git: GitServer;
let parties: Parties;
let owner: Party | undefined;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'promptos-story-'));
  await chmod(root, 0o755);
  git = await startGitServer(join(root, 'git'), 'my-repository.git');
  const temporal = join(root, 'temporal');
  await copyFile((await findServerBinary({ env: process.env })).path, temporal);
  await chmod(temporal, 0o755);
  const bin = await installAgent(root, AGENT);
  const path = [bin, dirname(process.execPath), process.env.PATH].join(delimiter);
  parties = createParties({ root, groups: [GROUP], env: { PATH: path, TEMPORAL_CLI_PATH: temporal } });
});
afterEach(async () => {
  await parties.stop();
  owner?.run('promptos server stop', 'my-repository');
  await git.stop();
  await rm(root, { recursive: true, force: true });
});

async function tellStory({ files, change }: StoryProject): Promise<void> {
  await pushProject(files);
  const profile = `shopt -s expand_aliases\npushd '${ROOT}' > /dev/null\n${lineOf(SET_UP, 'alias')}\npopd > /dev/null`;
  const [ada, grace, ci] = await Promise.all(['ada', 'grace', 'ci'].map((name) => parties.party(name, profile)));
  if (ada === undefined || grace === undefined || ci === undefined) throw new Error('a party is missing');
  owner = ada;
  const words = (party: Party): Typed[1] => `the six words of ${party.home.split('/').at(-1)}${KEYS.enter}`;
  const done = (party: Party, script: string, cwd?: string): string => {
    const { status, stdout, stderr } = party.run(script, cwd);
    expect({ script, status, stdout, stderr }).toMatchObject({ status: 0 });
    return stdout;
  };
  const typed = async (party: Party, script: string, keys: readonly Typed[], env = {}): Promise<string> => {
    const { screen, exitCode } = await typeAll(party.type(script, 'my-repository', env), keys);
    if (exitCode !== 0) throw new Error(`${script} ended with ${exitCode}:\n${screen}`);
    return screen;
  };
  const clone = `git clone --quiet ${git.url} my-repository`;

  // grace makes a key; ada sets the repository up with its public half, and shares what is on this machine.
  done(grace, clone);
  const twice: Typed[] = [
    [/Passphrase for the new key/, words(grace)],
    [/The same again/, words(grace)],
  ];
  const made = await typed(grace, lineOf(OWN_CLONE, 'promptos keys generate'), twice);
  const [line = ''] = /ssh-ed25519 \S+ grace/.exec(made) ?? [];
  done(ada, clone);
  await typed(ada, lineOf(SET_UP, 'promptos init'), [
    [/Are you alone/, KEYS.enter],
    [/Who decides/, `grace${KEYS.enter}`],
    [/The public key of grace/, line],
    [/ssh-ed25519/, `${KEYS.enter}${KEYS.enter}`],
    [/Passphrase for the new key/, words(ada)],
    [/The same again/, words(ada)],
  ]);
  await typed(ada, lineOf(SET_UP, '$EDITOR'), [], { EDITOR: await editorOf(change) });
  done(ada, lineOf(SET_UP, 'git add'), 'my-repository');
  expect(done(ada, lineOf(SET_UP, 'promptos doctor'), 'my-repository')).toContain('All is well');
  const home =
    ada.uid === null ? [] : [inText('chmod 711'), inText('promptos init --share-with').replace('GROUP', String(GROUP))];
  done(ada, home.join('\n'), 'my-repository');
  const place = lineOf(OWN_CLONE, 'export PROMPTOS_HOME').replace('~ada/code', ada.home);

  // What is typed as grace needs to know where ada's server, store and policy are.
  const asGrace = (command: string) => `${place}\n${command}`;
  const decide = (start: string) => asGrace(lineOf(DECIDE, start));
  const sure = /do you decide so, grace\?/;
  // "No", the last answer, is offered; one further down is the first again.
  const yes = `${KEYS.down}${KEYS.enter}`;

  const dev = ada.type(lineOf(SET_UP, 'promptos dev'), 'my-repository');
  await dev.shown(/[Pp]assphrase/);
  dev.type(words(ada));
  await dev.shown(/approve \S+ --gate P00/);
  const followed = ['promptos run status', 'promptos run logs'].map((start) =>
    grace.start(decide(start), 'my-repository'),
  );
  await followed[0]?.shown(/P00 Context Lock +awaiting decision/);
  const agreeing: Typed[] = [
    [/decide, grace\?/, KEYS.enter],
    [/[Pp]assphrase/, words(grace)],
  ];
  expect(await typed(grace, decide('promptos approve'), agreeing)).toContain('counted: approval of P00');
  await dev.shown(/approve \S+ --gate P01/);

  // The run lives on when ada breaks off, and is taken up again.
  dev.type(KEYS.interrupt);
  await dev.ended();
  const again = ada.type(inText('promptos dev --resume'), 'my-repository');
  await again.shown(/approve \S+ --gate P01/);
  await typed(grace, decide('promptos approve'), agreeing);
  await again.shown(/resolve \S+ E1/);
  const sureOf: Typed[] = [
    [sure, yes],
    [/[Pp]assphrase/, words(grace)],
  ];
  expect(await typed(grace, decide('promptos resolve'), sureOf)).toContain('counted: retry on E1');
  await again.shown(/approve \S+ --gate P03/);
  await typed(grace, decide('promptos approve'), agreeing);
  await again.shown(/approve \S+ --gate P05/);
  expect(await typed(grace, decide('promptos reject'), sureOf)).toContain('counted: rejection of P05');
  // The passphrase is asked once in a command.
  const gates = ['P05', 'P06', 'P07'].map((gate): Typed => [new RegExp(`${gate}: what do you decide`), KEYS.enter]);
  expect(await typed(grace, decide('promptos run watch'), [...agreeing, ...gates])).toContain(
    'APPROVED: every gate passed',
  );
  expect((await again.ended()).exitCode).toBe(0);
  for (const one of followed) expect(await one.ended()).toBe(0);
  expect(followed[1]?.stdout()).toContain('I did P00.');

  // The pull request, by grace.
  done(grace, 'git pull --quiet', 'my-repository');
  expect(await typed(grace, decide('promptos apply'), [])).toContain('committed as');
  for (const line of ['git push', 'promptos pr-block', 'promptos export --artifacts-dir', 'promptos export --bundle']) {
    done(grace, decide(line), 'my-repository');
  }
  const except = lineOf(EXCEPT, 'promptos except');
  await typed(grace, asGrace(except), [
    [/Sign as grace that no run has to cover/, 'y'],
    [/[Pp]assphrase/, words(grace)],
  ]);
  done(grace, lineOf(EXCEPT, 'git add'), 'my-repository');

  // CI, with what travels with the pull request.
  for (const name of ['body.md', 'run.tar']) {
    await writeFile(join(ci.home, name), await readFile(join(grace.home, 'my-repository', name)), { mode: 0o644 });
  }
  const judged = done(ci, CI.replace('<the same repository>', git.url));
  expect(judged).toContain('Verified: ');
  expect(judged).toContain('committed by grace');

  // A second run is not wanted after all.
  const unwanted = ada.type(lineOf(SET_UP, 'promptos dev'), 'my-repository');
  await unwanted.shown(/[Pp]assphrase/);
  unwanted.type(words(ada));
  await unwanted.shown(/approve \S+ --gate P00/);
  const cancelled = await typed(ada, lineOf(DECIDE, 'promptos run cancel'), [
    [/Who cancels/, KEYS.enter],
    [/Why is the run cancelled/, `Started twice${KEYS.enter}`],
    [/Do you cancel/, 'y'],
    [/[Pp]assphrase/, words(ada)],
  ]);
  expect(cancelled).toContain('counted: the cancellation');
  await unwanted.shown(/CANCELLED/);
  await unwanted.ended();
}

/** A program that does in worker.yaml what the file asks for: the agents are put in, and the marks taken away. */
async function editorOf([file, old, replacement]: StoryProject['change']): Promise<string> {
  const path = join(root, 'editor.mjs');
  const argv = ['my-agent', file, old, replacement].map((word) => JSON.stringify(word)).join(', ');
  await writeFile(
    path,
    `#!/usr/bin/env node
import { readFileSync, writeFileSync } from 'node:fs';
const path = process.argv.at(-1);
const [before, block, ...after] = readFileSync(path, 'utf8').split(/(?=^# executors:$)|(?<=answer: \\{ fence: json \\}\\n)(?=\\n)/m);
let count = 0;
const open = block.replaceAll(/^# /gm, '').replaceAll('my-agent, --print', () => ${JSON.stringify(argv)} + ', agent-' + ++count);
writeFileSync(path, [before, open, ...after].join(''));
`,
    { mode: 0o755 },
  );
  return path;
}

async function pushProject(files: StoryProject['files']): Promise<void> {
  const folder = join(root, 'seed');
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  const call = (...args: readonly string[]) =>
    execFileSync('git', ['-C', folder, '-c', 'user.name=Nora', '-c', 'user.email=nora@example.org', ...args]);
  call('init', '--quiet', '--initial-branch=main');
  call('add', '.');
  call('commit', '--quiet', '--message=A library');
  call('push', '--quiet', git.url, 'main');
}
