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
