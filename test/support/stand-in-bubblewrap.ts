import { mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

const NO_NAMESPACES = 'bwrap: No permissions to create new namespace';
const SCRIPTS = {
  works: 'echo "bubblewrap 0.8.0"',
  broken: `if [ "$1" = --version ]; then echo "bubblewrap 0.8.0"; else echo "${NO_NAMESPACES}" >&2; exit 1; fi`,
} as const;

/**
 * A PATH on which a program stands in for bubblewrap, so that a test of what is said of a sandbox has the same result on
 * every Linux machine. It starts nothing.
 * @param able `works`: it says that it can make namespaces; `broken`: it says that it cannot
 * @param folder where the program is written
 */
export async function pathWithBubblewrap(able: keyof typeof SCRIPTS, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'bwrap'), `#!/bin/sh\n${SCRIPTS[able]}\n`, { mode: 0o755 });
  return [folder, process.env.PATH].join(delimiter);
}
