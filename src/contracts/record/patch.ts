import { z } from 'zod';
import { commitSchema, sha256Schema } from '../primitives.js';
import { findingSchema } from '../run/findings.js';

/** One file of a patch, as git's own raw difference has it. */
export interface PatchFile {
  /** The path after the change; for a deletion the path that went. UTF-8, never quoted. */
  readonly path: string;
  /** The path before a rename or copy. */
  readonly old_path: string | null;
  readonly status: 'added' | 'modified' | 'deleted' | 'renamed' | 'copied' | 'type_changed';
  /** File modes in octal such as `100644`; `000000` where there is no file. */
  readonly old_mode: string;
  readonly new_mode: string;
  readonly binary: boolean;
  /** Lines; 0 for binary files. */
  readonly added: number;
  readonly deleted: number;
}

/** A change as git computed it: the bytes that `git apply` takes, and what they hold. */
export interface Patch {
  readonly bytes: Uint8Array;
  readonly files: readonly PatchFile[];
  /** Added text by file, for rules that look at content; binary files are absent. */
  readonly added_lines: readonly { readonly path: string; readonly line: number; readonly text: string }[];
  /** What binary files hold of ASCII, without its zeros: UTF-16, and text that has a NUL. For the search for secrets. */
  readonly binary_texts?: readonly { readonly path: string; readonly text: string }[];
  /** Files that a normal checkout with the repository's attributes would not have as the patch has them, and why. */
  readonly unclean?: readonly { readonly path: string; readonly reason: string }[];
}

/** What came of taking a patch back: trees as git names them. */
const rollbackProofSchema = z.strictObject({
  base_tree: commitSchema.describe('the tree of the base commit'),
  patched_tree: commitSchema.describe('that tree with the patch'),
  restored_tree: commitSchema.nullable().describe('what the reverse patch gives; null where it does not apply'),
  reason: z.string().max(2_000).optional().describe('why it does not apply, in the words of git'),
});
export type RollbackProof = z.infer<typeof rollbackProofSchema>;

/** Where the branch that the run started from was when P06 began. */
const baseMoveSchema = z.strictObject({
  branch: z.string().nullable().describe('null where the run was started from a commit: there is nothing to compare'),
  tip: commitSchema.nullable().describe('null where the repository has no such branch'),
  files: z.array(z.string()).max(200).describe('files in scope in which the branch differs from the base commit'),
  more: z.int().nonnegative().describe('such files that are not listed'),
});
export type BaseMove = z.infer<typeof baseMoveSchema>;

/** What the verifier's worker judged of a patch by itself. Published as `evidence/patch_judgement.json`. */
export const patchJudgementSchema = z.strictObject({
  schema_version: z.literal(1),
  rules_version: z.int().positive(),
  base_commit: commitSchema,
  patch_sha256: sha256Schema,
  rules: z.array(z.string()).describe('the rules that were run'),
  rollback: rollbackProofSchema.optional().describe('absent for an empty patch, and in runs of earlier releases'),
  base: baseMoveSchema.optional().describe('absent in runs of earlier releases'),
  /** All that the rules found, whether or not the writer's own record has it. */
  findings: z.array(findingSchema.omit({ id: true }).extend({ known: z.boolean() })),
});
export type PatchJudgement = z.infer<typeof patchJudgementSchema>;

/** `patch/files.json`: what git computed of the patch. */
export const patchFilesSchema = z.strictObject({
  schema_version: z.literal(1),
  stats: z.strictObject({
    files: z.int().nonnegative(),
    added: z.int().nonnegative(),
    deleted: z.int().nonnegative(),
    bytes: z.int().nonnegative(),
  }),
  files: z.array(
    z.strictObject({
      path: z.string().min(1),
      old_path: z.string().nullable(),
      status: z.enum(['added', 'modified', 'deleted', 'renamed', 'copied', 'type_changed']),
      old_mode: z.string(),
      new_mode: z.string(),
      binary: z.boolean(),
      added: z.int().nonnegative(),
      deleted: z.int().nonnegative(),
    }),
  ),
  /** What a refused patch really was whose secrets are masked in the tree. */
  masked: z.strictObject({ sha256: sha256Schema, bytes: z.int().nonnegative() }).optional(),
});
