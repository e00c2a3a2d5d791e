import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createKeptFolders, KEPT_LIMITS } from '../../../../src/adapters/platform/kept-folders.js';
import { createLauncher } from '../../../../src/adapters/platform/launcher.js';
import { removeFolder } from '../../../../src/adapters/platform/leftovers.js';
import type { Sandbox } from '../../../../src/adapters/platform/program-starter.js';
import { runProgram } from '../../../../src/adapters/platform/run-program.js';
import { openSandbox } from '../../../../src/adapters/sandbox/open-sandbox.js';
import { DEFAULT_SANDBOX } from '../../../../src/contracts/config/sandbox-config.js';
import type { Checkout, CheckoutSetup, Workspace } from '../../../../src/ports/workspace.js';
import { git, makeRepository, makeRoom, makeWorkspace, writeFiles } from '../../git-fixtures.js';

const FILES = { 'src/a.txt': 'one\n', 'lock.json': 'v1\n', 'tools/own.sh': '#!/bin/sh\necho own\n' };
const INSTALLED = {
  'node_modules/dep/index.js': 'dep\n',
  'node_modules/dep/lib/one.js': 'one\n',
  'src/generated.txt': 'g\n',
  'tools/made.txt': 'made\n',
};
/** The user inside is the worker's, whichever that is. */
const PATH = '/usr/local/bin:/usr/bin:/bin';

let room: Awaited<ReturnType<typeof makeRoom>>;
let commit: string;
let workspace: Workspace;
let stateDir: string;
let temporaryDir: string;
let sandbox: Sandbox;
beforeEach(async () => {
  room = await makeRoom();
  const made = await makeRepository(join(room.root, 'shop'), FILES);
  commit = made.commit;
  ({ workspace, stateDir, temporaryDir } = await makeWorkspace(room.root, { path: made.path }));
  const launcher = createLauncher(process.env.PATH);
  onTestFinished(() => launcher.close());
  const laidUnder = { kept: stateDir, checkouts: temporaryDir };
  const secret = [stateDir];
  sandbox = await openSandbox(DEFAULT_SANDBOX, { programs: launcher, path: process.env.PATH, secret, laidUnder });
});
// A normal user may not look into the folders that the kernel makes for a mount.
afterEach(() => removeFolder(room.root));

const SETUP: CheckoutSetup = {
  key: 'npm ci',
  isKeyFile: (path) => path === 'lock.json',
  make: async (directory) => {
    await writeFiles(directory, INSTALLED);
    await writeFile(join(directory, 'node_modules/tool'), '#!/bin/sh\necho from the set-up\n', { mode: 0o755 });
  },
};
const checkout = (patch?: Uint8Array): Promise<Checkout> =>
  workspace.checkout({
    ...{ repository: 'shop', commit, setup: SETUP, showsLaidUnder: true },
    ...(patch === undefined ? {} : { patch }),
  });

/** Runs a program in the box of a checkout. */
async function run({ directory, laidUnder }: Checkout, argv: readonly string[]): Promise<string> {
  const result = await runProgram(sandbox, {
    argv,
    env: { PATH: `${directory}/node_modules:${PATH}` },
    cwd: directory,
    reach: { readable: [], writable: [], network: 'none', laidUnder },
    timeout_ms: 60_000,
    max_output_bytes: 100_000,
    max_stderr_bytes: 100_000,
    signal: new AbortController().signal,
  });
  if (result.kind !== 'ended') throw new Error(result.code);
  return new TextDecoder().decode(result.stdout) + new TextDecoder().decode(result.stderr);
}
const sh = (given: Checkout, script: string): Promise<string> => run(given, ['/bin/sh', '-c', script]);
const keptFolder = async (): Promise<string> => {
  const [key = ''] = (await readdir(join(stateDir, 'setups'))).filter((name) => /^[0-9a-f]{64}$/.test(name));
  return join(stateDir, 'setups', key);
};

