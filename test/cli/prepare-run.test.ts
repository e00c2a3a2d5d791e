import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { promptos } from '../support/command-line.js';

test('dev: an unknown developer, and a policy of another repository, are refused before anything starts', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'promptos-prepare-'));
  try {
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], { cwd: folder });
    git('init', '-q');
    git('commit', '-q', '--allow-empty', '-m', 'first');
    const env = { PATH: process.env.PATH, HOME: folder, PROMPTOS_KEYS_DIR: join(folder, 'keys') };
    const made = await promptos(['init', '--alone', '--no-passphrase', '--developer', 'ada'], { cwd: folder, env });
    expect(made.exitCode).toBe(0);
    const refused = await promptos(['dev', '--developer', 'bob', '--notes', 'x'], { cwd: folder, env });
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/^error DEVELOPER_UNKNOWN: /m) });
    expect(existsSync(join(folder, '.promptos/state/server.json'))).toBe(false);
    const known = await promptos(['dev', '--developer', 'ada', '--notes', 'x'], { cwd: folder, env });
    expect(known.stderr).toMatch(/^error REQUEST_INCOMPLETE: /m);
    const policy = join(folder, '.promptos/policy.yaml');
    const text = await readFile(policy, 'utf8');
    const name = /^repositories: \[(.*)\]$/m.exec(text)?.[1];
    expect(text).toContain(`\nname: ${name}\n`);
    const other = text.replace(/^repositories: .*$/m, 'repositories: [billing]');
    await writeFile(policy, other);
    const foreign = await promptos(['dev', '--developer', 'ada', '--notes', 'x'], { cwd: folder, env });
    expect(foreign).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/^error POLICY_NOT_FOR_REPOSITORY: /m),
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
