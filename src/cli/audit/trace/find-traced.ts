import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { PromptOsError } from '../../../contracts/errors.js';
import { RUN_ID_PATTERN } from '../../../contracts/names.js';
import { LATEST } from '../../app/options.js';
import { type AuditRepository, findCommit } from '../commits/audit-repository.js';
import { fileDigest } from '../commits/commit-facts.js';
import { type CommitMatch, isChangeOfRun, matchCommit, openCommit } from '../commits/match-commit.js';
import type { Audit, AuditedRun, RunCatalogue } from '../commits/run-catalogue.js';
import type { TracedArtifact } from './trace.js';

export type SubjectKind = 'run' | 'digest' | 'commit' | 'path';

export interface FindInput extends Omit<Audit, 'repository'> {
  readonly given: string;
  /** Null for whatever it turns out to be. */
  readonly kind: SubjectKind | null;
  /** Null outside of repositories. */
  readonly repository: AuditRepository | null;
  readonly directory: string;
  selectRun(given: string): Promise<string>;
}

/** What a trace begins with, or what is known of something that no run accounts for. */
export type Found =
  | { readonly run: AuditedRun; readonly artifact: TracedArtifact; readonly problems: readonly string[] }
  | { readonly run: null; readonly why: string; readonly files: readonly string[] };

/**
 * Finds the run that something comes from. What the argument is shows by itself, in this order: the id of a published
 * run or `latest`; a SHA-256; a commit or a path, which must not be both; the beginning of a run's id.
 * @throws PromptOsError USAGE when it is both a commit and a path, RUN_AMBIGUOUS, RUN_NOT_PUBLISHED
 */
export async function findTraced(input: FindInput): Promise<Found> {
  const { given, kind, catalogue } = input;
  const may = (one: SubjectKind): boolean => kind === null || kind === one;
  if (may('run')) {
    const run = await findRun(input, kind === 'run');
    if (run !== null) return foundRun(run);
  }
  const digest = /^(?:sha256:)?([0-9a-f]{64})$/.exec(given)?.[1];
  if (may('digest') && digest !== undefined) {
    const found = await findDigest(catalogue, digest);
    if (found !== null) return { ...found, problems: [] };
  }
  const path = may('path') ? await findPath(given, input.directory, input.repository) : null;
  const commit = may('commit') && input.repository !== null ? await findCommit(input.repository, given) : null;
  if (path !== null && commit !== null && commit !== given) {
    throw new PromptOsError('USAGE', `"${given}" is both a commit and a path.`, {
      hint: 'Say which with --kind commit or --kind path.',
    });
  }
  if (commit !== null && input.repository !== null) return traceCommit(input, input.repository, commit);
  if (path !== null) return tracePath(input, path);
  const begun = kind === null && CAN_BEGIN_AN_ID.test(given) ? await runThatBegins(input) : null;
  if (begun !== null) return foundRun(begun);
  const held = digest !== undefined && (await catalogue.store.hasObject(digest));
  return {
    run: null,
    files: [],
    why: held
      ? 'the store holds these bytes, but no published run names them'
      : 'expected a run, a digest, a commit or a path that is there',
  };
}

const CAN_BEGIN_AN_ID = /^[a-z0-9][a-z0-9-]{0,62}$/;

const foundRun = (run: AuditedRun): Found => ({ run, artifact: { kind: 'run', found_by: 'run_id' }, problems: [] });

async function findRun({ given, catalogue, selectRun }: FindInput, required: boolean): Promise<AuditedRun | null> {
  if (given === LATEST || required) return requireRun(catalogue, await selectRun(given));
  return RUN_ID_PATTERN.test(given) ? catalogue.run(given) : null;
}

async function runThatBegins({ given, catalogue, selectRun }: FindInput): Promise<AuditedRun | null> {
  const begins = (await catalogue.store.list()).some(({ run_id }) => run_id.startsWith(given));
  return begins ? requireRun(catalogue, await selectRun(given)) : null;
}

async function requireRun(catalogue: RunCatalogue, runId: string): Promise<AuditedRun> {
  const run = await catalogue.run(runId);
  if (run !== null) return run;
  throw new PromptOsError('RUN_NOT_PUBLISHED', `Run ${runId} has no published tree.`);
}

async function traceCommit(
  input: FindInput,
  repository: AuditRepository,
  commit: string,
  path?: string,
): Promise<Found> {
  const audit = { ...input, repository };
  const question = await openCommit(audit, commit);
  let match: CommitMatch | null = null;
  for await (const candidate of matchCommit(audit, question)) {
    const holds = isChangeOfRun(candidate);
    if (match === null || holds) match = candidate;
    if (holds) break;
  }
  const files = question.files.map((file) => file.path);
  const [session] = question.sessions;
  if (match === null && session !== undefined && files.length === 0) {
    return { run: session, artifact: { kind: 'commit', found_by: 'session', commit, files }, problems: [] };
  }
  if (match === null) return { run: null, why: `no published run made the change of commit ${commit}`, files };
  const { run, found_by, likeness, record_trailer } = match;
  return {
    run,
    artifact: { kind: 'commit', found_by, commit, files, likeness, record_trailer, ...(path && { path }) },
    problems: commitProblems(match),
  };
}

