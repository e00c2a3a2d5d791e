import { existsSync, lstatSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { OpenedNetwork } from '../platform/program-starter.js';
import type { Confined } from './confine.js';
import { followed, isWithin, type Mount } from './mounts.js';
import { requireProgram } from './require-program.js';
import { createVisibleFiles } from './visible-files.js';

export interface ShownFilesOptions {
  /** What every program sees of the system. */
  readonly system: readonly Mount[];
  /** Absolute paths that every program may read besides. */
  readonly readable: readonly string[];
  /** Absolute paths of which no program sees anything, such as state, store and keys. */
  readonly secret: readonly string[];
  /** Absolute paths of the repositories, which no program sees as a whole. */
  readonly repositories: readonly string[];
  /** The home folder of the worker's user, which is never shown as a whole. */
  readonly home: string;
}

/** What one program sees, in the order in which it is shown: a later entry covers an earlier one. */
export interface ShownFiles {
  /** The program's absolute path. */
  readonly executable: string;
  readonly mounts: readonly Mount[];
  readonly writable: readonly string[];
  /** Whether a path is among them. */
  isShown(path: string): boolean;
}

/**
 * Finds what programs see. What does not change from one program to the next is found once.
 * @returns throws ProgramNotStarted for a program that is missing or may not be run
 */
export function createShownFiles(options: ShownFilesOptions) {
  const { system, readable, secret, repositories } = options;
  const common = [...system, ...readable.map((path): Mount => ({ kind: 'readable', path }))];
  const isCommon = (path: string): boolean =>
    common.some((mount) => mount.kind !== 'hidden' && isWithin(path, mount.path));
  const tops = new Map(common.map(({ path }) => [path, followed(path)]));
  const visible = createVisibleFiles({ ...options, isShown: isCommon });
  const hidden = [...secret, ...repositories];
  const ofPath = new Map<string, readonly Mount[]>();
  const forPath = (path: string): readonly Mount[] => {
    const known = ofPath.get(path);
    // A version of a toolchain may have been removed since.
    const mounts = known?.every((mount) => existsSync(mount.path)) ? known : visible.forPath(path);
    ofPath.set(path, mounts);
    return mounts;
  };
  return async (program: Confined, network: OpenedNetwork | null): Promise<ShownFiles> => {
    const { reach, cwd, env } = program;
    const writable = [cwd, ...reach.writable];
    const executable = requireProgram(program);
    const isOwn = writable.some((folder) => isWithin(executable, folder));
    const shown = distinct([
      ...common,
      ...forPath(env.PATH ?? ''),
      ...(isOwn ? [] : visible.forProgram(executable)),
      ...[...reach.readable, ...(network?.readable ?? [])].flatMap(visible.forFile),
    ]);
    const inPlace = hidden.map(followed);
    const mounts: readonly Mount[] = [
      ...shown.filter(({ kind, path }) => kind !== 'hidden' || existsSync(path)),
      ...shown.flatMap((mount) => hiddenWithin(mount, tops.get(mount.path) ?? followed(mount.path), inPlace)),
      ...writable.map((path): Mount => ({ kind: 'writable', path })),
      ...(network === null ? [] : [{ kind: 'readable', path: network.socket } as const]),
    ];
    return {
      executable,
      mounts,
      writable,
      isShown: (path) => mounts.some((mount) => mount.kind !== 'hidden' && isWithin(path, mount.path)),
    };
  };
}

/**
 * Hides what a shown folder holds, whichever links either is named by. Looked up when the program starts: the
 * folder of a store may have been missing when the worker started.
 * @param top the path of the mount, and `hidden` those that are hidden, in which every link is followed
 */
function hiddenWithin({ kind, path }: Mount, top: string, hidden: readonly string[]): readonly Mount[] {
  if (kind !== 'readable') return [];
  return hidden
    .filter((real) => isWithin(real, top) && existsSync(real))
    .map((real) => ({
      kind: 'hidden',
      path: join(path, relative(top, real)),
      folder: lstatSync(real).isDirectory(),
    }));
}

/** Each path once, and nothing that a folder before it shows already. */
function distinct(mounts: readonly Mount[]): readonly Mount[] {
  const made: Mount[] = [];
  for (const mount of mounts) {
    const shown = made.some(
      (before) => before.path === mount.path || (before.kind !== 'hidden' && isWithin(mount.path, before.path)),
    );
    if (mount.kind === 'hidden' || !shown) made.push(mount);
  }
  return made;
}