describe('a set-up that the sandbox shows under a checkout', () => {
  test('is seen by programs beside the files of the commit, and is not in the checkout itself', async () => {
    expect(sandbox.laysUnder).toEqual({ ok: true });
    const given = await checkout();
    expect(given.laidUnder?.files).toBe(join(await keptFolder(), 'files'));
    expect(existsSync(join(given.directory, 'node_modules'))).toBe(false);
    const seen = await sh(given, 'cat node_modules/dep/index.js src/a.txt src/generated.txt tools/made.txt lock.json');
    expect(seen).toBe('dep\none\ng\nmade\nv1\n');
    expect(await sh(given, 'sh tools/own.sh; id -u')).toBe(`own\n${process.getuid?.()}\n`);
  });

  test('has programs that are started by path and by PATH', async () => {
    const given = await checkout();
    expect(await run(given, ['./node_modules/tool'])).toBe('from the set-up\n');
    expect(await run(given, ['tool'])).toBe('from the set-up\n');
    await expect(run(given, ['./node_modules/none'])).rejects.toThrow('ENOENT');
  });

  test('has programs that its links and those of the checkout lead to, from the one to the other', async () => {
    const shop = join(room.root, 'shop');
    await chmod(join(shop, 'tools/own.sh'), 0o755);
    await symlink('node_modules/.bin', join(shop, 'bin'));
    git(shop, 'add', '-A');
    git(shop, 'commit', '-q', '-m', 'links');
    const make: CheckoutSetup['make'] = async (directory) => {
      await mkdir(join(directory, 'node_modules/.bin'), { recursive: true });
      await symlink('../tools', join(directory, 'node_modules/own'));
      await symlink('../own/own.sh', join(directory, 'node_modules/.bin/own'));
      await symlink('/bin/echo', join(directory, 'node_modules/.bin/say'));
      await symlink('loop', join(directory, 'node_modules/.bin/loop'));
    };
    const setup = { ...SETUP, make };
    const order = { repository: 'shop', commit: git(shop, 'rev-parse', 'HEAD'), setup, showsLaidUnder: true };
    const given = await workspace.checkout(order);
    for (const path of ['node_modules/own/own.sh', 'node_modules/.bin/own', 'bin/own'])
      expect(await run(given, [path])).toBe('own\n');
    expect(await run(given, ['bin/say', 'it'])).toBe('it\n');
    for (const path of ['bin/none', 'bin/loop']) await expect(run(given, [path])).rejects.toThrow('ENOENT');
    await given.discard();
  });

  test('is written in no other box and not where it is kept, whatever a program does to it', async () => {
    const [hostile, other] = [await checkout(), await checkout()];
    const said = await sh(
      hostile,
      [
        'echo evil >node_modules/dep/index.js',
        'rm -r node_modules/dep/lib && mkdir node_modules/dep/lib && echo evil >node_modules/dep/lib/two.js',
        'echo evil >node_modules/evil.js && ln node_modules/tool linked && echo evil >>linked && chmod 0 tools/made.txt',
        'mv src/generated.txt src/moved.txt && cat node_modules/dep/index.js && ls node_modules/dep/lib src',
      ].join(' && '),
    );
    expect(said).toBe('evil\nnode_modules/dep/lib:\ntwo.js\n\nsrc:\na.txt\nmoved.txt\n');
    for (const given of [other, await checkout()]) {
      expect(await sh(given, 'cat node_modules/dep/index.js tools/made.txt src/generated.txt; ls node_modules/*')).toBe(
        'dep\nmade\ng\nnode_modules/tool\n\nnode_modules/dep:\nindex.js\nlib\n',
      );
    }
    const kept = join(await keptFolder(), 'files');
    for (const [path, content] of Object.entries(INSTALLED))
      expect(readFileSync(join(kept, path), 'utf8')).toBe(content);
    expect(readFileSync(join(kept, 'node_modules/tool'), 'utf8')).not.toContain('evil');
    await hostile.reset();
    expect(await sh(hostile, 'cat node_modules/dep/index.js; ls node_modules/dep/lib; ls linked')).toMatch(
      /^dep\none\.js\nls: .*linked/,
    );
  });

  test('does not show where it is kept, nor anything else that is hidden', async () => {
    const given = await checkout();
    const said = await sh(given, 'cat /proc/self/mountinfo /proc/mounts; ls -l /proc/self/fd; ls /proc/self/fd/7');
    expect(said).not.toContain(stateDir);
    expect(said).toMatch(/ls: .*\/proc\/self\/fd\/7/);
    expect(await sh(given, `ls ${stateDir} ${given.laidUnder?.work}; unshare -Ur true`)).toMatch(
      /No such file[\s\S]*No such file[\s\S]*unshare: /,
    );
  });

  test('is no part of the patch; a file in it that the plan names and a program wrote is', async () => {
    const given = await checkout();
    const before = await given.watch();
    await sh(
      given,
      'echo mine >src/generated.txt; echo x >node_modules/dep/x; rm -r node_modules/dep/lib; echo b >src/b.txt',
    );
    expect(await before.changes()).toEqual([]);
    expect((await given.diff()).files.map(({ path }) => path)).toEqual(['src/b.txt']);
    const named = await given.diff(['src/generated.txt', 'node_modules/tool', 'node_modules/none.js']);
    expect(named.files.map(({ path }) => path)).toEqual(['src/b.txt', 'src/generated.txt']);
  });

  test('gives way to the files of a patch', async () => {
    const writers = await workspace.checkout({ repository: 'shop', commit });
    await writeFiles(writers.directory, { 'src/generated.txt': 'tracked\n', 'node_modules/dep/index.js/x': 'x\n' });
    const { bytes } = await writers.diff();
    const given = await checkout(bytes);
    expect(await sh(given, 'cat src/generated.txt node_modules/dep/index.js/x node_modules/dep/lib/one.js')).toBe(
      'tracked\nx\none\n',
    );
    await sh(given, 'echo changed >src/generated.txt');
    expect((await given.diff()).files).toMatchObject([{ path: 'src/generated.txt', status: 'modified' }]);
  });

  test('is copied where whoever works in the checkout is shown nothing', async () => {
    const given = await workspace.checkout({ repository: 'shop', commit, setup: SETUP });
    expect(given.laidUnder).toBeUndefined();
    expect(await readFile(join(given.directory, 'node_modules/dep/index.js'), 'utf8')).toBe('dep\n');
  });

  test('stays while it is in use, although another process makes room, and goes afterwards', async () => {
    const given = await checkout();
    const folder = await keptFolder();
    await utimes(folder, new Date(0), new Date(0));
    const source = join(room.root, 'source');
    await mkdir(source);
    const others = createKeptFolders(join(stateDir, 'setups'), KEPT_LIMITS);
    await others.keep('other', source);
    expect(await sh(given, 'cat node_modules/dep/index.js')).toBe('dep\n');
    await given.discard();
    await writeFile(join(source, 'more'), 'x');
    await utimes(folder, new Date(0), new Date(0));
    await others.keep('other', source);
    expect(existsSync(folder)).toBe(false);
  });

  const WRITTEN = { 'a file': 'files/node_modules/dep/index.js', 'a new file': 'files/node_modules/dep/more.js' };
  test.each(Object.entries(WRITTEN))(
    'is not copied when another program wrote %s, and is made again',
    async (_, path) => {
      const take = () => workspace.checkout({ repository: 'shop', commit, setup: SETUP });
      const used = await checkout();
      await used.requireUnwritten();
      await writeFile(join(await keptFolder(), path), 'evil\n');
      await used.discard();
      if (path.endsWith('index.js')) await expect(take()).rejects.toMatchObject({ code: 'GIT_FAILED' });
      const given = await take();
      expect(await readFile(join(given.directory, 'node_modules/dep/index.js'), 'utf8')).toBe('dep\n');
      expect(existsSync(join(given.directory, 'node_modules/dep/more.js'))).toBe(false);
    },
  );

  type Use = (given: Checkout) => Promise<unknown>;
  const USES: Readonly<Record<string, Use>> = {
    'the difference': (given) => given.diff(),
    'what was watched': async (given) => (await given.watch()).changes(),
    'a reset': (given) => given.reset(),
    'what was made in it': (given) => given.requireUnwritten(),
  };
  const WRITES: Readonly<Record<string, (kept: string) => Promise<unknown>>> = {
    'wrote a file': (kept) => writeFile(join(kept, 'node_modules/dep/index.js'), 'evil\n'),
    'added a file': (kept) => writeFile(join(kept, 'node_modules/dep/evil.js'), 'evil\n'),
    'added a folder': (kept) => mkdir(join(kept, 'node_modules/evil')),
    'removed a file': (kept) => rm(join(kept, 'tools/made.txt')),
    'made a file executable': (kept) => chmod(join(kept, 'tools/made.txt'), 0o755),
  };
  const [FIRST_USE = ''] = Object.keys(USES);
  const [FIRST_WRITE = ''] = Object.keys(WRITES);
  test.each([
    ...Object.keys(USES).map((use) => [use, FIRST_WRITE] as const),
    ...Object.keys(WRITES)
      .slice(1)
      .map((write) => [FIRST_USE, write] as const),
  ])('%s does not count where another program %s before; the next checkout has it made again', async (use, write) => {
    const before = await checkout();
    // Else the look that began with it may find the write first, and have the result made again at once.
    await before.requireUnwritten();
    await before.discard();
    await WRITES[write]?.(join(await keptFolder(), 'files'));
    const given = await checkout();
    await expect(USES[use]?.(given)).rejects.toMatchObject({ code: 'GIT_FAILED' });
    await given.discard();
    const next = await checkout();
    expect(await sh(next, 'cat node_modules/dep/index.js tools/made.txt; ls node_modules')).toBe(
      'dep\nmade\ndep\ntool\n',
    );
    await next.requireUnwritten();
    await next.discard();
  });

  test('leaves nothing beside the checkouts when it is given back', async () => {
    const given = await checkout();
    await sh(given, 'echo x >node_modules/x');
    await given.discard();
    await expect.poll(() => readdir(temporaryDir), { timeout: 5_000 }).toEqual([]);
    await rm(stateDir, { recursive: true });
  });
});
