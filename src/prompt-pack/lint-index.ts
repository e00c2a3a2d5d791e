import { PROMPT_IDS } from '../contracts/names.js';
import type { PromptIndex } from '../contracts/prompt-pack.js';
import type { LintFinding } from './lint-finding.js';
import type { LocatedDocument } from './located-document.js';
import { INDEX_PATH, type PackFiles, packFile } from './pack-files.js';

/** Judges the index as a whole: each of the seven prompts once, each path once, and every file there. */
export function lintIndex(files: PackFiles, index: PromptIndex, document: LocatedDocument): LintFinding[] {
  const finding = (code: LintFinding['code'], at: readonly PropertyKey[], message: string): LintFinding => ({
    severity: 'error',
    code,
    path: INDEX_PATH,
    line: document.lineOf(at),
    message,
  });
  const findings: LintFinding[] = [];
  const ids = new Set<string>();
  const paths = new Set<string>();
  for (const [position, { prompt_id, path }] of index.prompts.entries()) {
    const at = ['prompts', position];
    if (ids.has(prompt_id)) {
      findings.push(finding('PROMPT_DUPLICATE', [...at, 'prompt_id'], `${prompt_id} is named twice`));
    }
    if (paths.has(path)) findings.push(finding('PATH_DUPLICATE', [...at, 'path'], `${path} is named twice`));
    if (packFile(files, path) === undefined) {
      findings.push(finding('FILE_MISSING', [...at, 'path'], `${prompt_id}: there is no file ${path}`));
    }
    ids.add(prompt_id);
    paths.add(path);
  }
  const missing = PROMPT_IDS.filter((id) => !ids.has(id));
  return [...findings, ...missing.map((id) => finding('PROMPT_MISSING', ['prompts'], `no prompt has the id ${id}`))];
}
