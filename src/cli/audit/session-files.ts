import { posix } from 'node:path';
import { sha256Hex } from '../../contracts/digest.js';
import { PromptOsError } from '../../contracts/errors.js';
import { promptSessionSidecar, promptSessionText } from '../../domain/record/prompt-session.js';
import { bundleName } from '../published-bundle.js';
import type { AuditRepository } from './audit-repository.js';
import type { ChangedFile } from './change.js';
import { fileDigest } from './commit-facts.js';
import type { AuditedRun } from './run-catalogue.js';

const NAMES = ['prompt_session.json', 'prompt_session.sha256'] as const;

/**
 * A file of a commit that is, byte for byte, what `promptos export` wrote for a run: its session, or its bundle under the
 * run's id.
 */
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
 * The session files and bundles among the files that a commit adds or changes, and whose they are. What is not exactly
 * what a run published stays part of the commit's change.
 * @param runs asked only when the commit touches such a file
 */
export async function sessionFilesOf(
  repository: AuditRepository,
  { commit, files }: { readonly commit: string; readonly files: readonly ChangedFile[] },
  runs: () => Promise<readonly AuditedRun[]>,
  artifactsDir: string,
): Promise<readonly SessionFile[]> {
  const paths = sessionPaths(artifactsDir);
  const folder = posix.dirname(paths[0] ?? '');
  const isBundle = (path: string) => posix.dirname(path) === folder && path.endsWith(bundleName(''));
  const touched = files.filter(({ path, mode }) => (paths.includes(path) || isBundle(path)) && mode === '100644');
  if (touched.length === 0) return [];
  const all = await runs();
  const owners = new Map<string, AuditedRun>();
  for (const run of all) for (const digest of sessionDigests(run)) owners.set(digest, run);
  const found: SessionFile[] = [];
  for (const { path } of touched) {
    const digest = (await fileDigest(repository, commit, path)) ?? '';
    const run = paths.includes(path) ? owners.get(digest) : await bundled(all, posix.basename(path), digest);
    if (run !== undefined) found.push({ path, run });
  }
  return found;
}

async function bundled(runs: readonly AuditedRun[], name: string, sha256: string): Promise<AuditedRun | undefined> {
  const run = runs.find(({ runId }) => bundleName(runId) === name);
  return run !== undefined && (await run.bundleSha256()) === sha256 ? run : undefined;
}

/** Digests of a run's session file and of its sidecar. */
export function sessionDigests({ session }: AuditedRun): readonly [string, string] {
  const digest = sha256Hex(promptSessionText(session));
  return [digest, sha256Hex(promptSessionSidecar(digest))];
}
