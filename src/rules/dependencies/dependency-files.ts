import { type FileChange, nameOf } from '../patch/file-changes.js';

/** How the entries of a file are read: `READERS` has a reader for each. */
type DependencyFormat =
  | 'json'
  | 'json_lock'
  | 'pnpm_lock'
  | 'yarn_lock'
  | 'toml'
  | 'toml_lock'
  | 'go_mod'
  | 'go_sum'
  | 'requirements'
  | 'pom'
  | 'gradle'
  | 'gradle_lock'
  | 'gemfile'
  | 'gem_lock'
  | 'none';

export interface DependencyFile {
  readonly family: string;
  /** `manifest`: written by people; `lock`: written by a tool; `source`: says where packages come from. */
  readonly kind: 'manifest' | 'lock' | 'source';
  readonly format: DependencyFormat;
}

type Row = readonly [name: RegExp, family: string, kind: DependencyFile['kind'], format: DependencyFormat];

/** Names in lower case. */
const FILES: readonly Row[] = [
  [/^package\.json$/, 'npm', 'manifest', 'json'],
  [
    /^(?:pnpm-workspace\.yaml|package\.(?:yaml|json5)|(?:deno|jsr|bower)\.jsonc?|binding\.gyp)$/,
    'npm',
    'manifest',
    'none',
  ],
  [/^(?:package-lock|npm-shrinkwrap)\.json$/, 'npm', 'lock', 'json_lock'],
  [/^pnpm-lock\.yaml$/, 'npm', 'lock', 'pnpm_lock'],
  [/^yarn\.lock$/, 'npm', 'lock', 'yarn_lock'],
  [/^(?:bun\.lockb?|deno\.lock)$/, 'npm', 'lock', 'none'],
  [/^(?:\.npmrc|\.yarnrc|\.yarnrc\.yml|bunfig\.toml|\.pnpmfile\.[cm]?js)$/, 'npm', 'source', 'none'],
  [
    /(?:^|[._-])(?:requirements|constraints)(?:[._-][\w.-]*)?\.(?:txt|in)$|^requirements\w*\.txt$/,
    'python',
    'manifest',
    'requirements',
  ],
  [/^(?:pyproject\.toml|pipfile)$/, 'python', 'manifest', 'toml'],
  [/^(?:setup\.(?:py|cfg)|(?:conda-)?environment[\w.-]*\.ya?ml)$/, 'python', 'manifest', 'none'],
  [/^(?:(?:poetry|uv|pdm)\.lock|pylock(?:\.[\w-]+)?\.toml)$/, 'python', 'lock', 'toml_lock'],
  [/^pipfile\.lock$/, 'python', 'lock', 'json_lock'],
  [/^(?:pip\.conf|pip\.ini|\.pypirc|uv\.toml)$/, 'python', 'source', 'none'],
  [/^go\.mod$/, 'go', 'manifest', 'go_mod'],
  [/^go\.work$/, 'go', 'source', 'none'],
  [/^go(?:\.work)?\.sum$/, 'go', 'lock', 'go_sum'],
  [/^cargo\.toml$/, 'cargo', 'manifest', 'toml'],
  [/^cargo\.lock$/, 'cargo', 'lock', 'toml_lock'],
  [/^(?:pom\.xml|[\w.-]+\.pom)$/, 'maven', 'manifest', 'pom'],
  [/^(?:extensions\.xml|maven-wrapper\.properties)$/, 'maven', 'source', 'none'],
  [/\.gradle(?:\.kts)?$/, 'gradle', 'manifest', 'gradle'],
  [/\.versions\.toml$/, 'gradle', 'manifest', 'toml'],
  [/^gradle\.lockfile$/, 'gradle', 'lock', 'gradle_lock'],
  [/^(?:gradle-wrapper\.properties|verification-metadata\.xml)$/, 'gradle', 'source', 'none'],
  [/^build\.sbt$/, 'sbt', 'manifest', 'none'],
  [/^(?:gemfile|gems\.rb|[\w.-]+\.gemspec)$/, 'ruby', 'manifest', 'gemfile'],
  [/^(?:gemfile\.lock|gems\.locked)$/, 'ruby', 'lock', 'gem_lock'],
  [/^composer\.json$/, 'composer', 'manifest', 'json'],
  [/^composer\.lock$/, 'composer', 'lock', 'json_lock'],
  [
    /^(?:directory\.(?:packages|build)\.(?:props|targets)|packages\.config|[\w.-]+\.(?:cs|fs|vb)proj|paket\.dependencies)$/,
    'nuget',
    'manifest',
    'none',
  ],
  [/^(?:packages\.lock\.json|paket\.lock)$/, 'nuget', 'lock', 'none'],
  [/^nuget\.config$/, 'nuget', 'source', 'none'],
  [/^(?:mix\.exs|rebar\.config)$/, 'hex', 'manifest', 'none'],
  [/^(?:mix|rebar)\.lock$/, 'hex', 'lock', 'none'],
  [/^pubspec(?:_overrides)?\.yaml$/, 'pub', 'manifest', 'none'],
  [/^pubspec\.lock$/, 'pub', 'lock', 'none'],
  [/^(?:package(?:@swift-[\d.]+)?\.swift|podfile|[\w.-]+\.podspec)$/, 'swift', 'manifest', 'none'],
  [/^(?:package\.resolved|podfile\.lock)$/, 'swift', 'lock', 'none'],
  [/^(?:conanfile\.(?:txt|py)|vcpkg\.json)$/, 'cpp', 'manifest', 'none'],
  [/^conan\.lock$/, 'cpp', 'lock', 'none'],
  [/^flake\.nix$/, 'nix', 'manifest', 'none'],
  [/^flake\.lock$/, 'nix', 'lock', 'none'],
];

