import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createFileSystemStore } from '../../src/adapters/store/fs/file-system-store.js';
import type { Envelope } from '../../src/contracts/keys.js';
import { journalBytes } from '../../src/contracts/run/journal.js';
import type { GovernedRunInput } from '../../src/contracts/run/run-plan.js';
import { runRequestStatement } from '../../src/domain/attest/acts.js';
import { PROMPTOS } from '../support/built-package.js';
import { promptos } from '../support/command-line.js';
import { candidates } from './candidates.js';

/*
 * What shells are offered of a repository: runs, names and escalations, from its files alone. No server runs here.
 */

const POLICY = `
principals:
  ada: { kind: human }
  writer-agent: { kind: agent }
  grace: { kind: human }
roles: { integrator: [grace] }
`;

let root: string;
let shop: string;
const utf8 = (text: string) => new TextEncoder().encode(text);
const envelope = (predicate: object): Envelope => ({
  payloadType: 'application/vnd.in-toto+json',
  payload: Buffer.from(JSON.stringify({ predicate })).toString('base64'),
  signatures: [{ keyid: 'any', sig: 'any' }],
});

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'promptos-words-'));
  shop = join(root, 'the shop');
  await mkdir(join(shop, '.promptos'), { recursive: true });
  execFileSync('git', ['init', '-q'], { cwd: shop });
  await writeFile(join(shop, '.promptos/policy.yaml'), POLICY);
  const config = { schema_version: 1, trust: { policies: ['policy.yaml'] }, repositories: { shop: { path: '..' } } };
  await writeFile(join(shop, '.promptos/worker.yaml'), JSON.stringify(config));
  const store = createFileSystemStore(join(shop, '.promptos/state/artifacts'));
  const put = async (text: string) => store.putObject(utf8(text));
  const open = async (run_id: string, target_repo: string, at: string) => {
    const run = { run_id, developer: 'ada', target_repo, request_sha256: '0'.repeat(64) };
    const { predicate } = runRequestStatement(run as GovernedRunInput, at);
    const { sha256 } = await put(JSON.stringify(envelope(predicate as object)));
    const request = { request_sha256: '0'.repeat(64), request_attestation_sha256: sha256 };
    const policy = { policy_sha256: (await put(POLICY)).sha256, failed: null, envelope: null };
    await store.appendJournal(
      run_id,
      journalBytes({ kind: 'opened', run_id, first_execution_run_id: 'first', ...request, ...policy }),
    );
  };
  const publish = async (run_id: string, target_repo: string) => {
    const object = await put(JSON.stringify({ target_repo, run_id }));
    await store.publish(run_id, [{ path: 'run_record.json', media_type: 'application/json', ...object }]);
  };
  await publish('20260101-first', 'shop');
  await publish('20260102-of-another', 'billing');
  await publish('20260103-second', 'shop');
  await open('20260104-older', 'shop', '2026-01-04T00:00:00.000Z');
  await open('20260105-elsewhere', 'billing', '2026-01-05T00:00:00.000Z');
  await open('20260106-newer', 'shop', '2026-01-06T00:00:00.000Z');
  const answered = envelope({ actor: 'grace', escalationId: 'E1' });
  await store.appendJournal(
    '20260106-newer',
    journalBytes({ kind: 'message', message: 'resolution', envelope: answered }),
  );
});
afterAll(() => rm(root, { recursive: true, force: true }));

const words = (line: readonly string[], cwd = shop) => candidates(line, { cwd });
const RUNS = ['latest', '20260106-newer', '20260104-older', '20260103-second', '20260101-first'];

