import type { Inventory } from '../../../contracts/run/inventory.js';
import { agentTargetOf, createAgentPaths } from '../../../rules/agent-files/agent-files.js';
import { pathText } from '../../git/read-diff.js';
import type { Git } from '../../git/run-git.js';
import { GITLINK_MODE, type GitIndex, type IndexEntry, LINK_MODE, missingIn } from '../tree/git-index.js';
import type { BytePath } from '../tree/tree-survey.js';

/** The target of a symbolic link has at most this many bytes on Linux. */
const TARGET_BYTES = 64 * 1_024;

/**
 * Paths that steer agents and that a patch adds, changes or removes: by their names, by where links of the commit lead, and
 * by where links of the patch lead. Sorted.
 * @param git with the objects of the patched index
 */
export async function touchedAgentEntries(
  git: Git,
  base: GitIndex,
  patched: GitIndex,
  { files }: Inventory,
): Promise<readonly BytePath[]> {
  const paths = createAgentPaths(files);
  const isNamed = ({ path, mode }: IndexEntry): boolean => {
    const isPointer = mode === LINK_MODE || mode === GITLINK_MODE;
    return (isPointer ? paths.folderOf(pathText(path)) : paths.fileOf(pathText(path))) !== null;
  };
  const leadsToOne = async ({ path, mode, object }: IndexEntry): Promise<boolean> => {
    if (mode !== LINK_MODE) return false;
    const target = await git.bytes(['cat-file', 'blob', object], { maxBytes: TARGET_BYTES });
    return agentTargetOf(pathText(path), target.toString('utf8')) !== null;
  };
  const touched = new Set<BytePath>();
  for (const entry of missingIn(patched, base)) {
    if (isNamed(entry) || (await leadsToOne(entry))) touched.add(entry.path);
  }
  for (const entry of missingIn(base, patched)) if (isNamed(entry)) touched.add(entry.path);
  return [...touched].sort();
}

/** The folders above a path. */
export function* foldersOf(path: BytePath): Generator<BytePath> {
  for (let end = path.lastIndexOf('/'); end !== -1; end = path.lastIndexOf('/', end - 1)) yield path.slice(0, end);
}

/**
 * Gives entries of git's index the form that they have in the commit.
 * @returns those that the commit has and that cannot be restored, because another file of the patch is in the way
 */
export async function restoreEntries(
  git: Git,
  base: GitIndex,
  patched: GitIndex,
  paths: readonly BytePath[],
): Promise<readonly BytePath[]> {
  const withheld = new Set(paths);
  const kept = [...patched.entries.keys()].filter((path) => !withheld.has(path));
  const keptFiles = new Set(kept);
  const keptFolders = new Set(kept.flatMap((path) => [...foldersOf(path)]));
  const isFree = (path: BytePath): boolean =>
    !keptFolders.has(path) && ![...foldersOf(path)].some((folder) => keptFiles.has(folder));
  const wanted = paths.flatMap((path) => base.entries.get(path) ?? []);
  const restored = wanted.filter(({ path }) => isFree(path));
  const zeros = '0'.repeat([...patched.entries.values(), ...wanted][0]?.object.length ?? 40);
  const lines = [
    ...paths.map((path) => `0 ${zeros}\t${path}\0`),
    ...restored.map(({ path, mode, object }) => `${mode.toString(8)} ${object}\t${path}\0`),
  ];
  await git.bytes(['update-index', '-z', '--index-info'], { input: Buffer.from(lines.join(''), 'latin1') });
  return wanted.filter((entry) => !restored.includes(entry)).map(({ path }) => path);
}
