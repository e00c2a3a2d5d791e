import {
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { isProgram } from '../platform/find-program.js';
import { type OpenedNetwork, type Program, ProgramNotStarted } from '../platform/program-starter.js';
import type { Confined } from './confine.js';
import { followed, isWithin, type Mount } from './mounts.js';

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
interface ShownFiles {
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

/**
 * The absolute path of a program. It is looked for before the sandbox starts, so that a program that is missing can be distinguished from
 * one that failed.
 * @throws ProgramNotStarted with the code that the system would give
 */
function requireProgram({ argv: [named = ''], env, cwd, reach }: Program): string {
  const program = named.includes('/') ? resolve(cwd, named) : named;
  const places = program.includes('/') ? [program] : (env.PATH ?? '').split(delimiter).map((one) => join(one, program));
  const under = reach?.laidUnder?.files;
  for (const place of places.filter(isAbsolute)) {
    if (isProgram(place)) return place;
    if (under !== undefined && isWithin(place, cwd) && isProgram(seenInside(place, cwd, under))) return place;
  }
  throw new ProgramNotStarted(places.some(exists) ? 'EACCES' : 'ENOENT');
}

/** As many as the kernel follows. */
const MAX_LINKS = 40;

/**
 * The file outside that a path inside leads to. Links lead from what is laid under to the checkout and back, as those of a
 * workspace's packages do, so each part of the path is looked up in both.
 * @param cwd where the files are laid under; without a link in its path
 */
function seenInside(path: string, cwd: string, under: string): string {
  const outside = (place: string): string =>
    isWithin(place, cwd) && !isThere(place) ? join(under, relative(cwd, place)) : place;
  let rest = relative(cwd, path).split('/');
  let at = cwd;
  for (let links = 0; rest.length > 0; ) {
    const [name = '', ...more] = rest;
    const next = join(at, name);
    const target = linkAt(outside(next));
    if (target === null) [at, rest] = [next, more];
    else if (++links > MAX_LINKS) break;
    else [at, rest] = [isAbsolute(target) ? '/' : at, [...target.split('/'), ...more]];
  }
  return outside(at);
}

function linkAt(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}

function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

/** Also for a folder that may not be entered. */
function exists(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EACCES';
  }
}

/** What shows that a folder is the installation of a toolchain, or of several versions, whose programs need the rest of it. */
const TOOLCHAIN_PARTS = [
  ...['lib/node_modules', 'lib/rustlib', 'lib/modules', 'pkg/tool', 'pyvenv.cfg', 'conda-meta'],
  ...['shims', 'tools/image'],
];
const PROGRAM_FOLDERS = ['bin', 'shims'];
const PYTHON_FOLDER = /^python3\.\d+$/;
const MODULES = '/node_modules/';
/** Where a folder is the machine's, or every program's, and not one program's own. */
const OF_THE_MACHINE = ['/dev', '/proc', '/run', '/sys', '/var/run'];
const OF_EVERYONE = ['/tmp', '/var/tmp'];
const SHEBANG = /^#!\s*(\/\S+)/;
const SHEBANG_BYTES = 256;

interface VisibleFilesOptions {
  /** Absolute: the home folder of the worker's user, which is never shown as a whole. */
  readonly home: string;
  /** Absolute: nothing in them is shown. */
  readonly secret: readonly string[];
  /** Absolute: they are not shown as a whole. */
  readonly repositories: readonly string[];
  /** Whether every program sees a path anyway. */
  readonly isShown: (path: string) => boolean;
}

/** Finds what must be shown for a program to run that is not part of the system. */
export interface VisibleFiles {
  /** The toolchains that the entries of a PATH belong to. */
  forPath(path: string): readonly Mount[];
  /**
   * A file with what it needs: the links that lead to it, its toolchain or its packages. A folder as a whole where it is a
   * program's own; nothing of one that holds a home folder, a repository or what is secret, or belongs to the machine.
   */
  forFile(path: string): readonly Mount[];
  /** The same for a program, and for the interpreter that its first line names. */
  forProgram(path: string): readonly Mount[];
}

export function createVisibleFiles(options: VisibleFilesOptions): VisibleFiles {
  const { home, secret, repositories, isShown } = options;
  const hidden = secret.map(followed);
  const personal = [home, join(home, '.local'), ...secret, ...repositories].map(followed);
  /** A link is where its folder is, not where it leads. */
  const isSecret = (path: string): boolean => {
    const place = join(followed(dirname(path)), basename(path));
    return hidden.some((folder) => isWithin(place, folder));
  };
  /** A folder that holds one of these is more than an installation. */
  const mayShow = (folder: string): boolean => {
    const real = followed(folder);
    return real !== '/' && !isSecret(real) && !personal.some((path) => isWithin(path, real));
  };

  const isOwnFolder = (folder: string): boolean => {
    const real = followed(folder);
    const ofOthers =
      dirname(real) === '/' ||
      OF_THE_MACHINE.some((place) => isWithin(real, followed(place))) ||
      [tmpdir(), ...OF_EVERYONE].some((place) => isWithin(followed(place), real));
    return !ofOthers && mayShow(real);
  };

  const toolchain = (prefix: string): readonly Mount[] => {
    if (!mayShow(prefix) || !isToolchain(prefix)) return [];
    const base = baseOfVenv(prefix);
    const needed = base === null || isShown(base) || base === prefix ? [] : toolchain(base);
    return [{ kind: 'readable', path: prefix }, ...needed];
  };

  const withNeeds = (file: string): readonly Mount[] => {
    const found = toolchain(dirname(dirname(file)));
    if (found.length > 0) return found;
    const modules = file.indexOf(MODULES);
    const packages = modules === -1 ? '' : file.slice(0, modules + MODULES.length - 1);
    return [{ kind: 'readable', path: packages !== '' && mayShow(packages) ? packages : file }];
  };

  const folderOfPrograms = (folder: string): readonly Mount[] => {
    const real = followed(folder);
    if (isShown(real)) return [{ kind: 'link', path: folder, target: real }];
    return PROGRAM_FOLDERS.includes(basename(folder)) ? toolchain(dirname(folder)) : [];
  };

  const forFile = (path: string): readonly Mount[] => {
    const mounts: Mount[] = [];
    let at = path;
    for (let hops = 0; hops < MAX_LINKS && !isSecret(at); hops++) {
      const shown = isShown(at);
      const found = lstatSync(at, { throwIfNoEntry: false });
      if (found?.isDirectory() && !isOwnFolder(at)) return mounts;
      const isLink = found?.isSymbolicLink() === true;
      if (!isLink) return shown ? mounts : [...mounts, ...withNeeds(at)];
      const needs = shown ? [] : toolchain(dirname(dirname(at)));
      const [folder, written] = [dirname(at), readlinkSync(at)];
      // A relative target starts where the folder really is, and folders inside are no links.
      const real = needs.length > 0 ? folder : followed(folder);
      const target = real === folder ? written : resolve(real, written);
      if (!shown) mounts.push(...(needs.length > 0 ? needs : [{ kind: 'link', path: at, target } as const]));
      at = resolve(real, written);
    }
    return mounts;
  };

  return {
    forFile,
    forPath: (path) =>
      path
        .split(delimiter)
        .filter((entry) => isAbsolute(entry) && !isShown(entry))
        .flatMap((entry) => folderOfPrograms(resolve(entry))),
    forProgram: (path) => {
      const interpreter = SHEBANG.exec(firstBytes(path))?.[1];
      const needed = interpreter === undefined || isShown(interpreter) ? [] : forFile(interpreter);
      return [...forFile(path), ...needed];
    },
  };
}

const isToolchain = (prefix: string): boolean =>
  TOOLCHAIN_PARTS.some((part) => existsSync(join(prefix, part))) ||
  namesIn(join(prefix, 'lib')).some((name) => PYTHON_FOLDER.test(name));

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** The installation that a virtual environment of Python was made from, or null for another folder. */
function baseOfVenv(prefix: string): string | null {
  try {
    const home = /^home\s*=\s*(\/.*)$/m.exec(readFileSync(join(prefix, 'pyvenv.cfg'), 'utf8'))?.[1];
    return home === undefined ? null : dirname(home.trim());
  } catch {
    return null;
  }
}

function firstBytes(path: string): string {
  try {
    const file = openSync(path, 'r');
    try {
      const bytes = Buffer.alloc(SHEBANG_BYTES);
      return bytes.toString('latin1', 0, readSync(file, bytes));
    } finally {
      closeSync(file);
    }
  } catch {
    return '';
  }
}
