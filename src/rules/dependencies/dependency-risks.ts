import { addedTo, type ChangedText, type FileChange, removedFrom } from '../patch/file-changes.js';
import type { DependencyFile } from './dependency-files.js';

export interface DependencyRisk extends ChangedText {
  /** The end of a sentence whose subject is the line. */
  readonly what: string;
}

const RUNS = 'runs a program when the package is installed';
const ELSEWHERE = 'takes a package from a repository, an address or a folder, which no registry vouches for';
const REGISTRY = 'says from which registry packages come';

/** Every quantifier is bounded, or nothing can fail behind it. */
const LINES: readonly (readonly [pattern: RegExp, what: string, only?: RegExp])[] = [
  [/"(?:(?:pre|post)?install|(?:pre|post)?prepare|prepublish|dependencies)"\s{0,4}:\s{0,4}(?:"|$)/, RUNS, /^npm$/],
  [
    /"hasInstallScript"\s{0,4}:\s{0,4}true|^\s{0,8}requiresBuild: true|"?(?:trustedDependencies|onlyBuiltDependencies)\b/,
    RUNS,
  ],
  [/"(?:pre|post)-(?:install|update|autoload-dump)[a-z-]{0,20}"\s{0,4}:/, RUNS, /^composer$/],
  [
    // A value may be on a line of its own.
    /(?:"\s{0,4}:|^:?)\s{0,4}"(?:git[+:@]|https?:|ssh:|file:|link:|portal:|github:|gitlab:|bitbucket:|gist:)/,
    ELSEWHERE,
    /^manifest$/,
  ],
  [/"\s{0,4}:\s{0,4}"[^":]{1,300}\.(?:tgz|tar\.gz)"/, ELSEWHERE, /^npm$/],
  [/"\s{0,4}:\s{0,4}"[\w.-]{1,60}\/[\w.-]{1,60}#[^"]{1,100}"/, ELSEWHERE, /^manifest$/],
  [
    /"resolved"\s{0,4}:\s{0,4}"(?:git|ssh|file:)|\bresolved "?(?:git|ssh|file:)|\bresolution: "?[^"]{0,200}@(?:git|file:|https?:)/,
    ELSEWHERE,
  ],
  [
    /^\s{0,8}(?:-e|--editable)[ =]|^\.{0,2}\/|^[\w.-]{1,100}(?:\[[^\]]{0,100}\])?\s{0,4}@\s{0,4}\S|^(?:git\+|https?:|file:)/,
    ELSEWHERE,
    /^python$/,
  ],
  [/(?<![\w-])(?:git|path|url)["']?\s{0,4}=\s{0,4}["'{]|^source = "git/, ELSEWHERE, /^(?:cargo|python)$/],
  [/"[\w.-]{1,100}(?:\[[^\]]{0,100}\])? ?@ ?(?:git\+|https?:|file:)/, ELSEWHERE, /^python$/],
  [/^\s{0,4}(?:replace\s.{0,300})?\S{1,300}(?: \S{1,100})? => \S/, ELSEWHERE, /^go$/],
  [/\b(?:git|github|path):\s|:(?:git|github|path)\s{0,2}=>/, ELSEWHERE, /^ruby$/],
  [/^(?:GIT|PATH)$/, ELSEWHERE, /^ruby$/],
  [
    /^\s{0,8}(?:-[if]|--index-url|--extra-index-url|--find-links|--trusted-host)\b|^(?:extra-)?index-url\s{0,4}=/,
    REGISTRY,
    /^python$/,
  ],
  [/^\s{0,8}\[\[ ?(?:source|tool\.(?:uv\.index|poetry\.source|pdm\.source)) ?\]\]/, REGISTRY, /^python$/],
  [/\bregistry(?:-index)?\s{0,4}=\s{0,4}["']/, REGISTRY, /^cargo$/],
  [/"(?:publishConfig|registry)"\s{0,4}:/, REGISTRY, /^npm$/],
  [/^\s{0,8}source\s{1,4}["'](?!https:\/\/rubygems\.org)/, REGISTRY, /^ruby$/],
  [/<(?:repository|pluginRepository|mirror)>/, REGISTRY, /^maven$/],
  [/\bmaven\s{0,4}(?:\{|\()|\bmavenLocal\b|\bivy\s{0,4}\{/, REGISTRY, /^gradle$/],
  [/"repositories"\s{0,4}:/, REGISTRY, /^composer$/],
];

const KNOWN_HOSTS = new Set(
  'registry.npmjs.org registry.yarnpkg.com files.pythonhosted.org pypi.org github.com static.crates.io index.crates.io rubygems.org repo.packagist.org api.github.com codeload.github.com'.split(
    ' ',
  ),
);
const FROM_HOST =
  /(?:"?resolved"?:?|\btarball:|"url":|\burl =|registry[+ ="{:]{1,6})\s{0,4}"?(?:\w{1,10}\+)?https?:\/\/([^/"'\s]{1,200})/g;

function hostsIn(texts: Iterable<string>): ReadonlySet<string> {
  const hosts = new Set<string>();
  for (const text of texts) {
    if (!text.includes('://')) continue;
    for (const [, host = ''] of text.matchAll(FROM_HOST)) hosts.add(host.toLowerCase());
  }
  return hosts;
}

/** The lines of a change that were there before. */
function* linesBefore({ hunks }: FileChange): Iterable<string> {
  for (const hunk of hunks) for (const { sign, text } of hunk) if (sign !== '+') yield text;
}

/** Hosts that the lock file takes packages from now and did not, in what the patch shows of it. */
function newHosts(change: FileChange): readonly DependencyRisk[] {
  const before = hostsIn(linesBefore(change));
  const added = addedTo(change);
  const hosts = [...hostsIn(added.map(({ text }) => text))].filter(
    (host) => !before.has(host) && !KNOWN_HOSTS.has(host),
  );
  return hosts.map((host) => {
    const first = added.find(({ text }) => text.toLowerCase().includes(host));
    return { line: first?.line ?? 1, text: host, what: REGISTRY };
  });
}

/** A single space stays as it is. */
const RUN_OF_SPACES = /\s{2,}|[^\S ]/g;
const ESCAPE = /\\u([0-9a-fA-F]{4})|\\\//g;

/** A line as a package manager reads it: however far it is indented, and without escapes that JSON does not need. */
function plainText(text: string): string {
  const spaced = text.trim().replace(RUN_OF_SPACES, ' ');
  if (!spaced.includes('\\')) return spaced;
  return spaced.replace(ESCAPE, (_, hex?: string) =>
    hex === undefined ? '/' : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** A repository of GitHub as a package, such as `someone/something`; a path of a manifest has a dot or more slashes. */
const SHORTHAND = /^[\w-]{1,60}\/[\w-]{1,60}$/;
/** Packages of a folder. */
const FOLDER = /^(?:\.{1,2}|~)?\//;
const IN_PACKAGES = /depend|overrides|resolutions/i;

/** What a package of a `package.json` is, where the section in which it is named is in view. */
export const isElsewhere = ({ section, to }: { readonly section: string | null; readonly to: readonly string[] }) =>
  section !== null &&
  IN_PACKAGES.test(section) &&
  to.some((version) => SHORTHAND.test(version) || FOLDER.test(version));

/** Lines that a dependency file gains and that let a package come from elsewhere, or run when it is installed. */
export function dependencyRisks(change: FileChange, { family, kind }: DependencyFile): readonly DependencyRisk[] {
  const before = new Set(removedFrom(change).map(({ text }) => plainText(text)));
  const rows = LINES.filter(([, , only]) => only === undefined || only.test(family) || only.test(kind));
  const lines = addedTo(change).map(({ line, text }) => ({ line, text: plainText(text) }));
  const risky = lines.flatMap(({ line, text }): readonly DependencyRisk[] => {
    if (before.has(text)) return [];
    const shown = kind === 'source' && /^[^#;\s]/.test(text) ? REGISTRY : undefined;
    const what = rows.find(([pattern]) => pattern.test(text))?.[1] ?? shown;
    return what === undefined ? [] : [{ line, text, what }];
  });
  return [...risky, ...(kind === 'lock' ? newHosts(change) : [])];
}
