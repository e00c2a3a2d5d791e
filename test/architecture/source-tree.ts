import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path/posix';

/** The sources by path relative to `src/`, with forward slashes. */
export type SourceTree = ReadonlyMap<string, string>;

export interface SourceImport {
  /** The file that imports. */
  readonly from: string;
  /** A file of the tree, or the name of a package or builtin as it is written. */
  readonly to: string;
  /** Written as a relative path. */
  readonly relative: boolean;
  /** Erased when compiled. `import { type A }` is not: the module is loaded all the same. */
  readonly typeOnly: boolean;
}

/** Every source file below a folder. */
export function readSourceTree(root: string): SourceTree {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => /\.[cm]?[jt]s$/.test(path));
  return new Map(files.sort().map((path) => [path, readFileSync(join(root, path), 'utf8')]));
}

/** The source without comments. A block comment counts only at the start of a line, since globs hold slash and star. */
export const withoutComments = (text: string): string =>
  text.replace(/^\s*\/\*[\s\S]*?\*\//gm, '').replace(/(^|\s)\/\/.*$/gm, '$1');

const STATEMENT = /^(?:import|export)\s+(type\s)?[\w\s{},*$]+?\sfrom\s+'([^']+)'/gm;
const OTHERS = [/^import\s+'([^']+)'/gm, /\bimport\(\s*'([^']+)'/g, /\brequire\(\s*'([^']+)'/g];

/** Every import and re-export of a file, dynamic ones and `require` included. */
export function importsOf(tree: SourceTree, path: string): readonly SourceImport[] {
  const text = withoutComments(tree.get(path) ?? '');
  const target = (specifier: string): string => {
    if (!specifier.startsWith('.')) return specifier;
    const plain = normalize(join(dirname(path), specifier));
    return [plain, plain.replace(/js$/, 'ts')].find((file) => tree.has(file)) ?? plain;
  };
  const found = (specifier: string, typeOnly: boolean): SourceImport => ({
    from: path,
    to: target(specifier),
    relative: specifier.startsWith('.'),
    typeOnly,
  });
  return [
    ...[...text.matchAll(STATEMENT)].map(([, type, specifier = '']) => found(specifier, type !== undefined)),
    ...OTHERS.flatMap((pattern) => [...text.matchAll(pattern)].map(([, specifier = '']) => found(specifier, false))),
  ];
}

/** The room that a file is in: its top folder, or its own name when it is at the top. */
export const roomOf = (path: string): string => path.split('/')[0]?.replace(/\.[cm]?[jt]s$/, '') ?? path;
