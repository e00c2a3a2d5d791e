import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, copyFile, mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findServerBinary } from '../../../src/embedded/temporal-cli.js';
import { PROMPTOS } from '../../support/built-package.js';
import { eventually } from '../../support/governed-worker.js';
import { becoming, canBecome, type UnixUser } from '../../support/unix-users.js';

/*
 * Two users of one machine, each with a HOME of their own, and a group that both are in. Only root can become them, and
 * only where they can read this package.
 */

const GROUP = 30_001;
const USERS = { ada: 20_001, grace: 20_002, mallory: 20_003 } as const;
type User = keyof typeof USERS;

/** Mallory is in no group of the others. */
const unixUser = (user: User): UnixUser => ({ uid: USERS[user], groups: user === 'mallory' ? [] : [GROUP] });

describe.runIf(canBecome(unixUser('ada')))('two users of one machine', () => {
  let root: string;
  let app: string;
  let environment: (user: User) => Record<string, string>;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'promptos-users-'));
    app = join(root, 'work', 'app');
    const temporal = join(root, 'temporal');
    await copyFile((await findServerBinary({ env: process.env })).path, temporal);
    await chmod(temporal, 0o755);
    await chmod(root, 0o755);
    for (const [name, uid] of Object.entries(USERS)) {
      await mkdir(join(root, name), { mode: 0o700 });
      await chown(join(root, name), uid, uid);
    }
    await mkdir(join(root, 'work'));
    await chown(join(root, 'work'), USERS.ada, GROUP);
    environment = (user) => ({ PATH: process.env.PATH ?? '', HOME: join(root, user), TEMPORAL_CLI_PATH: temporal });
  });
  afterAll(async () => {
    as('ada', 'server', 'stop');
    await rm(root, { recursive: true, force: true });
  });

  const command = (user: User, args: readonly string[]) => {
    const [program, ...become] = becoming(unixUser(user));
    return [program, [...become, PROMPTOS, ...args], { cwd: app, env: environment(user) }] as const;
  };
  const as = (user: User, ...args: readonly string[]) => {
    const [program, given, options] = command(user, args);
    return spawnSync(program, given, { ...options, encoding: 'utf8', timeout: 60_000 });
  };

  test('a run of one is decided by the other once the state is shared, with a key that is not', async () => {
    const [starter, given, options] = command('ada', ['demo', '--directory', 'app', '--decide-as', 'grace']);
    const demo = spawnSync(starter, given, { ...options, cwd: join(root, 'work'), encoding: 'utf8', timeout: 120_000 });
    expect(demo).toMatchObject({ status: 0 });

    const owner = `belongs to user ${USERS.ada}, who does not share it with you`;
    for (const asked of [
      ['run', 'list'],
      ['approve', 'latest', '--as', 'grace', '--yes'],
      ['server', 'status'],
      ['server', 'stop'],
    ]) {
      const refused = as('grace', ...asked);
      expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining('error STATE_NOT_SHARED: ') });
      expect(refused.stderr).toContain(owner);
    }
    expect(as('grace', 'init', '--share-with', String(GROUP))).toMatchObject({ status: 3 });
    expect(as('ada', 'init', '--share-with', 'no-such-group')).toMatchObject({ status: 2 });
    expect(as('ada', 'init', '--share-with', String(GROUP))).toMatchObject({ status: 0 });
    expect((await stat(join(app, '.promptos/keys'))).mode & 0o077).toBe(0);
    expect(as('mallory', 'run', 'list').stderr).toContain('error STATE_NOT_SHARED: ');
    expect(as('grace', 'run', 'list').stdout).toContain('approved');

    // Git reads no repository of another user unless that user says so, and then it can still not write there.
    const branch = ['apply', 'latest', '--branch', 'fix', '--as', 'grace'];
    const ofAnother = as('grace', ...branch);
    for (const refused of [ofAnother, as('grace', 'hooks', 'install')])
      expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining('error REPO_OF_ANOTHER_USER: ') });
    const [, trust = ''] = /have git trust this one: (git config .+)/.exec(ofAnother.stderr) ?? [];
    const [program, ...become] = becoming(unixUser('grace'));
    spawnSync(program, [...become, 'sh', '-c', trust], { cwd: app, env: environment('grace') });
    const unwritable = as('grace', ...branch);
    expect(unwritable).toMatchObject({ status: 3, stderr: expect.stringContaining('error GIT_FAILED: ') });
    expect(unwritable.stderr).toContain('insufficient permission');

    const key = join(root, 'grace', 'grace.pem');
    await copyFile(join(app, '.promptos/keys/grace.pem'), key);
    await chown(key, USERS.grace, USERS.grace);
    await chmod(key, 0o600);
    const started = ['dev', '--request', '.promptos/request.yaml', '--developer', 'ada', '--target-repo', '.'];
    const dev = spawn(...command('ada', [...started, '--notes', 'Once more.']));
    const ended = once(dev, 'exit');
    let shown = '';
    dev.stdout.on('data', (chunk: Buffer) => {
      shown += chunk;
    });
    const run = await eventually(async () => /promptos approve (\S+)/.exec(shown)?.[1] ?? null, 'a request');
    const approval = as('grace', 'approve', run, '--gate', 'P00', '--as', 'grace', '--key', key);
    expect(approval).toMatchObject({ status: 0, stdout: expect.stringContaining('counted') });
    await eventually(async () => (shown.includes('P01 Scope Declaration    awaiting') ? true : null), 'the next gate');
    dev.kill('SIGKILL');
    await ended;
  });
});
