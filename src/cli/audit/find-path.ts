import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import type { AuditRepository } from './audit-repository.js';
import type { AuditedRun, RunCatalogue } from './run-catalogue.js';

/** A path that was named: on the disk, in the repository's HEAD, or both. */
export interface NamedPath {
  readonly absolute: string;
  /** Relative to the top of the repository; null outside of it. */
  readonly inRepository: string | null;
  readonly onDisk: boolean;
}

/**
 * Finds what a path names.
 * @param directory what it is relative to
 * @returns null when it is neither on the disk nor was ever in the repository's history
 */
export async function findPath(
  given: string,
  directory: string,
  repository: AuditRepository | null,
): Promise<NamedPath | null> {
  const absolute = resolve(directory, given);
  const onDisk = (await lstat(absolute).catch(() => null)) !== null;
  if (repository === null) return onDisk ? { absolute, inRepository: null, onDisk } : null;
  const inRepository = repository.bare ? given : await insideOf(repository.path, absolute);
  if (onDisk && !repository.bare) return { absolute, inRepository, onDisk };
  const everThere = inRepository !== null && (await newestCommit(repository, inRepository)) !== null;
  return everThere ? { absolute, inRepository, onDisk: false } : null;
}

async function insideOf(top: string, absolute: string): Promise<string | null> {
  // Git names the top without links in it; the file itself may be a link that is tracked.
  const folder = await realpath(dirname(absolute)).catch(() => dirname(absolute));
  const path = relative(await realpath(top), join(folder, basename(absolute)));
  return path === '..' || path.startsWith(`..${sep}`) ? null : path || '.';
}

/** The newest commit that touched a path, or null. */
export async function newestCommit(repository: AuditRepository, path: string): Promise<string | null> {
  const { exitCode, stdout } = await repository.ask(['log', '-1', '--format=%H', '--', path]);
  return exitCode === 0 ? stdout.toString('latin1').trim() || null : null;
}

/** The approved run whose base with its patch has a file of these very bytes. */
export async function runWithFile(
  repository: AuditRepository,
  catalogue: RunCatalogue,
  absolute: string,
): Promise<AuditedRun | null> {
  const blob = await repository.text(['hash-object', '--no-filters', '--', absolute]);
  for (const run of await catalogue.all()) {
    if (run.record.outcome !== 'approved') continue;
    const change = await catalogue.change(run, repository);
    if (change?.files?.some((file) => file.blob === blob)) return run;
  }
  return null;
}

/** SHA-256 of a file's bytes, read as a stream. */
export async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
