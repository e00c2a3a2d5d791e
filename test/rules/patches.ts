import type { PatchFile } from '../../src/contracts/record/patch.js';
import { RULES_VERSION } from '../../src/contracts/run/rules-version.js';
import type { JudgedPatch } from '../../src/rules/patch/patch-rule.js';

/** A file of a patch: a plain modification unless said otherwise. */
export const changed = (path: string, more: Partial<PatchFile> = {}): PatchFile => ({
  path,
  old_path: null,
  status: 'modified',
  old_mode: '100644',
  new_mode: '100644',
  binary: false,
  added: 1,
  deleted: 0,
  ...more,
});

/** A patch of some files that no rule has anything to say about, and what is different this time. */
export const judged = (
  files: readonly PatchFile[],
  more: Partial<Omit<JudgedPatch, 'patch'>> & {
    readonly lines?: JudgedPatch['patch']['added_lines'];
    readonly bytes?: Uint8Array;
  } = {},
): JudgedPatch => {
  const { lines = [], bytes = new Uint8Array(10), ...rest } = more;
  return {
    patch: { bytes, files, added_lines: lines },
    rules_version: RULES_VERSION,
    applies: { ok: true },
    scopes: [{ allow: ['**'], deny: [] }],
    protected_paths: [],
    protected_tests: [],
    agent_files: [],
    inventory: [],
    planned_files: null,
    components: [],
    limits: { patch_bytes: 1_000, patch_files: 10 },
    secret_hits: [],
    ...rest,
  };
};
