import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { execa } from 'execa';

/** The oldest Temporal CLI that takes the settings of `settings.ts`: tried with 1.5.1 (server 1.29.1). */
export const OLDEST_CLI = '1.5.1';

/** Whether version `a` is `b` or newer; both are MAJOR.MINOR.PATCH. */
export function isAtLeast(a: string, b: string): boolean {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number));
  const difference = [0, 1, 2].map((i) => (left?.[i] ?? 0) - (right?.[i] ?? 0)).find((d) => d !== 0);
  return (difference ?? 0) >= 0;
}

/** Whether the path is a file that this process may execute. */
export async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** The version that a Temporal CLI says it has, or the reason why it cannot be used. */
export async function readCliVersion(
  path: string,
): Promise<{ readonly version: string } | { readonly problem: string }> {
  if (!(await isExecutable(path))) return { problem: 'it is not an executable file' };
  const result = await execa(path, ['--version'], { reject: false, stdin: 'ignore', timeout: 20_000 });
  const version = /^temporal version (\d+\.\d+\.\d+)/m.exec(result.stdout ?? '')?.[1];
  if (version === undefined) return { problem: 'it did not answer --version as a Temporal CLI does' };
  if (!isAtLeast(version, OLDEST_CLI))
    return { problem: `expected version ${OLDEST_CLI} or newer, received ${version}` };
  return { version };
}
