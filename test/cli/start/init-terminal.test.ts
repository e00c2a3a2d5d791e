import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { makeTestKey } from '../../support/signing.js';
import { KEYS, onTerminal } from '../../support/terminal.js';

async function repository(): Promise<{ top: string; env: NodeJS.ProcessEnv }> {
  const folder = await mkdtemp(join(tmpdir(), 'promptos-init-terminal-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const top = join(folder, 'repository');
  await mkdir(top);
  await execa('git', ['init', '-q', '-b', 'main'], { cwd: top });
  return { top, env: { PATH: process.env.PATH, HOME: folder, PROMPTOS_KEYS_DIR: join(folder, 'own-keys') } };
}

const RSA = 'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7';

test('init: on a real terminal, a pasted .keys text and the offer of a weaker key', async () => {
  const { line } = makeTestKey();
  const args = ['init', '--developer', 'ada', '--integrator', 'grace', '--no-passphrase'];
  const pasted = await repository();
  const given = await onTerminal(args, {
    cwd: pasted.top,
    env: pasted.env,
    typed: [
      [/The public key of grace/, `${RSA}\r${line}`],
      [/ssh-ed25519 AAAAC3/, `${KEYS.enter}${KEYS.enter}`],
    ],
  });
  expect(given.screen).toContain('the public key that was given');
  expect(given.exitCode).toBe(0);
  expect(await readFile(join(pasted.top, '.promptos', 'policy.yaml'), 'utf8')).toContain(`${line} grace`);
  const none = await repository();
  const refused = await onTerminal(args, {
    cwd: none.top,
    env: none.env,
    typed: [
      [/The public key of grace/, `${KEYS.enter}${KEYS.enter}`],
      [/Make a key for grace here all the same\?/, KEYS.enter],
    ],
  });
  expect(refused.screen).toContain('is weaker');
  expect(refused.exitCode).toBe(2);
  expect(await readdir(none.top)).toEqual(['.git']);
});
