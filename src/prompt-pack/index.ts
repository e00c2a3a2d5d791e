export { packDigest } from './digest.js';
export { parseFrontMatter } from './front-matter.js';
export {
  type GateInputs,
  gateInputs,
  LOG_TAIL_BYTES,
  logTail,
  PATCH_INPUT_BYTES,
  patchInput,
  shownResults,
} from './gate-inputs.js';
export { lintPack } from './lint.js';
export type { LintCode, LintFinding, LintResult } from './lint-finding.js';
export { type LoadedPrompt, loadPack, type PromptPack, requirePromptIndex } from './load.js';
export { comparePromptLock, formatPromptLock, makePromptLock } from './lock.js';
export { INDEX_PATH, LOCK_PATH, type PackFiles, packFile } from './pack-files.js';
export { type PromptInput, type RenderPromptOptions, renderedHead, renderPrompt } from './render.js';