/** What a path is to a package manager; null for any other file. */
export function dependencyFileOf(path: string): DependencyFile | null {
  const lower = path.toLowerCase();
  if (/(?:^|\/)\.cargo\/config(?:\.toml)?$/.test(lower)) return { family: 'cargo', kind: 'source', format: 'none' };
  if (/(?:^|\/)requirements\/[\w.-]+\.(?:txt|in)$/.test(lower))
    return { family: 'python', kind: 'manifest', format: 'requirements' };
  const name = nameOf(lower);
  const row = FILES.find(([pattern]) => pattern.test(name));
  return row === undefined ? null : { family: row[1], kind: row[2], format: row[3] };
}

/** A package as one side of a change names it. */
interface Entry {
  readonly name: string;
  readonly version: string;
  readonly section: string | null;
}

export interface DependencyChange {
  readonly name: string;
  /** Versions that are gone or new; empty on one side for a package that is added or removed. */
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly section: string | null;
}

/** What a reader knows of the lines above, within one hunk. */
interface Reading {
  section: string | null;
  name: string | null;
}

type Reader = (text: string, reading: Reading) => readonly Entry[];

/** Sections that hold packages, in the formats that have sections. */
const SECTION = /depend|packages$|versions$|libraries|plugins|require|overrides|resolutions|catalog/i;

/** Fields of a manifest whose value looks like a version and is none of a package. */
const FIELDS = new Set(
  'version name edition rust-version resolver requires-python python node npm yarn pnpm schemaVersion lockfileVersion license type repository homepage bugs url build-backend packageManager'.split(
    ' ',
  ),
);
const VERSION = /^(?:[~^<>=!v ]{0,4}\d[ ,|<>=~^*\w.+-]*|\*|latest|next)$/;
const ELSEWHERE = /^(?:git[+:]|file:|link:|portal:|npm:|workspace:|catalog:|github:|gitlab:|bitbucket:)/;

const one = (name: string | undefined, version: string | undefined, section: string | null = null): readonly Entry[] =>
  name === undefined || name === '' ? [] : [{ name, version: (version ?? '').trim() || '*', section }];

