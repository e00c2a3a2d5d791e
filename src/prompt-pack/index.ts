export { parseFrontMatter } from './front-matter.js';
export { lintPack } from './lint.js';
export type { LintCode, LintFinding, LintResult } from './lint-text.js';
export { type LoadedPrompt, loadPack, type PromptPack, requirePromptIndex } from './load.js';
export { comparePromptLock, formatPromptLock, makePromptLock } from './lock.js';
export { INDEX_PATH, LOCK_PATH, type PackFiles, packDigest, packFile } from './pack-files.js';
export {
  type GateInputs,
  gateInputs,
  LOG_TAIL_BYTES,
  logTail,
  PATCH_INPUT_BYTES,
  type PromptInput,
  patchInput,
  type RenderPromptOptions,
  renderedHead,
  renderPrompt,
  shownResults,
} from './render.js';
