import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** A folder in a user's home, or a checkout on a build machine: it means nothing on another machine. */
const MACHINE_PATH = /(?<![\w.~*-])(?:\/(?:home|Users)\/[a-z][\w-]*\/\w|[A-Z]:\\Users\\\w)/;

/**
 * The URL of a host that packages come from; which one it is belongs to the machine's own configuration. Bare names of the
 * public ones are what `init` lets a set-up reach.
 */
const REGISTRY_HOST =
  /:\/\/(?:npm\.pkg\.github\.com|files\.pythonhosted\.org|[\w.-]*(?:registry|artifactory|nexus|verdaccio)[\w.-]*\.[a-z])/i;

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
        ...(REGISTRY_HOST.test(line) ? [`${path}:${index + 1}: a package registry's host`] : []),
      ]),
  );
}
