import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findProgram } from '../../../src/adapters/platform/find-program.js';
import { createLauncher, type Launcher } from '../../../src/adapters/platform/launcher.js';
import { openSandbox, type SandboxOptions } from '../../../src/adapters/sandbox/open-sandbox.js';
import { openWorkerSandbox } from '../../../src/adapters/sandbox/worker-sandbox.js';
import type { SandboxConfig } from '../../../src/contracts/config/sandbox-config.js';
import { workerConfigSchema } from '../../../src/contracts/config/worker-config.js';

let root: string;
let launcher: Launcher;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'promptos-sandbox-'));
  launcher = createLauncher(process.env.PATH);
});
afterEach(async () => {
  await launcher.close();
  await rm(root, { recursive: true, force: true });
});

const CONFIG = workerConfigSchema.shape.sandbox.parse({}) as Exclude<SandboxConfig, 'none'>;

const open = (config: SandboxConfig, more: Partial<SandboxOptions> = {}) =>
  openSandbox(config, { programs: launcher, path: process.env.PATH, ...more });

/** A folder with the sandbox's programs, the named ones replaced by scripts. */
async function pathWith(scripts: Readonly<Record<string, string>>): Promise<string> {
  const bin = join(root, 'bin');
  await mkdir(bin);
  for (const name of ['prlimit', 'setsid', 'bwrap']) {
    const real = findProgram(name, process.env.PATH);
    if (scripts[name] === undefined && real !== null) await symlink(real, join(bin, name));
  }
  for (const [name, text] of Object.entries(scripts)) {
    await writeFile(join(bin, name), text);
    await chmod(join(bin, name), 0o755);
  }
  return bin;
}

describe('openWorkerSandbox', () => {
  const config = (more: object) =>
    workerConfigSchema.parse({ schema_version: 1, trust: { policies: ['p.yaml'] }, ...more });
  const open = (more: object) =>
    openWorkerSandbox({ config: config(more), stateDir: root, env: { PATH: root } }, launcher);

  test('a worker that starts programs of others needs it', async () => {
    for (const more of [{ executors: { nina: { kind: 'command', argv: ['x'] } } }, { checks: { allow: ['*'] } }]) {
      await expect(open(more)).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE' });
      expect(await open({ ...more, sandbox: 'none' })).toMatchObject({ kind: 'none' });
    }
  });

  test('a worker of the engine alone does not', async () => {
    expect(await open({ roles: ['engine'] })).toMatchObject({ kind: 'none' });
  });

  test.runIf(process.platform === 'linux')('state, store, keys and repositories cannot be made readable', async () => {
    const hidden = {
      ...{ store: join(root, 'store'), key: join(root, 'key.pem'), repository: join(root, 'shop') },
      people: join(root, 'people'),
    };
    for (const path of Object.values(hidden)) await mkdir(path);
    for (const path of [...Object.values(hidden), join(root, 'state')]) {
      await mkdir(path, { recursive: true });
      const worker = config({
        checks: { allow: ['*'] },
        store: { kind: 'fs', path: hidden.store },
        signers: { nina: { file: hidden.key } },
        repositories: { shop: { path: hidden.repository } },
        sandbox: { readable: [path] },
      });
      const setting = {
        ...{ config: worker, stateDir: join(root, 'state'), env: { PATH: process.env.PATH } },
        secret: [hidden.people],
      };
      await expect(openWorkerSandbox(setting, launcher)).rejects.toMatchObject({ code: 'WORKER_CONFIG_INVALID' });
    }
  });
});

