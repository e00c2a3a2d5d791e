import { existsSync, statSync } from 'node:fs';
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

/** The files of certificates that an environment names. It must be the worker config's, since what is named is shown. */
export const certificateFiles = (env: Environment): readonly string[] =>
  CERTIFICATES.flatMap((name) => {
    const file = env[name] ?? '';
    return isAbsolute(file) && existsSync(file) && statSync(file).isFile() ? [file] : [];
  });

/** Variables that do not name what a program needs: a program in a sandbox has folders of its own there. */
const OWN_FOLDERS = ['HOME', 'PWD', 'TMPDIR'];

/**
 * The files and folders that variables name which the worker config sets.
 * @param names the variables that are set
 */
export const pathsSet = (env: Environment, names: readonly string[]): readonly string[] =>
  names.flatMap((name) => {
    const path = env[name] ?? '';
    return isAbsolute(path) && !OWN_FOLDERS.includes(name) && existsSync(path) ? [path] : [];
  });

const absoluteEntries = (path: string): string =>
  path
    .split(delimiter)
    .filter((entry) => isAbsolute(entry))
    .join(delimiter);