describe('words of the repository around', () => {
  test('runs: those of this repository, first what has not ended, then the newest', async () => {
    expect(await words(['approve', ''])).toEqual(RUNS);
    expect(await words(['run', 'status', ''])).toEqual(RUNS);
    expect(await words(['help', 'approve', ''])).toEqual([]);
  });

  test('a tree or a run: runs, and files too', async () => {
    expect(await words(['verify', ''])).toEqual([...RUNS, ':files']);
  });

  test('people: the integrators first; principals: agents too', async () => {
    expect(await words(['approve', 'latest', '--as', ''])).toEqual(['grace', 'ada']);
    expect(await words(['dev', '--developer', ''])).toEqual(['grace', 'ada']);
    expect(await words(['approve', '--as', 'x', '--as=g'])).toEqual(['--as=grace', '--as=ada']);
    expect(await words(['keys', 'generate', '--for', ''])).toEqual(['grace', 'ada', 'writer-agent']);
  });

  test('escalations: the next one that no signed resolution of the run has answered', async () => {
    expect(await words(['resolve', '20260106-newer', ''])).toEqual(['E2']);
    expect(await words(['resolve', 'latest', ''])).toEqual(['E2']);
    expect(await words(['resolve', '20260104', ''])).toEqual(['E1']);
    expect(await words(['resolve', 'no-such-run', ''])).toEqual([]);
  });

  test.each([
    [['-C', 'the shop']],
    [['--repo=the shop']],
    [['--repo', '=', 'the shop']],
    [['-C', 'no/such/folder', '--repo', 'the shop']],
  ])('%j: the folder that the line works for', async (line) => {
    expect(await words([...line, 'approve', '--as', ''], root)).toEqual(['grace', 'ada']);
  });

  test('what is missing or broken gives no word and no error, and nothing is made', async () => {
    expect(await words(['approve', '--as', ''], root)).toEqual([]);
    expect(await words(['approve', ''], root)).toEqual(['latest']);
    const broken = join(root, 'broken');
    await mkdir(join(broken, '.promptos'), { recursive: true });
    execFileSync('git', ['init', '-q'], { cwd: broken });
    await writeFile(join(broken, '.promptos/policy.yaml'), 'principals: [');
    await writeFile(join(broken, '.promptos/worker.yaml'), 'store: { kind: nothing }');
    expect(await words(['approve', '--as', ''], broken)).toEqual([]);
    expect(await words(['approve', ''], broken)).toEqual([]);
    expect(execFileSync('ls', ['-A', join(broken, '.promptos')], { encoding: 'utf8' })).toBe(
      'policy.yaml\nworker.yaml\n',
    );
  });

  test('a name that a shell would not take for one word is left out', async () => {
    const hostile = join(root, 'hostile');
    await mkdir(join(hostile, '.promptos'), { recursive: true });
    execFileSync('git', ['init', '-q'], { cwd: hostile });
    const principals = { ada: { kind: 'human' }, '$(touch gone)': { kind: 'human' }, 'a\nb': { kind: 'human' } };
    await writeFile(join(hostile, '.promptos/policy.yaml'), JSON.stringify({ principals }));
    expect(await words(['approve', '--as', ''], hostile)).toEqual(['ada']);
  });

  test('with a bucket as store no server is asked', async () => {
    const bucket = join(root, 'bucket');
    await mkdir(join(bucket, '.promptos'), { recursive: true });
    execFileSync('git', ['init', '-q'], { cwd: bucket });
    const store = { kind: 's3', bucket: 'runs', prefix: 'shop', endpoint: 'http://192.0.2.1:9' };
    const config = { schema_version: 1, trust: { policies: ['policy.yaml'] }, store };
    await writeFile(join(bucket, '.promptos/worker.yaml'), JSON.stringify(config));
    expect(await words(['approve', ''], bucket)).toEqual(['latest']);
  });
});

