import { execFileSync, spawn } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import process from 'node:process';

/** Files of one folder. */
const FOLDER = 100;
/** Half of the bytes are as source code is, the other half cannot be compressed. */
const LINE = '  const total = items.reduce((sum, item) => sum + item.price * item.amount, 0); // as source code is\n';

const variables = { PATH: process.env.PATH ?? '', HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1' };

export const git = (cwd: string, ...args: readonly string[]): string =>
  execFileSync('git', args, { cwd, env: variables, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();

function content(index: number, bytes: number): Buffer {
  if (index % 2 === 0) return randomFillSync(Buffer.alloc(bytes));
  return Buffer.from(`// ${index}\n`.padEnd(bytes, LINE)).subarray(0, bytes);
}

/** Makes a repository with one commit, checked out, as a person has it. @returns the commit */
export async function makeBigRepository(path: string, files: number, bytes: number): Promise<string> {
  await mkdir(path, { recursive: true });
  git(path, 'init', '--quiet', '--initial-branch=main', '--template=');
  const importer = spawn('git', ['fast-import', '--quiet'], {
    cwd: path,
    env: variables,
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  const write = async (chunk: string | Buffer): Promise<void> => {
    if (!importer.stdin.write(chunk)) await once(importer.stdin, 'drain');
  };
  await write('commit refs/heads/main\ncommitter Ada <ada@example.org> 0 +0000\ndata 5\nfirst\n');
  const size = Math.max(1, Math.floor(bytes / files));
  for (let index = 0; index < files; index += 1) {
    const folder = Math.floor(index / FOLDER);
    await write(`M 100644 inline part-${folder % 50}/folder-${folder}/file-${index}.ts\ndata ${size}\n`);
    await write(content(index, size));
    await write('\n');
  }
  importer.stdin.end();
  await once(importer, 'exit');
  git(path, 'reset', '--quiet', '--hard');
  return git(path, 'rev-parse', 'HEAD');
}
