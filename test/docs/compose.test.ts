import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PROMPTOS } from '../support/built-package.js';
import { canMount, composeWorker } from '../support/compose-worker.js';
import { eventually } from '../support/governed-worker.js';
import { PROJECT_FILES } from '../support/hostile-site.js';
import { installAgent } from '../support/installed-agent.js';
import { pageBlocks } from '../support/page-blocks.js';
import { startTestServer, type TestServer } from '../support/temporal.js';
import { becoming, canBecome } from '../support/unix-users.js';

/*
 * docs/compose.md outside of a container engine: the worker's mounts, secrets, user and variables as docker-compose.yml has
 * them, by the mount table of a process. What `promptos init` wrote is not edited, but for the agents that it asks for.
 */

const AGENT = fileURLToPath(new URL('../fixtures/executors/hostile-agent.mjs', import.meta.url));
const page = await readFile(fileURLToPath(new URL('../../docs/compose.md', import.meta.url)), 'utf8');
const isRoot = process.getuid?.() === 0;
const ADA = isRoot ? 22_001 : (process.getuid?.() ?? 0);
const MALLORY = 22_002;
const canTry = canMount() && (!isRoot || canBecome({ uid: ADA }));

describe.skipIf(!canTry)('docker-compose.yml (skipped where the tests may not mount)', () => {
  let root: string;
  let repository: string;
  let server: TestServer;
  let env: Record<string, string>;

  const asAda = (script: string) => {
    const [program, ...args] = [
      ...(isRoot ? becoming({ uid: ADA }) : ['env']),
      'bash',
      '-eo',
      'pipefail',
      '-c',
      script,
    ];
    return spawnSync(program ?? 'env', args, { cwd: root, env, encoding: 'utf8', timeout: 150_000 });
  };
  const done = (script: string): string => {
    const { status, stdout, stderr } = asAda(script);
    expect({ script, status, stdout, stderr }).toMatchObject({ status: 0 });
    return stdout;
  };
  const worker = (script: string, runAs: number) =>
    composeWorker(script, {
      variables: { REPOSITORY: repository, RUN_AS: `${runAs}:${runAs}` },
      env: { TEMPORAL_ADDRESS: server.address, PATH: env.PATH ?? '' },
    });
  const inWorker = (script: string, runAs = ADA) => {
    const [program, ...args] = worker(script, runAs);
    return spawnSync(program, args, { encoding: 'utf8', timeout: 60_000 });
  };
  const block = (heading: string): string => pageBlocks(page, `## ${heading}`, 'sh')[0] ?? '';

  beforeAll(async () => {
    server = await startTestServer();
    root = await mkdtemp(join(tmpdir(), 'promptos-compose-'));
    repository = join(root, 'code/shop');
    const fenced = (agent: string) =>
      `#!/bin/sh\necho '\`\`\`json'\n'${process.execPath}' '${agent}' "$@"\nprintf '\\n\`\`\`\\n'\n`;
    const bin = await installAgent(root, AGENT, fenced);
    await symlink(PROMPTOS, join(bin, 'promptos'));
    // What a person does in an editor: the marks are taken away, and each role gets arguments of its own.
    const editor = `#!/bin/sh
sed -i -e '/^# executors:/,/^$/ { s/^# //; }' "$1"
for role in writer verifier reviewer; do
  sed -i "/^  $role-agent:\\$/,/argv/ s/argv: .*/argv: [my-agent, --print, $role]/" "$1"
done\n`;
    await writeFile(join(bin, 'editor'), editor, { mode: 0o755 });
    env = {
      PATH: [bin, dirname(process.execPath), process.env.PATH].join(delimiter),
      HOME: root,
      EDITOR: join(bin, 'editor'),
      PROMPTOS_PASSPHRASE_FILE: join(root, 'passphrase'),
    };
    await writeFile(join(root, 'passphrase'), 'six words for a key\n', { mode: 0o600 });
    await writeFile(join(root, '.gitconfig'), '[user]\n\tname = Ada\n\temail = ada@example.org\n');
    const { '.promptos/.gitignore': _, ...files } = PROJECT_FILES;
    const own = { ...files, 'package.json': '{ "name": "shop", "scripts": { "test": "node test.js" } }\n' };
    for (const [path, text] of Object.entries(own)) {
      await mkdir(dirname(join(repository, path)), { recursive: true });
      await writeFile(join(repository, path), text);
    }
    await chmod(root, 0o755);
    if (isRoot) execFileSync('chown', ['-R', `${ADA}:${ADA}`, root]);
    done('cd code/shop && git init --quiet --initial-branch=main && git add . && git commit --quiet -m "A shop"');
  });
  afterAll(async () => {
    await server?.stop();
    await rm(root, { recursive: true, force: true });
  });

  test('the worker carries out a run of what init wrote, and shares its store with the machine', async () => {
    const grace = done('promptos keys generate --for grace --json').trim();
    env.GRACE = (JSON.parse(grace) as { public: string }).public;
    done(block('1. The repository'));

    // A key that the container must not see, and a file that it must not change.
    await writeFile(join(repository, '.promptos/keys/grace.pem'), 'not for workers\n', { mode: 0o600 });
    const seen = inWorker(
      'pwd; ls .promptos/keys; touch .promptos/policy.yaml || echo "no change"; touch README.md || id -u',
    );
    expect(seen.stdout.split('\n')).toEqual([
      '/srv/repository',
      ...['engine.pem', 'reviewer-agent.pem', 'verifier-agent.pem', 'writer-agent.pem'],
      'no change',
      isRoot ? String(ADA) : '0',
      '',
    ]);
    await rm(join(repository, '.promptos/keys/grace.pem'));

    const [program, ...args] = worker('exec "$@"', ADA);
    const running = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const ended = once(running, 'close');
    let log = '';
    for (const stream of [running.stdout, running.stderr])
      stream.on('data', (chunk: Buffer) => {
        log += chunk;
      });
    try {
      await eventually(async () => {
        if (running.exitCode !== null) throw new Error(log);
        return /^ready$/m.test(log) ? true : null;
      }, 'the worker');
      const commands = block('4. A run').replace('127.0.0.1:7233', server.address);
      const dev = done(commands.replace('promptos dev', 'promptos dev --decide-as grace'));
      expect(dev).toContain('APPROVED: every gate passed');
      expect(done('cd code/shop && promptos verify latest --policy .promptos/policy.yaml')).toMatch(
        /^Verified: \d+ checks\.$/m,
      );
    } finally {
      process.kill(-(running.pid ?? 0), 'SIGTERM');
      expect(await ended).toEqual([0, null]);
    }
  });

  test.runIf(isRoot)('a worker of another user cannot use the store, and says so', () => {
    const refused = inWorker('exec "$@"', MALLORY);
    expect(refused).toMatchObject({ status: 3, stderr: expect.stringContaining('error STORE_NOT_WRITABLE: ') });
  });
});
