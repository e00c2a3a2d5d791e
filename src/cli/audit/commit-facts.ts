import { createHash } from 'node:crypto';
import type { AuditRepository } from './audit-repository.js';

/** The trailers that `promptos apply` writes. */
export const RUN_TRAILER = 'PromptOS-Run';
export const RECORD_TRAILER = 'PromptOS-Record';

/** A commit as an audit speaks of it. */
export interface CommitFacts {
  readonly commit: string;
  readonly parents: readonly string[];
  readonly subject: string;
  readonly committer: { readonly name: string; readonly email: string };
  /** The runs and the digests of records that its trailers name: claims, like all trailers. */
  readonly runs: readonly string[];
  readonly records: readonly string[];
}

/** @param commit a full id */
export async function readCommit(repository: AuditRepository, commit: string): Promise<CommitFacts> {
  const trailer = (key: string): string => `%(trailers:key=${key},valueonly,unfold)`;
  const format = ['%P', '%s', '%cn', '%ce', trailer(RUN_TRAILER), trailer(RECORD_TRAILER)].join('%x00');
  const shown = await repository.text([
    'log',
    '-1',
    '--no-show-signature',
    '--no-mailmap',
    '--encoding=UTF-8',
    `--format=${format}`,
    commit,
  ]);
  const [parents = '', subject = '', name = '', email = '', runs = '', records = ''] = shown.split('\0');
  const lines = (text: string): readonly string[] => [
    ...new Set(
      text
        .split('\n')
        .map((line) => line.trim())
        .filter(Boolean),
    ),
  ];
  return {
    commit,
    parents: parents.split(' ').filter(Boolean),
    subject,
    committer: { name, email },
    runs: lines(runs),
    records: lines(records),
  };
}

/** SHA-256 of a file as a commit has it, or null when it does not. */
export async function fileDigest(repository: AuditRepository, commit: string, path: string): Promise<string | null> {
  const { exitCode, stdout } = await repository.ask(['cat-file', 'blob', `${commit}:${path}`]);
  return exitCode === 0 ? createHash('sha256').update(stdout).digest('hex') : null;
}
