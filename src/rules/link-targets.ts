import type { Patch, PatchFile } from '../contracts/patch.js';

export const LINK_MODE = '120000';

/** The symbolic links that a patch adds or changes, with where they point; null where git shows no target. */
export function linkTargets(patch: Patch): readonly { readonly file: PatchFile; readonly target: string | null }[] {
  const links = patch.files.filter(({ new_mode }) => new_mode === LINK_MODE);
  if (links.length === 0) return [];
  const targets = new Map<string, string[]>(links.map(({ path }) => [path, []]));
  for (const { path, text } of patch.added_lines) targets.get(path)?.push(text);
  return links.map((file) => {
    const lines = targets.get(file.path) ?? [];
    return { file, target: lines.length === 0 ? null : lines.join('\n') };
  });
}
