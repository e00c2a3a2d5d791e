import { agentFileOf, importedPaths, mayImport } from '../../../rules/agent-files/agent-files.js';
import { pathText } from '../../git/read-diff.js';
import { type BytePath, bytePath } from '../tree/tree-survey.js';

/** An imported file may import others: at the most so many times, as in Gemini CLI and Qwen Code. Claude Code ends earlier. */
const HOPS = 5;

/**
 * Which files the files that steer agents import by their text, and which those import.
 * @param steering files that agents read by their names, or behind links
 * @param textOf the bytes of a file; null where there is none that can be read
 * @returns what each file imports, whether or not there is such a file; files that import nothing are left out
 */
export async function followImports(
  steering: readonly BytePath[],
  textOf: (path: BytePath) => Promise<Buffer | null>,
): Promise<ReadonlyMap<BytePath, readonly BytePath[]>> {
  const imports = new Map<BytePath, readonly BytePath[]>();
  const seen = new Set<BytePath>();
  let found: readonly BytePath[] = steering.filter((path) => mayImport(pathText(path)));
  for (let hop = 0; hop < HOPS && found.length > 0; hop += 1) {
    const next: BytePath[] = [];
    for (const path of found) {
      // Imported files are searched whatever their type.
      if (seen.has(path)) continue;
      seen.add(path);
      const text = await textOf(path);
      // What steers agents by its own name is listed anyway.
      const named = text === null ? [] : importedPaths(text.toString('utf8'), pathText(path));
      const others = named.filter((target) => agentFileOf(target) === null).map(bytePath);
      if (others.length > 0) imports.set(path, others);
      next.push(...others);
    }
    found = next;
  }
  return imports;
}
