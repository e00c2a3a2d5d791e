import type { FrontMatter } from '../contracts/prompt-pack.js';
import { parseFrontMatter } from './front-matter.js';
import type { LintFinding } from './lint-finding.js';
import { INDEX_PATH, type PackFiles, packFile } from './pack-files.js';
import type { PromptIndexEntry } from './pack-index.js';

const SHARED_FIELDS = [
  'prompt_id',
  'name',
  'version',
  'phase',
  'maps_to_gate',
  'owner',
  'last_updated_utc',
] as const satisfies readonly (keyof FrontMatter & keyof PromptIndexEntry)[];

/** `00` and `P00` are the same phase. */
const normalised = (field: (typeof SHARED_FIELDS)[number], value: string): string =>
  field === 'phase' || field === 'maps_to_gate' ? value.replace(/^P/, '') : value;

/** Judges one prompt: its front matter by itself and against its index entry, and that it says anything at all. */
export function lintPrompt(files: PackFiles, entry: PromptIndexEntry): LintFinding[] {
  const { path } = entry;
  const text = packFile(files, path);
  if (text === undefined) return []; // The index's own lint tells.
  const parsed = parseFrontMatter(text);
  if (!parsed.ok) {
    return parsed.problems.map(({ code, line, message }) => ({ severity: 'error', code, path, line, message }));
  }
  const { frontMatter, lineOf, body, bodyLine } = parsed;
  const findings: LintFinding[] = SHARED_FIELDS.filter(
    (field) => normalised(field, frontMatter[field]) !== normalised(field, entry[field]),
  ).map((field) => ({
    severity: 'error',
    code: 'INDEX_MISMATCH',
    path,
    line: lineOf(field),
    message: `${field} is "${frontMatter[field]}" here and "${entry[field]}" in ${INDEX_PATH}`,
  }));
  if (normalised('maps_to_gate', frontMatter.maps_to_gate) !== frontMatter.prompt_id.slice(1)) {
    const message = `${frontMatter.prompt_id} maps to gate ${frontMatter.maps_to_gate}; the engine uses it for ${frontMatter.prompt_id}`;
    findings.push({ severity: 'warning', code: 'GATE_MISMATCH', path, line: lineOf('maps_to_gate'), message });
  }
  if (body.trim() === '') {
    const message = 'the prompt ends with its front matter and says nothing';
    findings.push({ severity: 'error', code: 'BODY_EMPTY', path, line: bodyLine, message });
  }
  return findings;
}
