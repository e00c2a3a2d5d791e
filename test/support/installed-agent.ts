import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Puts `my-agent` into `bin` of a folder as a package manager does: a link to a program of a package, which has what it needs
 * beside it.
 * @param source the agent, a script of node
 * @param wrapper the text of the program, given the path of the agent
 * @returns the folder for PATH
 */
export async function installAgent(
  root: string,
  source: string,
  wrapper = (agent: string) => `#!/bin/sh\nexec '${process.execPath}' '${agent}' "$@"\n`,
): Promise<string> {
  const [bin, folder] = [join(root, 'bin'), join(root, 'lib/node_modules/my-agent')];
  await mkdir(bin, { recursive: true });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'agent.mjs'), await readFile(source));
  await writeFile(join(folder, 'cli'), wrapper(join(folder, 'agent.mjs')), { mode: 0o755 });
  await symlink('../lib/node_modules/my-agent/cli', join(bin, 'my-agent'));
  return bin;
}
