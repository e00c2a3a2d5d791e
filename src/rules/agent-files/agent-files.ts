import type { Inventory } from '../../contracts/run/inventory.js';
import { foldedPath } from '../paths/path-names.js';

/**
 * Files that coding agents read as instructions or settings when they start, at any depth: an entry matches its path and
 * everything below. `*` matches any characters of a name, `**` any folders. docs/threat-model.md has what they do.
 */
export const AGENT_FILES = [
  // Read by many agents.
  ...['AGENTS.md', 'AGENTS.override.md', 'AGENT.md', '.agents', '.mcp.json', 'skills/**/SKILL.md', '.rules'],
  // Gemini CLI, Qwen Code and aider load it: it can name another model server.
  '.env',
  // Claude Code
  ...['CLAUDE.md', 'CLAUDE.local.md', '.claude', '.claude.json', '.claude-plugin'],
  // Codex
  ...['.codex'],
  // Gemini CLI, Qwen Code and other forks
  ...['GEMINI.md', '.gemini', '.geminiignore', 'QWEN.md', '.qwen', '.qwenignore', 'IFLOW.md', '.iflow'],
  // OpenCode, Crush, Goose
  ...['opencode.json', 'opencode.jsonc', '.opencode', '.opencode.json', 'OpenCode.md'],
  ...['CRUSH.md', '.crush', 'crush.json', '.crush.json', '.goosehints', '.goose'],
  // aider
  ...['.aider*'],
  // GitHub Copilot, Visual Studio Code and Visual Studio
  ...['.github/copilot*', '.github/hooks', '.github/instructions', '.github/prompts', '.github/agents'],
  ...['.github/chatmodes', '.github/skills', '.github/mcp.json', '.copilot', 'copilot-instructions.md'],
  ...['.vscode/mcp.json', '.vscode/settings.json', '.vs/mcp.json'],
  // Cursor, Windsurf
  ...['.cursor', '.cursorrules', '.cursorignore', '.cursorindexingignore'],
  ...['.windsurf', '.windsurfrules', '.codeium', '.codeiumignore'],
  // Cline, Roo Code, Kilo Code, Continue
  ...['.cline', '.clinerules*', '.clineignore', '.roo', '.roorules*', '.roomodes', '.rooignore'],
  ...['.kilo', '.kilocode', '.kilocoderules*', '.kilocodemodes', '.kilocodeignore'],
  ...['.continue', '.continuerules', '.continueignore'],
  // Others
  ...['.amazonq', '.kiro', '.junie', '.aiassistant', '.aiignore', '.augment', '.augment-guidelines', '.augmentignore'],
  ...['.factory', '.trae', '.qoder', '.codebuddy', 'CODEBUDDY.md', '.openhands', '.devin', '.warp', 'WARP.md', '.zed'],
  ...['.amp', '.grok', '.kimi', '.vibe', '.gitlab/duo', '.idx/airules.md', 'replit.md', '.tabnine', '.firebender'],
  // Bots that review changes
  ...['.coderabbit.yaml', '.coderabbit.yml', '.pr_agent.toml', '.greptile', 'greptile.json'],
] as const;

const escaped = (text: string): string => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&');

/** The short names that NTFS may give to a name, such as `CLAUDE~1` to `.claude`; null for one that needs none. */
function shortName(name: string): string | null {
  const [, base = '', extension = ''] = /^\.*(.*?)(?:\.([^.*]*))?$/.exec(name) ?? [];
  const stem = base.replace(/[.*]/g, '');
  const isShort = !/^\.|[*]/.test(name) && stem === base && stem.length <= 8 && extension.length <= 3;
  if (isShort || stem === '') return null;
  const loose = name.endsWith('*') ? '[^/]*' : '';
  const end = extension === '' ? '' : `\\.${escaped(extension.slice(0, 3))}`;
  return `${escaped(stem.slice(0, 6))}${loose}~\\d+${end}${loose}`;
}

/** One segment of an entry as a regular expression over folded paths. */
function segmentPattern(segment: string): string {
  const short = shortName(segment);
  const long = escaped(segment).replaceAll('*', '[^/]*');
  return short === null ? long : `(?:${long}|${short})`;
}

const entryPattern = (entry: string): string =>
  entry
    .toLowerCase()
    .split('/')
    .map((segment) => (segment === '**' ? '(?:[^/]+/)*' : `${segmentPattern(segment)}/`))
    .join('')
    .slice(0, -1);

