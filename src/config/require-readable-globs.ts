import type { ErrorCode } from '../contracts/errors.js';
import { refusedGlobs, type StatedGlob } from '../rules/stated-globs.js';
import { invalidDocument } from './schema-problems.js';
import type { YamlDocument } from './yaml-document.js';

/**
 * Refuses globs that can match no path or whose meaning is not certain, at their lines. Only where a run starts: a
 * document of an older run is read as it is.
 * @throws PromptOsError with `code`
 */
export function requireReadableGlobs(document: YamlDocument, globs: readonly StatedGlob[], code: ErrorCode): void {
  const problems = refusedGlobs(globs).map(({ path, glob, what }) => ({ path, text: `the glob "${glob}" ${what}` }));
  if (problems.length > 0) throw invalidDocument(document, problems, code);
}
