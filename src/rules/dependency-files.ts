import { nameOf } from './file-changes.js';

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
  [/^pnpm-workspace\.yaml$/, 'npm', 'manifest', 'none'],
  [/^(?:package-lock|npm-shrinkwrap)\.json$/, 'npm', 'lock', 'json_lock'],
  [/^pnpm-lock\.yaml$/, 'npm', 'lock', 'pnpm_lock'],
  [/^yarn\.lock$/, 'npm', 'lock', 'yarn_lock'],
  [/^bun\.lockb?$/, 'npm', 'lock', 'none'],
  [/^(?:\.npmrc|\.yarnrc|\.yarnrc\.yml|bunfig\.toml|\.pnpmfile\.cjs)$/, 'npm', 'source', 'none'],
  [/^(?:requirements|constraints)[\w.-]*\.(?:txt|in)$/, 'python', 'manifest', 'requirements'],
  [/^(?:pyproject\.toml|pipfile)$/, 'python', 'manifest', 'toml'],
  [/^(?:poetry|uv|pdm)\.lock$/, 'python', 'lock', 'toml_lock'],
  [/^pipfile\.lock$/, 'python', 'lock', 'json_lock'],
  [/^(?:pip\.conf|pip\.ini|\.pypirc|uv\.toml)$/, 'python', 'source', 'none'],
  [/^go\.mod$/, 'go', 'manifest', 'go_mod'],
  [/^go\.work$/, 'go', 'source', 'none'],
  [/^go(?:\.work)?\.sum$/, 'go', 'lock', 'go_sum'],
  [/^cargo\.toml$/, 'cargo', 'manifest', 'toml'],
  [/^cargo\.lock$/, 'cargo', 'lock', 'toml_lock'],
  [/^pom\.xml$/, 'maven', 'manifest', 'pom'],
  [/^(?:build|settings)\.gradle(?:\.kts)?$/, 'gradle', 'manifest', 'gradle'],
  [/^libs\.versions\.toml$/, 'gradle', 'manifest', 'toml'],
  [/^gradle\.lockfile$/, 'gradle', 'lock', 'gradle_lock'],
  [/^gradle-wrapper\.properties$/, 'gradle', 'source', 'none'],
  [/^(?:gemfile|gems\.rb|[\w.-]+\.gemspec)$/, 'ruby', 'manifest', 'gemfile'],
  [/^(?:gemfile\.lock|gems\.locked)$/, 'ruby', 'lock', 'gem_lock'],
  [/^composer\.json$/, 'composer', 'manifest', 'json'],
  [/^composer\.lock$/, 'composer', 'lock', 'json_lock'],
  [/^(?:directory\.packages\.props|packages\.config)$/, 'nuget', 'manifest', 'none'],
  [/^packages\.lock\.json$/, 'nuget', 'lock', 'none'],
  [/^nuget\.config$/, 'nuget', 'source', 'none'],
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