const matcherOf = (patterns: readonly string[]): RegExp => new RegExp(`(?:^|/)(?:${patterns.join('|')})(?:/|$)`);

const MATCHERS = AGENT_FILES.map((entry) => ({ entry, matches: matcherOf([entryPattern(entry)]) }));
const ANY = matcherOf(AGENT_FILES.map(entryPattern));

/** Folders on the way to an entry, such as `.github`: a link or a submodule in their place brings the entry with it. */
const FOLDERS = AGENT_FILES.flatMap((entry) => {
  const segments = entry.split('/').slice(0, -1);
  return segments.map((_, index) => ({ entry, segments: segments.slice(0, index + 1) }));
}).filter(({ segments }) => segments.at(-1) !== '**');
const FOLDER_MATCHERS = FOLDERS.map(({ entry, segments }) => ({
  entry,
  matches: new RegExp(`(?:^|/)${entryPattern(segments.join('/'))}$`),
}));

/** The entry of the table that a path matches on some file system, whatever its case and form; null for any other path. */
export function agentFileOf(path: string): string | null {
  const folded = foldedPath(path);
  if (!ANY.test(folded)) return null;
  return MATCHERS.find(({ matches }) => matches.test(folded))?.entry ?? null;
}

/** The entry that a link or a submodule at a path would bring to an agent by its own name; null for any other. */
function agentFolderOf(path: string): string | null {
  const folded = foldedPath(path);
  return agentFileOf(path) ?? FOLDER_MATCHERS.find(({ matches }) => matches.test(folded))?.entry ?? null;
}

/** The entry that the target of a symbolic link matches, as it is written or from the top of the repository. */
export function agentTargetOf(path: string, target: string): string | null {
  const resolved: string[] = [];
  for (const segment of [...path.split('/').slice(0, -1), ...target.split(/[/\\]/)]) {
    if (segment === '..') resolved.pop();
    else if (segment !== '.' && segment !== '') resolved.push(segment);
  }
  return agentFileOf(target) ?? agentFileOf(resolved.join('/'));
}

/** What judges paths in one repository: the table, and what links and imports of the base commit lead to. */
export interface AgentPaths {
  /** As `agentFileOf`; for a file behind a link, the path of the link; for an imported file, which one imports it. */
  fileOf(path: string): string | null;
  /** The same for the path of a link or a submodule. */
  folderOf(path: string): string | null;
}

/** @param files of the base commit; those with `leads_to` are links, and those with `imports` name other files */
export function createAgentPaths(files: Inventory['files'] = []): AgentPaths {
  const behind = files.flatMap(({ path, leads_to = [] }) => leads_to.map((to) => ({ path, to: foldedPath(to) })));
  const linkOf = (path: string): string | null => {
    if (behind.length === 0) return null;
    const folded = foldedPath(path);
    return behind.find(({ to }) => folded === to || folded.startsWith(`${to}/`))?.path ?? null;
  };
  const imports = importsOf(files);
  const importOf = (path: string, names: ReadonlyMap<string, string>): string | null =>
    names.size === 0 ? null : (names.get(foldedPath(path)) ?? null);
  return {
    fileOf: (path) => agentFileOf(path) ?? linkOf(path) ?? importOf(path, imports.files),
    folderOf: (path) => agentFolderOf(path) ?? linkOf(path) ?? importOf(path, imports.withFolders),
  };
}

/** Which file imports each imported one, by its folded path; `withFolders` has the folders above them too. */
function importsOf(files: Inventory['files']) {
  const imported = new Map<string, string>();
  const withFolders = new Map<string, string>();
  for (const { path, imports = [] } of files) {
    for (const target of imports.map(foldedPath)) {
      const why = `imported by ${path}`;
      if (!imported.has(target)) imported.set(target, why);
      for (let end = target.length; end !== -1; end = target.lastIndexOf('/', end - 1)) {
        if (!withFolders.has(target.slice(0, end))) withFolders.set(target.slice(0, end), why);
      }
    }
  }
  return { files: imported, withFolders };
}

/**
 * What a text names after an "@" at its start, behind white space, or behind a mark of Markdown with which a text of its own
 * begins. A space in a path is written with a backslash.
 */
