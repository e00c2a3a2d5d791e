/**
 * Files that a sandbox shows in a checkout where the checkout has none of the same name. What a program writes goes to the
 * checkout alone.
 */
export interface LaidUnder {
  /** Absolute path of the folder that has them. No program ever writes to it. */
  readonly files: string;
  /** Absolute path of an empty folder on the file system of the checkout, for the kernel's own use. */
  readonly work: string;
}

/** Whether programs can be shown such files, or why they cannot, without a full stop. */
export type LaysUnder = { readonly ok: true } | { readonly ok: false; readonly reason: string };