/** Keys with what opens behind them, and what closes: enough of JSON for a file of one line as well. */
const JSON_TOKEN = /"([^"\\]{0,300})"\s{0,8}:\s{0,8}(?:"((?:[^"\\]|\\.){0,500})"|([{[]))|[}\]]/g;

const readJson: Reader = (text, reading) =>
  [...text.matchAll(JSON_TOKEN)].flatMap(([, key, value, opens]) => {
    if (key === undefined || opens !== undefined) {
      reading.section = key ?? null;
      return [];
    }
    const isPackage =
      reading.section === null
        ? !FIELDS.has(key) && (VERSION.test(value ?? '') || ELSEWHERE.test(value ?? ''))
        : SECTION.test(reading.section);
    return isPackage ? one(key, value, reading.section) : [];
  });

/** Objects of a lock file that are no package. */
const LOCK_GROUPS = new Set(
  'packages dependencies devDependencies peerDependencies optionalDependencies requires require engines bin funding default develop'.split(
    ' ',
  ),
);

/** What a line has that opens or closes an object, or says a name or a version: most lines of a lock file have none. */
const LOCK_LINE = /[{}[\]]|"(?:name|version)"/;

const readJsonLock: Reader = (text, reading) => {
  if (!LOCK_LINE.test(text)) return [];
  return [...text.matchAll(JSON_TOKEN)].flatMap(([, key, value, opens]) => {
    if (key === undefined || opens !== undefined) {
      reading.name = key === undefined || LOCK_GROUPS.has(key) ? null : key.replace(/^.*node_modules\//, '');
      return [];
    }
    if (key === 'name') reading.name = value ?? null;
    return key === 'version' && reading.name !== null ? one(reading.name, value) : [];
  });
};

const readToml: Reader = (text, reading) => {
  const section = /^\s{0,8}\[{1,2}([^\]]{1,120})\]/.exec(text)?.[1];
  if (section !== undefined) {
    reading.section = section;
    return [];
  }
  if (/^\s{0,8}(?:dependencies|requires|optional-dependencies)\s{0,4}=/.test(text)) reading.section = 'dependencies';
  const [, quoted, rest] =
    /^\s{0,12}["']([A-Za-z0-9][\w.-]{0,99})(?:\[[^\]]{0,99}\])?\s{0,4}((?:[=<>!~@][^"']{0,200})?)["']/.exec(text) ?? [];
  const inSection = reading.section !== null && SECTION.test(reading.section);
  if (quoted !== undefined && !/^\s{0,12}["'][^"']{1,200}["']\s{0,4}=/.test(text)) {
    return rest !== '' || inSection ? one(quoted, rest, reading.section) : [];
  }
  const [, key, value = ''] = /^\s{0,8}"?([\w.-]{1,100})"?\s{0,8}=\s{0,8}(.{1,500})/.exec(text) ?? [];
  if (key === undefined || FIELDS.has(key)) return [];
  const inTable = /\b(?:version|git|path|url)\s{0,4}=\s{0,4}["']([^"']{0,300})["']/.exec(value)?.[1];
  const version = inTable ?? /^["']([^"']{0,300})["']/.exec(value)?.[1];
  if (version === undefined) return [];
  const isPackage = reading.section === null ? inTable !== undefined || VERSION.test(version) : inSection;
  return isPackage ? one(key, version, reading.section) : [];
};

/** A name in one line, and its version in one of the next. */
const named =
  (name: RegExp, version: RegExp, section: string | null = null): Reader =>
  (text, reading) => {
    const found = name.exec(text)?.[1];
    if (found !== undefined) reading.name = found;
    const value = version.exec(text)?.[1];
    return value === undefined || reading.name === null ? [] : one(reading.name, value, section);
  };

/** Both in one line. */
const inOneLine =
  (pattern: RegExp, section: string | null = null): Reader =>
  (text) => {
    const [, name, version] = pattern.exec(text) ?? [];
    return one(name, version, section);
  };

const POM_VERSION = inOneLine(/<([\w.-]{1,100})\.version>([^<]{1,100})</, 'properties');
const POM_PACKAGE = named(/<artifactId>([^<]{1,100})</, /<version>([^<]{1,100})</);
const GRADLE_PACKAGE = inOneLine(/["']([\w.-]{1,100}:[\w.-]{1,100}):([^"':@]{1,100})["':@]/);
const GRADLE_PLUGIN = inOneLine(
  /\bid\b[ (]{0,3}["']([\w.-]{1,100})["'] {0,3}\)? {0,3}version {0,3}["']([^"']{1,60})/,
  'plugins',
);

const READERS: Readonly<Record<DependencyFormat, Reader>> = {
  json: readJson,
  json_lock: readJsonLock,
  pnpm_lock: inOneLine(/^ {2}['"]?\/?(@?[^@'"\s]{1,200})@([^:('"\s]{1,100})/),
  yarn_lock: named(/^"?(@?[^@"\s]{1,200})@/, /^\s{2,4}version:? "?([^"\s]{1,100})/),
  toml: readToml,
  toml_lock: named(/^name = "([^"]{1,200})"/, /^version = "([^"]{1,100})"/),
  go_mod: inOneLine(/^\s{0,4}(?:require |replace )?([^\s=]{3,300}) (v\d\S{0,100})/),
  go_sum: inOneLine(/^(\S{1,300}) (v[^\s/]{1,100})(?:\/go\.mod)? h1:/),
  requirements: inOneLine(/^([A-Za-z0-9][\w.-]{0,100})(?:\[[^\]]{0,100}\])?\s{0,4}((?:[=<>!~@][^;#\\]{0,200})?)/),
  pom: (text, reading) => [...POM_VERSION(text, reading), ...POM_PACKAGE(text, reading)],
  gradle: (text, reading) => [...GRADLE_PACKAGE(text, reading), ...GRADLE_PLUGIN(text, reading)],
  gradle_lock: inOneLine(/^([^:#\s]{1,150}:[^:\s]{1,150}):([^=\s]{1,100})=/),
  gemfile: inOneLine(
    /^\s{0,8}(?:gem|spec\.add\w{0,30}|s\.add\w{0,30})[ (]{1,3}["']([\w.-]{1,100})["'](?:,\s{0,4}["']([^"']{1,60})["'])?/,
  ),
  gem_lock: inOneLine(/^ {4}([\w.-]{1,100}) \(([^)]{1,60})\)/),
  none: () => [],
};

type Versions = Map<string, { readonly entry: Entry; readonly versions: string[] }>;

/** The packages that one side names in lines that the other has not: read with the lines around them. */
function side({ hunks }: FileChange, sign: '+' | '-', format: DependencyFormat): Versions {
  const read = READERS[format];
  const found: Versions = new Map();
  for (const hunk of hunks) {
    const reading: Reading = { section: null, name: null };
    for (const line of hunk) {
      if (line.sign !== sign && line.sign !== ' ') continue;
      const entries = read(line.text, reading);
      if (line.sign === ' ') continue;
      for (const entry of entries) {
        const key = `${entry.section ?? ''} ${entry.name}`;
        const known = found.get(key);
        if (known === undefined) found.set(key, { entry, versions: [entry.version] });
        else if (!known.versions.includes(entry.version)) known.versions.push(entry.version);
      }
    }
  }
  return found;
}

/** The packages that a change of a manifest or a lock file adds, removes or gives another version, by name. */
export function dependencyChanges(change: FileChange, format: DependencyFormat): readonly DependencyChange[] {
  const [before, after] = [side(change, '-', format), side(change, '+', format)];
  return [...new Set([...before.keys(), ...after.keys()])].sort().flatMap((key): readonly DependencyChange[] => {
    const entry = (after.get(key) ?? before.get(key))?.entry;
    const [old, now] = [before.get(key)?.versions ?? [], after.get(key)?.versions ?? []];
    const from = old.filter((version) => !now.includes(version));
    const to = now.filter((version) => !old.includes(version));
    if (entry === undefined || (from.length === 0 && to.length === 0)) return [];
    return [{ name: entry.name, from, to, section: entry.section }];
  });
}
