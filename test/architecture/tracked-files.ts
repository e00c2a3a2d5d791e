import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** A folder in a user's home, or a checkout on a build machine: it means nothing on another machine. */
const MACHINE_PATH = /(?<![\w.~*-])(?:\/(?:home|Users)\/[a-z][\w-]*\/\w|[A-Z]:\\Users\\\w)/;

/** The URL of a host that packages come from; which one it is belongs to the machine's own configuration. */
const REGISTRY_URL =
  /:\/\/(?:npm\.pkg\.github\.com|files\.pythonhosted\.org|[\w.-]*(?:registry|artifactory|nexus|verdaccio)[\w.-]*\.[a-z])/i;

/** The name of such a host without a scheme, as a list of hosts or a setting has it. */
const REGISTRY_NAME = /(?<![\w.-])(?:[\w-]+\.)*(?:registry|artifactory|nexus|verdaccio)(?:\.[\w-]+)+/gi;
/** Those that `init` lets a set-up reach are the same for everybody. */
const PUBLIC_REGISTRIES = ['registry.npmjs.org', 'registry.yarnpkg.com'];

const namesRegistry = (line: string): boolean =>
  REGISTRY_URL.test(line) ||
  [...line.matchAll(REGISTRY_NAME)].some(([name]) => isHost(name) && !PUBLIC_REGISTRIES.includes(name));

/** A name with two dots or more: with one it is a file or a member. */
const isHost = (name: string): boolean => name.split('.').length > 2 && /\.[a-z]{2,}$/i.test(name);

/** The files that git tracks, as text; binary ones are left out. */
export function readTrackedFiles(root: string): ReadonlyMap<string, string> {
  const paths = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' }).split('\0').filter(Boolean);
  const texts = paths.flatMap((path): [string, string][] => {
    try {
      const text = readFileSync(join(root, path), 'utf8');
      return text.includes('\0') ? [] : [[path, text]];
    } catch {
      // Deleted in the working tree and not yet in the index.
      return [];
    }
  });
  return new Map(texts);
}

/** What each file says of the machine that it was written on, as `path:line: what`. */
export function findMachineTraces(files: ReadonlyMap<string, string>, root: string): readonly string[] {
  const places = [root, homedir()].filter((folder) => folder.split('/').length > 2);
  return [...files].flatMap(([path, text]) =>
    text
      .split('\n')
      .flatMap((line, index) => [
        ...(places.some((place) => line.includes(place)) || MACHINE_PATH.test(line)
          ? [`${path}:${index + 1}: a path of one machine`]
          : []),
        ...(namesRegistry(line) ? [`${path}:${index + 1}: a package registry's host`] : []),
      ]),
  );
}
