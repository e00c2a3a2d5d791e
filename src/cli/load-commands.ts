import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';
import { crc32 } from 'node:zlib';
import { cacheFolder } from '../config/user-folders.js';
import type { runProcess } from './main.js';

/*
 * Loads the bundle that `npm run build` makes of the command line, with the compiled code of earlier processes: most of
 * what a command that answers at once would take is reading and compiling JavaScript. `module.enableCompileCache` does
 * the same from Node 22 on.
 */

const BUNDLE = fileURLToPath(new URL('../commands', import.meta.url));
/** Builds and versions of Node whose compiled code is kept. */
const KEPT = 4;

type Wrapper = (
  exports: object,
  require: (id: string) => unknown,
  module: object,
  file: string,
  dir: string,
  importFromFiles: (id: string) => Promise<unknown>,
) => void;

/** Where compiled code is kept: of one build and one Node, and written by no other user; null for nowhere. */
function codeFolder(): string | null {
  const { env } = process;
  if (env.NODE_DISABLE_COMPILE_CACHE) return null;
  try {
    const parent = join(cacheFolder(env), 'compiled');
    const digest = readFileSync(join(BUNDLE, 'digest'), 'utf8').slice(0, 16);
    makeFolder(parent, MOST_MADE);
    const real = realpathSync(parent);
    return isOurs(real) ? join(real, `${digest}-${process.version}-${process.arch}`) : null;
  } catch {
    return null;
  }
}

/** `.cache`, `promptos` and `compiled`: a home folder that is not there is not ours to make. */
const MOST_MADE = 3;

/** Node's own `recursive` never ends where the system says ENOENT of a folder that is there, as it does below /proc. */
function makeFolder(path: string, most: number): void {
  if (existsSync(path)) return;
  if (most > 1) makeFolder(dirname(path), most - 1);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Of two processes at once, one makes it.
    if (!existsSync(path)) throw error;
  }
}

/** Written by the group or by anyone. */
const BY_OTHERS = 0o022;
/** In a folder with this bit no user can move what is another's. */
const STICKY = 0o1000;

/** Whether no other user but root can write into the folder or put another in its place: what is there runs as our code. */
function isOurs(folder: string): boolean {
  const user = process.getuid?.();
  if (user === undefined) return true;
  const { uid, mode } = statSync(folder);
  if (uid !== user || (mode & BY_OTHERS) !== 0) return false;
  for (let path = folder; path !== dirname(path); ) {
    path = dirname(path);
    const above = statSync(path);
    if (above.uid !== user && above.uid !== 0) return false;
    if ((above.mode & BY_OTHERS) !== 0 && (above.mode & STICKY) === 0) return false;
  }
  return true;
}

/** Behind the compiled code: V8 checks its header only, and crashes when a power cut or a full disk has damaged the rest. */
const CHECKSUM_BYTES = 4;

function readCompiled(path: string): Buffer | undefined {
  try {
    const kept = readFileSync(path);
    const code = kept.subarray(0, -CHECKSUM_BYTES);
    return kept.readUInt32LE(code.length) === crc32(code) ? code : undefined;
  } catch {
    return undefined;
  }
}

function writeCompiled(path: string, code: Buffer): void {
  const checksum = Buffer.alloc(CHECKSUM_BYTES);
  checksum.writeUInt32LE(crc32(code));
  const part = `${path}.${process.pid}`;
  try {
    writeFileSync(part, Buffer.concat([code, checksum]));
    renameSync(part, path);
  } catch (error) {
    // On a full disk each process would leave another part.
    rmSync(part, { force: true });
    throw error;
  }
}

/** The command line of this process. */
export function loadCommands(): { readonly runProcess: typeof runProcess } {
  const folder = codeFolder();
  const scripts = new Map<string, Script>();
  const modules = new Map<string, { exports: object }>();
  let compiled = false;
  const load = (file: string): object => {
    const loaded = modules.get(file);
    if (loaded !== undefined) return loaded.exports;
    const name = basename(file);
    const cachedData = folder === null ? undefined : readCompiled(join(folder, name));
    const source = `(function (exports, require, module, __filename, __dirname, importFromFiles) {${readFileSync(file, 'utf8')}\n})`;
    const script = new Script(source, {
      filename: file,
      ...(cachedData === undefined ? {} : { cachedData }),
    });
    compiled ||= cachedData === undefined || script.cachedDataRejected === true;
    scripts.set(name, script);
    const module = { exports: {} };
    modules.set(file, module);
    const external = createRequire(file);
    const require = (id: string) => {
      const wanted = resolve(BUNDLE, id);
      return /^[./]/.test(id) && dirname(wanted) === BUNDLE ? load(wanted) : external(id);
    };
    // In code that was compiled before, `import()` is refused: what the bundle leaves out is imported from here.
    const importFromFiles = (id: string) => {
      // It would have classes of its own: an error that it throws would be none of those that the bundle knows.
      if (id.startsWith('.')) throw new Error(`${id} is run from the files: bin/promptos must name its command`);
      return import(id);
    };
    (script.runInThisContext() as Wrapper)(module.exports, require, module, file, dirname(file), importFromFiles);
    return module.exports;
  };
  // With a part that is new, more of the others has run than before: all of them are written again.
  if (folder !== null) process.on('exit', () => compiled && keep(folder, scripts));
  return load(join(BUNDLE, 'main.cjs')) as { runProcess: typeof runProcess };
}

/** Without it the next process is slower, and nothing else: no failure is reported. */
function keep(folder: string, scripts: ReadonlyMap<string, Script>): void {
  try {
    makeFolder(folder, 1);
    for (const [name, script] of scripts) writeCompiled(join(folder, name), script.createCachedData());
    const age = (path: string) => statSync(path).mtimeMs;
    const all = readdirSync(dirname(folder)).map((name) => join(dirname(folder), name));
    for (const old of all.sort((one, other) => age(other) - age(one)).slice(KEPT)) rmSync(old, { recursive: true });
  } catch {}
}
