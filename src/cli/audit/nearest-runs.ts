import { basename } from 'node:path';
import { type AuditRepository, findCommit } from './audit-repository.js';
import type { AuditedRun, RunCatalogue } from './run-catalogue.js';

/** A run that something may have to do with, though it does not come from it. */
export interface NearRun {
  readonly run_id: string;
  readonly outcome: string;
  readonly finished_at: string;
  readonly files_in_common: readonly string[];
}

/** Enough to look at by hand. */
const NEAREST = 3;

/**
 * The runs of the same repository that are nearest: most files in common first, then the newest.
 * @param repository null outside of one: then all runs are of the same repository
 * @param files paths of the repository
 */
export async function nearestRuns(
  catalogue: RunCatalogue,
  repository: AuditRepository | null,
  files: readonly string[],
): Promise<readonly NearRun[]> {
  const near: NearRun[] = [];
  for (const run of await catalogue.all()) {
    if (repository !== null && !(await isOf(repository, run))) continue;
    const changed = repository === null ? [] : await changedPaths(catalogue, repository, run);
    const { outcome, finished_at } = run.record;
    near.push({
      run_id: run.runId,
      outcome,
      finished_at,
      files_in_common: files.filter((file) => changed.includes(file)),
    });
  }
  // Array.prototype.sort is stable, and the catalogue has the newest first.
  return near.sort((one, other) => other.files_in_common.length - one.files_in_common.length).slice(0, NEAREST);
}

/** A repository has the run's base commit, or is called what the run calls its own. */
async function isOf(repository: AuditRepository, { record }: AuditedRun): Promise<boolean> {
  if ((await findCommit(repository, record.base_commit)) !== null) return true;
  const { stdout } = await repository.ask(['config', '--get-regexp', '^remote\\..*\\.url$']);
  const urls = stdout.toString('utf8').split('\n').filter(Boolean);
  const names = urls.map((line) => line.replace(/\/*(?:\.git)?\/*$/, ''));
  if (names.length === 0) return basename(repository.path) === record.target_repo;
  return names.some(
    (name) => /[/: ]/.test(name.at(-record.target_repo.length - 1) ?? '') && name.endsWith(record.target_repo),
  );
}

async function changedPaths(
  catalogue: RunCatalogue,
  repository: AuditRepository,
  run: AuditedRun,
): Promise<readonly string[]> {
  const change = await catalogue.change(run, repository);
  if (change === null) return [];
  if (change.files !== null) return change.files.map(({ path }) => path);
  const { exitCode, stdout } = await repository.ask(['apply', '--numstat', '-z', '-'], { input: run.patch ?? '' });
  if (exitCode !== 0) return [];
  return stdout
    .toString('utf8')
    .split('\0')
    .map((field) => field.split('\t').at(-1) ?? '')
    .filter(Boolean);
}
