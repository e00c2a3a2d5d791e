import { existsSync } from 'node:fs';
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

/** By these programs find certificates of a company's own authority, which its proxy needs. */
const CERTIFICATES = [
  ...['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE', 'GIT_SSL_CAINFO'],
  ...['PIP_CERT', 'CARGO_HTTP_CAINFO', 'AWS_CA_BUNDLE'],
];

/** Variables that do not name what a program needs: a program in a sandbox has folders of its own there. */
const OWN_FOLDERS = ['HOME', 'PWD', 'TMPDIR'];

/**
 * The files and folders that an environment names in the variables which the worker config sets, and certificates in any.
 * @param env made from the worker config alone, since what is named is shown
 * @param set names of the variables that the worker config sets
 */
export const pathsNamed = (env: Environment, set: readonly string[]): readonly string[] => [
  ...new Set(
    [...CERTIFICATES, ...set].flatMap((name) => {
      const path = env[name] ?? '';
      return isAbsolute(path) && !OWN_FOLDERS.includes(name) && existsSync(path) ? [path] : [];
    }),
  ),
];

const absoluteEntries = (path: string): string =>
  path
    .split(delimiter)
    .filter((entry) => isAbsolute(entry))
    .join(delimiter);