describe('the scripts ask the program', () => {
  let env: Record<string, string>;
  beforeAll(async () => {
    const bin = join(root, 'bin');
    await mkdir(bin);
    await symlink(PROMPTOS, join(bin, 'promptos'));
    await mkdir(join(shop, 'space d'));
    await writeFile(join(shop, 'spec.yaml'), '');
    env = { PATH: [bin, dirname(process.execPath), process.env.PATH].join(delimiter), HOME: root };
    for (const shell of ['bash', 'zsh', 'fish']) {
      await writeFile(join(root, shell), (await promptos(['completion', shell])).stdout);
    }
  });
  const lines = (shell: string, args: readonly string[]) =>
    execFileSync(shell, args, { cwd: shop, env, encoding: 'utf8' })
      .split('\n')
      .filter((line) => line !== '');
  const inBash = (...typed: readonly string[]) => {
    const script = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _promptos; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return lines('bash', ['--norc', '-euc', script, 'bash', join(root, 'bash'), ...typed]);
  };

  test('bash', () => {
    expect(inBash('promptos', 'a')).toEqual(['approve', 'apply']);
    expect(inBash('promptos', 'run', 'list', '--li')).toEqual(['--limit']);
    expect(inBash('promptos', '-C', 'somewhere', 'run', 'w')).toEqual(['watch']);
    expect(inBash('promptos', 'approve', '')).toEqual(RUNS);
    expect(inBash('promptos', 'approve', '20260106')).toEqual(['20260106-newer']);
    expect(inBash('promptos', 'run', 'status', 'l')).toEqual(['latest']);
    expect(inBash('promptos', 'approve', 'latest', '--as', '')).toEqual(['grace', 'ada']);
    expect(inBash('promptos', 'approve', 'latest', '--as', '=')).toEqual(['grace', 'ada']);
    expect(inBash('promptos', 'approve', 'latest', '--as', '=', 'g')).toEqual(['grace']);
    expect(inBash('promptos', 'resolve', 'latest', '')).toEqual(['E2']);
    expect(inBash('promptos', 'approve', 'latest', '--gate', '')).toContain('P05');
    expect(inBash('promptos', 'approve', 'latest', '--comment', '"it is')).toEqual([]);
    expect(inBash('promptos', 'approve', '--', '')).toEqual([]);
    expect(inBash(PROMPTOS, '-C', '.', 'dev', '--developer', 'a')).toEqual(['ada']);
  });

  test('bash: files, and folders where only they will do', () => {
    expect(inBash('promptos', 'worker', '--worker-config', 'sp')).toEqual(['space d', 'spec.yaml']);
    expect(inBash('promptos', 'verify', 'sp')).toEqual(['space d', 'spec.yaml']);
    expect(inBash('promptos', 'lint', 'sp')).toEqual(['space d']);
  });

  test('bash: an alias is followed, and a missing program is no error', () => {
    const typed = `shopt -s expand_aliases; alias p='${PROMPTOS}'; source "$1"; COMP_WORDS=("$2" approve 20260106); COMP_CWORD=2; _promptos; echo "\${COMPREPLY[@]}"`;
    expect(lines('bash', ['--norc', '-c', typed, 'bash', join(root, 'bash'), 'p'])).toEqual(['20260106-newer']);
    expect(lines('bash', ['--norc', '-c', typed, 'bash', join(root, 'bash'), 'no-such-program'])).toEqual([]);
  });

  const has = (shell: string): boolean => spawnSync(shell, ['--version']).status === 0;

  test.skipIf(!has('zsh'))('zsh', () => {
    // Outside of a line editor, with the options that functions of completion run with: what would be offered is printed.
    const script = `setopt extendedglob nullglob rcexpandparam; compdef() { : }; compadd() { while [[ "$1" != -- ]]; do shift; done; shift; print -rl -- "$@" }; compset() { print -r -- "strip $3" }; _files() { print -r -- "files $*" }; source "$1"; shift; words=("$@"); CURRENT=$#; _promptos`;
    const inZsh = (...typed: readonly string[]) => lines('zsh', ['-fc', script, 'zsh', join(root, 'zsh'), ...typed]);
    expect(inZsh('promptos', 'run', '')).toContain('watch');
    expect(inZsh('promptos', 'approve', '')).toEqual(RUNS);
    expect(inZsh('promptos', 'approve', 'latest', '--as', '')).toEqual(['grace', 'ada']);
    expect(inZsh('promptos', '-C', '"../the shop"', 'approve', '--as=')).toEqual(['--as=grace', '--as=ada']);
    expect(inZsh('promptos', 'resolve', 'latest', '')).toEqual(['E2']);
    expect(inZsh('promptos', 'approve', 'latest', '--gate', '')).toContain('P05');
    expect(inZsh('promptos', 'approve', 'latest', '--comment', '"it is')).toEqual(['files ']);
    expect(inZsh('promptos', 'verify', '')).toEqual([...RUNS, 'files ']);
    expect(inZsh('promptos', 'lint', '')).toEqual(['files -/']);
    expect(inZsh('promptos', 'worker', '--worker-config=s')).toEqual(['strip *=', 'files ']);
    expect(inZsh('promptos', 'approve', '--', '')).toEqual([]);
    expect(inZsh('no-such-program', 'approve', '')).toEqual([]);
  });

  test.skipIf(!has('fish'))('fish', () => {
    const inFish = (line: string) =>
      lines('fish', ['--no-config', '-c', `source '${join(root, 'fish')}'; complete -C '${line}'`]).map(
        (offered) => offered.split('\t')[0],
      );
    expect(inFish('promptos a')).toEqual(expect.arrayContaining(['approve', 'apply']));
    expect(inFish('promptos ')).toContain('ungoverned');
    expect(inFish('promptos run list --li')).toEqual(['--limit']);
    expect(inFish('promptos approve ')).toEqual(RUNS);
    expect(inFish('promptos approve latest --as ')).toEqual(['grace', 'ada']);
    expect(inFish('promptos approve latest --as=g')).toEqual(['--as=grace']);
    expect(inFish('promptos resolve latest ')).toEqual(['E2']);
    expect(inFish('promptos approve latest --gate P0')).toContain('P05');
    expect(inFish('promptos worker --worker-config sp')).toEqual(['space d/', 'spec.yaml']);
    expect(inFish('promptos worker --worker-config=spec')).toEqual(['--worker-config=spec.yaml']);
    expect(inFish('promptos lint sp')).toEqual(['space d/']);
    expect(inFish('promptos approve -- ')).toEqual([]);
    const without = `source '${join(root, 'fish')}'; set PATH '${root}'; complete -C 'promptos '`;
    const gone = spawnSync('fish', ['--no-config', '-c', without], { env, encoding: 'utf8' });
    expect(gone).toMatchObject({ stdout: '', stderr: '' });
  });
});
