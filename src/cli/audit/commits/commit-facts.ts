import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { sha256Hex } from '../../../contracts/digest.js';
import { PromptOsError } from '../../../contracts/errors.js';
import { promptSessionSidecar, promptSessionText } from '../../../domain/record/prompt-session.js';
import { bundleName } from '../../app/published-run.js';
import { type AuditRepository, mergeTrees } from './audit-repository.js';
import { type ChangedFile, changeBetween, sameTrees } from './change.js';
import type { Audit, AuditedRun } from './run-catalogue.js';

/** The trailers that `promptos apply` writes. */
const RUN_TRAILER = 'PromptOS-Run';
const RECORD_TRAILER = 'PromptOS-Record';

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
  const log = ['log', '-1', '--no-show-signature', '--no-mailmap', '--encoding=UTF-8', `--format=${format}`];
  const shown = await repository.text([...log, commit]);
  const [parents = '', subject = '', name = '', email = '', runs = '', records = ''] = shown.split('\0');
  const lines = (text: string): readonly string[] => {
    const values = text.split('\n').map((line) => line.trim());
    return [...new Set(values.filter(Boolean))];
  };
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
    const problem = `--artifacts-dir: expected a folder of the repository, received ${artifactsDir}.`;
    throw new PromptOsError('PATH_ESCAPES', problem);
  }
  return NAMES.map((name) => posix.join(folder, name));
}

/**
 * The session files and bundles among the files that a commit adds or changes, and whose they are. What is not exactly
 * what a run published stays part of the commit's change.
 */
export async function sessionFilesOf(
  { repository, catalogue, artifactsDir }: Audit,
  { commit, files }: { readonly commit: string; readonly files: readonly ChangedFile[] },
): Promise<readonly SessionFile[]> {
  const paths = sessionPaths(artifactsDir);
  const folder = posix.dirname(paths[0] ?? '');
  const isBundle = (path: string) => posix.dirname(path) === folder && path.endsWith(bundleName(''));
  const touched = files.filter(({ path, mode }) => (paths.includes(path) || isBundle(path)) && mode === '100644');
  if (touched.length === 0) return [];
  const all = await catalogue.all();
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

export function sessionDigests({ session }: AuditedRun): readonly [string, string] {
  const digest = sha256Hex(promptSessionText(session));
  return [digest, sha256Hex(promptSessionSidecar(digest))];
}

/**
 * Whether a merge holds what git makes of its two parents, and nothing else. The exported session is one file for all
 * runs, so two branches conflict in it: it may be resolved to the session of a published run.
 * @returns the runs whose session resolves a conflict, or null for a merge with an edit of its own. Git before 2.38
 * cannot tell, so that every merge has one.
 */
export async function plainMerge(
  audit: Audit,
  { commit, parents }: CommitFacts,
): Promise<readonly AuditedRun[] | null> {
  const { repository, artifactsDir } = audit;
  const [one, other, ...more] = parents;
  if (one === undefined || other === undefined || more.length > 0) return null;
  return repository.withScratch(async (env) => {
    const merged = await mergeTrees(repository, one, other, env);
    if (merged === null) return null;
    const { tree, conflicts } = merged;
    const sessions = sessionPaths(artifactsDir);
    if (!conflicts.every((path) => sessions.includes(path))) return null;
    if (!(await sameTrees(repository, tree, commit, { without: conflicts, env }))) return null;
    if (conflicts.length === 0) return [];
    const files = (await changeBetween(repository, tree, commit, { env })).files ?? [];
    const resolved = await sessionFilesOf(audit, { commit, files });
    return conflicts.every((path) => resolved.some((file) => file.path === path))
      ? [...new Set(resolved.map(({ run }) => run))]
      : null;
  });
}
