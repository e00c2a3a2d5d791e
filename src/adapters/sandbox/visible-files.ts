import { closeSync, existsSync, lstatSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import { followed, isWithin, type Mount } from './mounts.js';

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
/** As many as the kernel follows. */
const MAX_LINKS = 40;
const SHEBANG = /^#!\s*(\/\S+)/;
const SHEBANG_BYTES = 256;

export interface VisibleFilesOptions {
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
