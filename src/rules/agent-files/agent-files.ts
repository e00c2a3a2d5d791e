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
