import { posix } from 'node:path';
import { sha256Hex } from '../../contracts/digest.js';
import { PromptOsError } from '../../contracts/errors.js';
import { promptSessionSidecar, promptSessionText } from '../../governance/prompt-session.js';
import type { AuditRepository } from './audit-repository.js';
import type { ChangedFile } from './change.js';
import { fileDigest } from './commit-facts.js';
import type { AuditedRun } from './run-catalogue.js';

const NAMES = ['prompt_session.json', 'prompt_session.sha256'] as const;

/** A file of a commit that is, byte for byte, what `promptos export --artifacts-dir` wrote for a run. */
export interface SessionFile {
  readonly path: string;
  readonly run: AuditedRun;
}

/** Where a session's two files are in a repository. @throws PromptOsError PATH_ESCAPES */
export function sessionPaths(artifactsDir: string): readonly string[] {
  const folder = posix.normalize(artifactsDir);
  if (posix.isAbsolute(folder) || folder.split('/')[0] === '..') {
    throw new PromptOsError(
      'PATH_ESCAPES',
      `--artifacts-dir: expected a folder of the repository, received ${artifactsDir}.`,
    );
  }
  return NAMES.map((name) => posix.join(folder, name));
}

/**
 * The session files among those that a commit adds or changes, and whose they are. What is not exactly a published
 * session stays part of the commit's change.
 * @param runs asked only when the commit touches such a file
 */
export async function sessionFilesOf(
  repository: AuditRepository,
  { commit, files }: { readonly commit: string; readonly files: readonly ChangedFile[] },
  runs: () => Promise<readonly AuditedRun[]>,
  artifactsDir: string,
): Promise<readonly SessionFile[]> {
  const paths = sessionPaths(artifactsDir);
  const touched = files.filter(({ path, mode }) => paths.includes(path) && mode === '100644');
  if (touched.length === 0) return [];
  const owners = new Map<string, AuditedRun>();
  for (const run of await runs()) for (const digest of sessionDigests(run)) owners.set(digest, run);
  const found: SessionFile[] = [];
  for (const { path } of touched) {
    const run = owners.get((await fileDigest(repository, commit, path)) ?? '');
    if (run !== undefined) found.push({ path, run });
  }
  return found;
}

/** Digests of a run's session file and of its sidecar. */
export function sessionDigests({ session }: AuditedRun): readonly [string, string] {
  const digest = sha256Hex(promptSessionText(session));
  return [digest, sha256Hex(promptSessionSidecar(digest))];
}
