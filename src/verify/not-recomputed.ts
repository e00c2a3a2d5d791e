import { judgesAgain } from './attempt-inputs.js';
import type { TreeDocuments } from './open-documents.js';

/** What no verifier can make again from a tree alone. `docs/verify.md` has the same list. */
export const NOT_RECOMPUTED = [
  'whether the patch applies to the base commit: this needs the repository',
  'whether files have the bytes that their attributes give them: this needs the repository',
  'what the secret scanner found beyond the built-in patterns, and what is inside binary files',
  'why a try of an executor did not count, and which program and model gave an answer',
  'what a check printed and how it ended: its logs are compared with the record, the check is not run',
  'what the report of a check counted: the counts are held against those of the base commit, the report is not published',
  'changes that an executor made where it may make none, and changes of the repository itself during a gate',
] as const;

const OLD_RULES =
  'rules, derivations and prompts of this run: it was governed by rules version 1, which does not ask for them';

/** What was not judged again of a tree. */
export const notRecomputed = async (documents: TreeDocuments): Promise<readonly string[]> =>
  (await judgesAgain(documents)) ? NOT_RECOMPUTED : [OLD_RULES, ...NOT_RECOMPUTED];
