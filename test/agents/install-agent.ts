import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { execa } from 'execa';
import type { AgentCase } from './agent-cases.js';

const CACHE = process.env.PROMPTOS_TEST_AGENTS_DIR ?? join(homedir(), '.cache', 'promptos-test-agents');

/** Installs an agent at its pinned version, unless it is there. @returns the folder of its program */
export async function installAgent({
  registry,
  package: name,
  version,
}: Pick<AgentCase, 'registry' | 'package' | 'version'>): Promise<string> {
  const folder = join(CACHE, `${name.replace('/', '+')}@${version}`);
  const bin = registry === 'npm' ? join(folder, 'node_modules', '.bin') : join(folder, 'bin');
  if (existsSync(join(folder, 'installed'))) return bin;
  await mkdir(folder, { recursive: true });
  if (registry === 'npm') {
    await execa('npm', ['install', '--no-audit', '--no-fund', '--prefix', folder, `${name}@${version}`], {
      cwd: folder,
    });
  } else {
    await execa('python3', ['-m', 'venv', folder]);
    await execa(join(bin, 'pip'), ['install', '--quiet', `${name}==${version}`]);
  }
  await mkdir(join(folder, 'installed'));
  return bin;
}
