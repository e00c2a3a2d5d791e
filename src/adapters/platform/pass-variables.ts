import { delimiter, isAbsolute } from 'node:path';

/** Variables by name, as a process has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The variables of `env` that are named, and no other. Relative entries of PATH are dropped: the command's current
 * folder is a checkout, and its files must not become programs by their names.
 */
export function passVariables(env: Environment, names: readonly string[]): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const name of names) {
    const value = env[name];
    if (value !== undefined) passed[name] = name === 'PATH' ? absoluteEntries(value) : value;
  }
  return passed;
}

const absoluteEntries = (path: string): string =>
  path
    .split(delimiter)
    .filter((entry) => isAbsolute(entry))
    .join(delimiter);
