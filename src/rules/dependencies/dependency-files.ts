import { nameOf } from '../patch/file-changes.js';

/** How the entries of a file are read: `dependency-entries.ts` has a reader for each. */
export type DependencyFormat =
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