const IMPORT = /(?<=^|[\s*_~[>|])@((?:\\ |[^\s\\]){1,512})/y;
/** Marks that end such a text. A name may have them too, so it is read with them and without. */
const MARKS = /[*~\]<|].*$|_+$/s;
/** How a path begins. Paths from the top of the disk and from a home folder lead out of the repository. */
const RELATIVE = /^[\p{L}\p{N}._-]/u;

/** Paths that one text imports; whoever names more has the others judged as ordinary files. */
const MAX_IMPORTS = 200;

/** Whether agents look for imports in a file that they read by its name: in Markdown, also as Cursor calls it. */
export const mayImport = (path: string): boolean => /\.mdc?$/.test(foldedPath(path));

/**
 * The files that a text which steers agents imports, as `@docs/style.md` in a CLAUDE.md does: from the top of the
 * repository, whether or not there is such a file. Agents import nothing in code, and find code in different ways: Claude
 * Code and Qwen Code as CommonMark has it, Gemini CLI by pairs of backticks. What one of them imports counts.
 * @param path of the text, from the top of the repository
 */
export function importedPaths(text: string, path: string): readonly string[] {
  const found = new Set<string>();
  for (const prose of [withoutBlocks(text), withoutPairs(text)]) {
    for (const { index } of prose.matchAll(/@/g)) {
      IMPORT.lastIndex = index;
      for (const written of spellings(IMPORT.exec(prose)?.[1] ?? '')) {
        const target = RELATIVE.test(written) ? resolvedPath(path, written) : null;
        if (target !== null && target !== path) found.add(target);
        if (found.size === MAX_IMPORTS) return [...found];
      }
    }
  }
  return [...found];
}

/** The ways to read a name: some agents take an anchor behind "#" and marks of Markdown for a part of it, others do not. */
const spellings = (written: string): readonly string[] => {
  const name = written.replaceAll('\\ ', ' ');
  const [bare = ''] = name.replace(MARKS, '').split('#', 1);
  return [bare, name];
};

/** What is left of a text without fenced blocks (CommonMark, 4.5) and code spans within a line (6.1). */
function withoutBlocks(text: string): string {
  const lines: string[] = [];
  let fence: string | null = null;
  for (const line of text.split(/\r\n|\r|\n/)) {
    // The fence of an item of a list is indented. Not every agent finds it, so it counts for none.
    const mark = /^(`{3,}|~{3,})(?!.*`)/.exec(line)?.[1];
    if (fence === null) {
      if (mark === undefined) lines.push(withoutSpans(line));
      else fence = mark;
    } else if (line.trim().startsWith(fence) && /^ {0,3}(?:`+|~+)\s*$/.test(line)) {
      fence = null;
    }
  }
  return lines.join('\n');
}

/** A line in which each code span is one backtick. */
function withoutSpans(line: string): string {
  const runs = [...line.matchAll(/`+/g)].map(({ index, 0: { length } }) => ({ index, length }));
  const after = new Map<number, number>();
  const closing: (number | undefined)[] = [];
  for (const [at, { length }] of [...runs.entries()].reverse()) {
    closing[at] = after.get(length);
    after.set(length, at);
  }
  let left = '';
  let from = 0;
  for (const [at, { index }] of runs.entries()) {
    const close = runs[closing[at] ?? -1];
    if (close === undefined || index < from || line[index - 1] === '\\') continue;
    left += `${line.slice(from, index)}\``;
    from = close.index + close.length;
  }
  return left + line.slice(from);
}

/** What is left of a text without what is between two equal runs of backticks, wherever they are. */
function withoutPairs(text: string): string {
  let left = '';
  let from = 0;
  for (const { index, 0: run } of text.matchAll(/`+/g)) {
    if (index < from) continue;
    const end = text.indexOf(run, index + run.length);
    if (end === -1) continue;
    left += `${text.slice(from, index)}\``;
    from = end + run.length;
  }
  return left + text.slice(from);
}

/** A path that is written relative to a file, from the top; null for one that leaves the repository. */
function resolvedPath(file: string, written: string): string | null {
  const resolved = file.split('/').slice(0, -1);
  for (const segment of written.split('/')) {
    if (segment === '..') {
      if (resolved.pop() === undefined) return null;
    } else if (segment !== '.' && segment !== '') {
      resolved.push(segment);
    }
  }
  return resolved.length === 0 ? null : resolved.join('/');
}