describe('openSandbox', () => {
  test('none starts programs as they are', async () => {
    const sandbox = await open('none', { path: '' });
    const running = await sandbox.start({ argv: ['true'], env: { PATH: process.env.PATH ?? '' }, cwd: root });
    running.stdout.resume();
    running.stderr.resume();
    expect([sandbox.kind, await running.untilEnded()]).toEqual(['none', { code: 0, signal: null }]);
  });

  test('without bubblewrap on PATH it is refused, with what to install', async () => {
    await expect(open(CONFIG, { path: root, platform: 'linux' })).rejects.toMatchObject({
      code: 'SANDBOX_UNAVAILABLE',
      message: expect.stringMatching(/no program bwrap on PATH.*apt-get install bubblewrap.*sandbox: none/),
    });
  });

  test('a bubblewrap that may not make namespaces is refused, with its own words and what to set', async () => {
    const path = await pathWith({
      bwrap: '#!/bin/sh\necho "bwrap: setting up uid map: Permission denied" >&2\nexit 1\n',
    });
    await expect(open(CONFIG, { path, platform: 'linux' })).rejects.toMatchObject({
      code: 'SANDBOX_UNAVAILABLE',
      message: expect.stringMatching(/setting up uid map: Permission denied.*unprivileged_userns.*AppArmor/),
    });
  });

  test('a bubblewrap that is too old is refused, with the version that is needed', async () => {
    const path = await pathWith({ bwrap: '#!/bin/sh\necho "bwrap: Unknown option --disable-userns" >&2\nexit 1\n' });
    await expect(open(CONFIG, { path, platform: 'linux' })).rejects.toMatchObject({
      code: 'SANDBOX_UNAVAILABLE',
      message: expect.stringMatching(/Unknown option --disable-userns.*bubblewrap 0\.8\.0 or later/),
    });
  });

  test.runIf(process.platform === 'linux')(
    'prlimit and setsid of a folder that is not shown are not used',
    async () => {
      const path = await pathWith({ prlimit: '#!/bin/sh\nexit 1\n', setsid: '#!/bin/sh\nexit 1\n' });
      expect(await open(CONFIG, { path })).toMatchObject({ kind: 'bubblewrap' });
    },
  );

  test.runIf(process.platform === 'linux')('what the kernel shows of the machine cannot be made readable', async () => {
    await symlink('/proc', join(root, 'alias'));
    for (const path of ['/', '/proc', '/sys/kernel', '/dev', join(root, 'alias')]) {
      await expect(open({ ...CONFIG, readable: [path] })).rejects.toMatchObject({
        code: 'WORKER_CONFIG_INVALID',
        message: expect.stringContaining('cannot be shown in a sandbox'),
      });
    }
  });

  test('another operating system has none', async () => {
    await expect(open(CONFIG, { platform: 'win32' })).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE' });
  });

  test('a readable path that is missing, or belongs to what is hidden, is refused', async () => {
    await mkdir(join(root, 'state'));
    await symlink(root, join(root, 'alias'));
    for (const [readable, why] of [
      [join(root, 'missing'), 'does not exist'],
      [join(root), 'is hidden from programs'],
      [join(root, 'alias/state'), 'is hidden from programs'],
    ] as const) {
      await expect(open({ ...CONFIG, readable: [readable] }, { secret: [root] })).rejects.toMatchObject({
        code: 'WORKER_CONFIG_INVALID',
        message: expect.stringContaining(`${readable} ${why}`),
      });
    }
  });

  test('macOS: the program runs under a profile of sandbox-exec, with its arguments and its folder', async () => {
    const path = await pathWith({
      'sandbox-exec': '#!/bin/sh\nshift\nprintf "%s" "$1" > "$HOME/profile"\nshift\nexec "$@"\n',
    });
    const sandbox = await open(CONFIG, { path, platform: 'darwin', secret: [join(root, 'state')] });
    const running = await sandbox.start({
      argv: ['sh', '-c', 'pwd; echo "$1 $TMPDIR"; exit 3', 'sh', 'an argument'],
      env: { PATH: process.env.PATH ?? '', HOME: root, TMPDIR: '/var/folders/of-user' },
      cwd: root,
      reach: { readable: [], writable: ['/scratch'], network: 'none' },
    });
    let printed = '';
    running.stdout.on('data', (chunk) => {
      printed += chunk;
    });
    running.stderr.resume();
    expect([sandbox.kind, await running.untilEnded()]).toEqual(['sandbox-exec', { code: 3, signal: null }]);
    expect(printed).toBe(`${root}\nan argument /scratch\n`);
  });
});
