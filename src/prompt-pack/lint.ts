import { PROMPT_IDS } from '../contracts/names.js';
import type { FrontMatter, PromptIndex, PromptPackBundle } from '../contracts/prompt-pack.js';
import { oncePerObject } from '../contracts/remember.js';
import { RULES_VERSION } from '../contracts/run/rules-version.js';
import { parseFrontMatter } from './front-matter.js';
import { type LintFinding, type LintResult, lintText, lintTextBefore2 } from './lint-text.js';
import type { LocatedDocument } from './located-document.js';
import { comparePromptLock, parsePromptLock } from './lock.js';
import { INDEX_PATH, LOCK_PATH, type PackFiles, packFile } from './pack-digest.js';
import { type PromptIndexEntry, parsePromptIndex } from './pack-files.js';

function lintLock(files: PackFiles, index: PromptIndex): LintFinding[] {
  const text = packFile(files, LOCK_PATH);
  if (text === undefined) {
    const message = 'the pack has no lock; `promptos prompts lock` writes one';
    return [{ severity: 'warning', code: 'LOCK_MISSING', path: LOCK_PATH, line: 1, message }];
  }
  const parsed = parsePromptLock(text);
  if (!parsed.ok) {
    return parsed.problems.map(({ line, message }) => ({
      severity: 'error',
      code: parsed.code,
      path: LOCK_PATH,
      line,
      message,
    }));
  }
  return comparePromptLock(parsed.lock, files, index).map(({ at, message }) => ({
    severity: 'error',
    code: 'LOCK_MISMATCH',
    path: LOCK_PATH,
    line: parsed.document.locate(at).line,
    message,
  }));
}

/** The engine lints what a run uses, a person lints a folder: what only the folder has must not make them disagree. */
function lintUnlisted(files: PackFiles, index: PromptIndex): LintFinding[] {
  const listed = new Set([INDEX_PATH, LOCK_PATH, ...index.prompts.map(({ path }) => path)]);
  return Object.keys(files)
    .filter((path) => !listed.has(path))
    .map((path) => ({
      severity: 'warning',
      code: 'FILE_UNLISTED',
      path,
      line: 1,
      message: `${INDEX_PATH} does not name this file`,
    }));
}

function lintContents(files: PackFiles): LintFinding[] {
  const text = packFile(files, INDEX_PATH);
  if (text === undefined) {
    const message = 'the pack has no index';
    return [{ severity: 'error', code: 'INDEX_MISSING', path: INDEX_PATH, line: 1, message }];
  }
  const parsed = parsePromptIndex(text);
  if (!parsed.ok) {
    return parsed.problems.map(({ line, message }) => ({
      severity: 'error',
      code: parsed.code,
      path: INDEX_PATH,
      line,
      message,
    }));
  }
  const { index, document } = parsed;
  return [
    ...lintIndex(files, index, document),
    ...index.prompts.flatMap((entry) => lintPrompt(files, entry)),
    ...lintLock(files, index),
    ...lintUnlisted(files, index),
  ];
}

/**
 * Everything wrong with a pack, sorted by file and line. It passes when nothing is an error; no pack at all fails.
 * @param rulesVersion that of a run whose pack is judged again
 */
export function lintPack(files: PackFiles, rulesVersion = RULES_VERSION): LintResult {
  const lintFile = rulesVersion >= 2 ? lintText : lintTextBefore2;
  const found = [...lintContents(files), ...Object.entries(files).flatMap(([path, text]) => lintFile(path, text))];
  const byPlace = (a: LintFinding, b: LintFinding) => (a.path < b.path ? -1 : a.path > b.path ? 1 : a.line - b.line);
  const findings = found.sort(byPlace);
  return { passed: findings.every(({ severity }) => severity !== 'error'), findings };
}

const byVersion = oncePerObject((_bundle: PromptPackBundle) => new Map<number, boolean>());

/** Whether the linter passes a run's pack: asked at each opening, by each role's worker and at each verification. */
export function passesLint(bundle: PromptPackBundle, rulesVersion = RULES_VERSION): boolean {
  const judged = byVersion(bundle);
  const passed = judged.get(rulesVersion) ?? lintPack(bundle.files, rulesVersion).passed;
  judged.set(rulesVersion, passed);
  return passed;
}

/** Judges the index as a whole: each of the seven prompts once, each path once, and every file there. */
function lintIndex(files: PackFiles, index: PromptIndex, document: LocatedDocument): LintFinding[] {
  const finding = (code: LintFinding['code'], at: readonly PropertyKey[], message: string): LintFinding => ({
    severity: 'error',
    code,
    path: INDEX_PATH,
    line: document.locate(at).line,
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
function lintPrompt(files: PackFiles, entry: PromptIndexEntry): LintFinding[] {
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