const PROBLEMS: Readonly<Record<CommitMatch['likeness'], string | null>> = {
  same: null,
  moved: null,
  misplaced: "the commit's lines are the published ones, at a place where git does not put them",
  white_space: "the commit's change differs from the published one in white space",
  result: 'the commit leaves its files as the run did, and its change is not the one that the run published',
  different: "the commit's change is not the one that the run published",
  no_patch: 'the run published no patch',
};

function commitProblems({ run, likeness, applied_before, record_trailer }: CommitMatch): readonly string[] {
  const { record, recordSha256 } = run;
  return [
    PROBLEMS[likeness],
    applied_before !== null && `commit ${applied_before} applied the run's change before, and no run approved it again`,
    record_trailer === 'different' && `the commit names another record than sha256:${recordSha256}`,
    record.outcome !== 'approved' && `the run ended as ${record.outcome}: no integrator approved this change`,
  ].filter((text) => typeof text === 'string');
}

async function tracePath(input: FindInput, { absolute, inRepository, onDisk }: NamedPath): Promise<Found> {
  const { repository, catalogue } = input;
  const isFile = onDisk && (await lstat(absolute)).isFile();
  const digest = isFile ? await digestOfFile(absolute) : null;
  let found: Found = {
    run: null,
    why: 'no published run names this file',
    files: inRepository === null ? [] : [inRepository],
  };
  const commit = repository === null || inRepository === null ? null : await newestCommit(repository, inRepository);
  if (repository !== null && inRepository !== null && commit !== null) {
    found = await traceCommit(input, repository, commit, inRepository);
    if (found.run !== null) {
      const committed = await fileDigest(repository, commit, inRepository);
      const differs = digest !== null && committed !== null && digest !== committed;
      const problem = `${inRepository} in the working tree is not what the commit holds`;
      return differs ? { ...found, problems: [...found.problems, problem] } : found;
    }
  }
  if (digest === null) return found;
  const artifact = await findDigest(catalogue, digest);
  if (artifact !== null) return { ...artifact, problems: [] };
  const run = repository === null ? null : await runWithFile(repository, catalogue, absolute);
  if (run === null) return found;
  return {
    run,
    artifact: { kind: 'file', found_by: 'blobs', path: inRepository ?? absolute, sha256: digest },
    problems: commit === null ? [] : [`no published run made commit ${commit}, the newest that changed the file`],
  };
}

/**
 * The newest run that a SHA-256 belongs to, approved ones first: its record's, a published file's, or whatever else its
 * record names (an attempt, a prompt, a policy, the ledger's head).
 */
async function findDigest(
  catalogue: RunCatalogue,
  sha256: string,
): Promise<{ readonly run: AuditedRun; readonly artifact: TracedArtifact } | null> {
  const runs = await catalogue.all();
  const approved = runs.filter(({ record }) => record.outcome === 'approved');
  const others = runs.filter(({ record }) => record.outcome !== 'approved');
  for (const find of [findPublished, findNamed]) {
    for (const run of [...approved, ...others]) {
      const path = await find(catalogue, run, sha256);
      if (path === null) continue;
      const kind = find === findPublished ? 'artifact' : 'named_digest';
      return { run, artifact: { kind, found_by: 'digest', path, sha256 } };
    }
  }
  return null;
}

async function findPublished({ store }: RunCatalogue, { runId }: AuditedRun, sha256: string): Promise<string | null> {
  const files = (await store.published(runId)) ?? [];
  const same = files.filter((file) => file.sha256 === sha256).map(({ path }) => path);
  // The newest attempt is nearer to the root than those that it replaced.
  return same.sort((one, other) => one.split('/').length - other.split('/').length)[0] ?? null;
}

async function findNamed(_: RunCatalogue, { record }: AuditedRun, sha256: string): Promise<string | null> {
  const pointer = pointerTo(record, sha256);
  return pointer === null ? null : `run_record.json#${pointer}`;
}

/** RFC 6901 pointer to the first member of a value that is this text. */
function pointerTo(value: unknown, text: string): string | null {
  if (value === text) return '';
  if (typeof value !== 'object' || value === null) return null;
  for (const [key, member] of Object.entries(value)) {
    const below = pointerTo(member, text);
    if (below !== null) return `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}${below}`;
  }
  return null;
}

/** A path that was named: on the disk, in the repository's HEAD, or both. */
interface NamedPath {
  readonly absolute: string;
  /** Relative to the top of the repository; null outside of it. */
  readonly inRepository: string | null;
  readonly onDisk: boolean;
}

/**
 * Finds what a path names.
 * @param directory the folder that the path is relative to
 * @returns null when it is neither on the disk nor was ever in the repository's history
 */
async function findPath(
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
async function newestCommit(repository: AuditRepository, path: string): Promise<string | null> {
  const { exitCode, stdout } = await repository.ask(['log', '-1', '--format=%H', '--', path]);
  return exitCode === 0 ? stdout.toString('latin1').trim() || null : null;
}

/** The approved run whose base with its patch has a file of these very bytes. */
async function runWithFile(
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

async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
