import type { RuleFinding } from '../../contracts/run/findings.js';
import { counted } from '../../contracts/sentences.js';
import { addedTo, type ChangedText, type FileChange, removedFrom } from '../patch/file-changes.js';
import {
  DEEDS,
  type JudgedPatch,
  plannedIn,
  remark,
  touchedPaths,
  unplannedBy,
  violation,
} from '../patch/patch-rule.js';
import { printable } from '../paths/path-names.js';
import { quotedLine } from '../secrets/quoted-line.js';
import { type DependencyChange, type DependencyFile, dependencyChanges, dependencyFileOf } from './dependency-files.js';

interface DependencyRisk extends ChangedText {
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
const isElsewhere = ({ section, to }: { readonly section: string | null; readonly to: readonly string[] }) =>
  section !== null &&
  IN_PACKAGES.test(section) &&
  to.some((version) => SHORTHAND.test(version) || FOLDER.test(version));

/** Lines that a dependency file gains and that let a package come from elsewhere, or run when it is installed. */
function dependencyRisks(change: FileChange, { family, kind }: DependencyFile): readonly DependencyRisk[] {
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

/** Packages that one finding names. */
const NAMED = 20;
/** Risky lines of one file that have a finding each. */
const RISKS = 20;

const packages = (count: number): string => counted(count, 'package');

function named({ name, from, to, section }: DependencyChange): string {
  const versions = (some: readonly string[]): string => printable(some.slice(0, 3).join(', '), 60);
  const how =
    from.length === 0
      ? `added at ${versions(to)}`
      : to.length === 0
        ? `${versions(from)} removed`
        : `${versions(from)} to ${versions(to)}`;
  return `${printable(name, 60)} ${how}${section === null ? '' : ` (${printable(section, 40)})`}`;
}

function listed(changes: readonly DependencyChange[]): string {
  const more = changes.length > NAMED ? `; and ${changes.length - NAMED} more` : '';
  return `${changes.slice(0, NAMED).map(named).join('; ')}${more}`;
}

interface Touched {
  readonly change: FileChange;
  readonly path: string;
  readonly kind: DependencyFile;
  readonly packages: readonly DependencyChange[];
}

const touchedFiles = (changes: readonly FileChange[]): readonly Touched[] =>
  changes.flatMap((change) =>
    touchedPaths(change.file).flatMap((path) => {
      const kind = dependencyFileOf(path);
      return kind === null ? [] : [{ change, path, kind, packages: dependencyChanges(change, kind.format) }];
    }),
  );

/** A manifest and its lock file change together, or one of them does not say what is installed. */
function unpaired(touched: readonly Touched[]): readonly RuleFinding[] {
  const has = (family: string, kind: DependencyFile['kind'], changesPackages: boolean): boolean =>
    touched.some(
      (one) => one.kind.family === family && one.kind.kind === kind && (!changesPackages || one.packages.length > 0),
    );
  const locks = touched.filter(({ kind }) => kind.kind === 'lock' && !has(kind.family, 'manifest', false));
  const manifests = touched.filter(
    ({ kind, packages: some }) =>
      kind.kind === 'manifest' && some.length > 0 && HAS_LOCK.has(kind.family) && !has(kind.family, 'lock', false),
  );
  return [
    ...locks.map(({ path }) =>
      remark('medium', `The lock file ${printable(path)} changes, and no manifest does that it is made from.`, {
        path,
      }),
    ),
    ...manifests.map(({ path }) =>
      remark('low', `${printable(path)} changes packages, and no lock file changes with it.`, { path }),
    ),
  ];
}

/** Families whose manifests nearly always have a lock file beside them. */
const HAS_LOCK = new Set(['npm', 'go', 'cargo', 'ruby', 'composer']);

function judgeFile(
  { change, path, kind, packages: changed }: Touched,
  planned: ReadonlySet<string>,
  unplanned: string,
): readonly RuleFinding[] {
  const { file } = change;
  const list = changed.length === 0 ? '' : `: ${listed(changed)}`;
  const what = `The patch ${DEEDS[file.status]} ${printable(path)}, which says what is installed${list}.`;
  const risks = dependencyRisks(change, kind)
    .slice(0, RISKS)
    .map(({ line, text, what: why }) =>
      remark('high', `Line ${line} of ${printable(path)} ${why}: ${quotedLine(text)}`, { path, line }),
    );
  const elsewhere = kind.family !== 'npm' ? [] : changed.filter(isElsewhere);
  risks.push(
    ...elsewhere.map((one) =>
      remark('high', `${printable(path)} takes ${named(one)} from a repository or a folder.`, { path }),
    ),
  );
  if (!planned.has(path)) return [violation('high', `${what} ${unplanned}`, { path }), ...risks];
  if (changed.length === 0)
    return file.binary || file.status !== 'modified' ? [remark('medium', what, { path }), ...risks] : risks;
  const isNew = changed.some(({ from }) => from.length === 0);
  const severity = kind.kind === 'manifest' && isNew ? 'medium' : 'low';
  return [remark(severity, `${what} ${packages(changed.length)} in all.`, { path }), ...risks];
}

/** What is installed is what was agreed on: each change of a manifest or a lock file is planned, and named by package. */
export function judgeDependencies(input: JudgedPatch, changes: readonly FileChange[]): readonly RuleFinding[] {
  const planned = plannedIn(input);
  const unplanned = unplannedBy(input);
  const touched = touchedFiles(changes);
  return [...touched.flatMap((one) => judgeFile(one, planned, unplanned)), ...unpaired(touched)];
}

/** Folders of code that others wrote. */
const VENDORED =
  /^(?:.*?\/)?(?:vendor|third[_-]party|thirdparty|external|node_modules|bower_components|pods|\.yarn\/(?:cache|releases|plugins))\//;
/** Folders and names that a tool writes. */
const OUTPUT = /^(?:.*?\/)?(?:dist|__generated__|generated|\.next|target\/(?:debug|release|classes))\//;
const GENERATED_NAME =
  /\.min\.(?:js|css)$|\.(?:js|css)\.map$|\.pb\.(?:go|cc|h)$|_pb2(?:_grpc)?\.pyi?$|_pb\.(?:js|d\.ts)$|\.g\.(?:dart|cs)$|\.freezed\.dart$|\.designer\.cs$|[._-]generated\.[a-z]{1,5}$|_gen\.go$/;

/** What tools write at the head of a file, as the convention of Go, Facebook's, Microsoft's and others have it. */
const MARKER =
  /^\W{0,12}@generated\b|\bcode generated\b.{0,200}\bdo not (?:edit|modify)\b|<auto-generated\b|\b(?:auto-?generated|generated by)\b.{0,120}\b(?:do not|don't) (?:edit|modify|change)\b/i;
/** A marker belongs to a comment; text about markers does not begin like one. */
const GENERATOR_COMMENT = /^\s{0,12}(?:\/\/|\/\*|\*|#|--|<!--|;|"""|%)/;

/** Lines of the head of a file, in which a generator signs. */
export const HEAD_LINES = 40;

const markerIn = ({ hunks }: FileChange): boolean =>
  hunks.some((hunk) =>
    hunk.some(
      ({ line, text }) => line <= HEAD_LINES && GENERATOR_COMMENT.test(text) && MARKER.test(text.slice(0, 500)),
    ),
  );

/** Generated files that are listed one by one. */
const LISTED = 10;

function rootOf(path: string): readonly [root: string, what: string] | null {
  const lower = path.toLowerCase();
  const vendored = VENDORED.exec(lower)?.[0];
  if (vendored !== undefined) return [path.slice(0, vendored.length), 'code that is kept here as others wrote it'];
  const output = OUTPUT.exec(lower)?.[0];
  return output === undefined ? null : [path.slice(0, output.length), 'what a tool writes'];
}

const BY_TOOL =
  'is written by a tool. An edit by hand is lost the next time that it runs, and no reviewer reads the file as code.';

/**
 * Files that no person writes: generated code and copies of the code of others. Nothing shows from a patch whether it was
 * made by a tool, so a person is asked to look; a folder of them is reported once.
 */
export function judgeGeneratedFiles(_: JudgedPatch, changes: readonly FileChange[]): readonly RuleFinding[] {
  const roots = new Map<string, { readonly what: string; readonly paths: string[] }>();
  const single: RuleFinding[] = [];
  for (const change of changes) {
    const { path, status } = change.file;
    if (dependencyFileOf(path)?.kind === 'lock' && rootOf(path) === null) continue;
    const root = rootOf(path);
    if (root !== null) {
      const known = roots.get(root[0]);
      if (known === undefined) roots.set(root[0], { what: root[1], paths: [path] });
      else known.paths.push(path);
    } else if (status !== 'deleted' && (GENERATED_NAME.test(path.toLowerCase()) || markerIn(change))) {
      single.push(remark(status === 'added' ? 'low' : 'medium', `${printable(path)} ${BY_TOOL}`, { path }));
    }
  }
  const folders = [...roots].map(
    ([
      root,
      {
        what,
        paths: [path = root, ...others],
      },
    ]) => {
      const more = others.length === 0 ? '' : ` and ${counted(others.length, 'other file')}`;
      return remark('medium', `${printable(root)} holds ${what}; the patch changes ${printable(path)}${more} there.`, {
        path,
      });
    },
  );
  const rest = single.length - LISTED;
  if (rest <= 0) return [...folders, ...single];
  const more = `The patch changes ${counted(rest, 'more file')} that a tool writes.`;
  return [...folders, ...single.slice(0, LISTED), remark('medium', more, {})];
}
