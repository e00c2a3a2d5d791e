import { resolve } from 'node:path';
import { type ChangeEnd, type LocalChange, readLocalChange } from '../../../adapters/workspace/local-change.js';
import { readNamedFile } from '../../../config/files.js';
import { PromptOsError } from '../../../contracts/errors.js';
import type { CommandContext } from '../../app/context.js';
import { type AuditRepository, findCommit, openAuditRepository, requireCommit } from '../commits/audit-repository.js';

export interface ChangeOptions {
  readonly patch?: string;
  readonly staged?: true;
  readonly range?: string;
  readonly base?: string;
}

/** The change that a command line names. */
export interface CheckedChange extends LocalChange {
  readonly kind: ChangeEnd['kind'];
  /** Null for a repository without a commit. */
  readonly base_commit: string | null;
  /** For messages, such as `what is staged`. */
  readonly what: string;
}

interface NamedChange {
  readonly base: string | null;
  readonly end: ChangeEnd;
  readonly what: string;
}

/** @throws PromptOsError REPO_NOT_GIT, REPO_OF_ANOTHER_USER, BASE_NOT_FOUND, FILE_NOT_READABLE, USAGE, PATCH_TOO_LARGE, GIT_FAILED */
export async function readChange(
  context: CommandContext,
  options: ChangeOptions,
  readInput: () => Promise<Uint8Array>,
): Promise<CheckedChange> {
  const { cwd: folder, env: variables } = context;
  const repository = await openAuditRepository(folder, variables);
  const { base, end, what } = await namedChange(context, repository, options, readInput);
  // Git names the index of a commit to its hooks: with `git commit FILE` it is not the repository's own.
  const indexFile = variables.GIT_INDEX_FILE;
  const change = await readLocalChange({ folder, variables, base, end, indexFile });
  return { ...change, kind: end.kind, base_commit: base, what };
}

async function namedChange(
  context: CommandContext,
  repository: AuditRepository,
  { patch, staged, range, base }: ChangeOptions,
  readInput: () => Promise<Uint8Array>,
): Promise<NamedChange> {
  if (patch !== undefined) {
    const bytes =
      patch === '-' ? await readInput() : await readNamedFile(resolve(context.cwd, patch), 'FILE_NOT_READABLE');
    const commit = await requireCommit(repository, base ?? 'HEAD');
    return { base: commit, end: { kind: 'patch', bytes }, what: patch === '-' ? 'the patch' : patch };
  }
  if (range !== undefined) return rangeOf(repository, range);
  if (base !== undefined) return rangeOf(repository, `${base}...HEAD`);
  const head = await findCommit(repository, 'HEAD');
  return staged === true
    ? { base: head, end: { kind: 'staged' }, what: 'what is staged' }
    : { base: head, end: { kind: 'working_tree' }, what: 'the working tree' };
}

async function rangeOf(repository: AuditRepository, range: string): Promise<NamedChange> {
  const [, from = '', dots = '', to = ''] = /^(.*?)(\.{2,3})(.*)$/.exec(range) ?? [];
  if (from === '') {
    throw new PromptOsError('USAGE', `--range: expected two commits such as main..HEAD, received "${range}".`);
  }
  const start = await requireCommit(repository, from);
  const commit = await requireCommit(repository, to === '' ? 'HEAD' : to);
  const base = dots === '..' ? start : await mergeBase(repository, start, commit, range);
  return { base, end: { kind: 'commit', commit }, what: range };
}

async function mergeBase(repository: AuditRepository, one: string, other: string, range: string): Promise<string> {
  const { exitCode, stdout } = await repository.ask(['merge-base', one, other]);
  if (exitCode === 0) return stdout.toString('latin1').trim();
  throw new PromptOsError('BASE_NOT_FOUND', `The commits of ${range} have no common history here.`, {
    hint: 'Name commits of one history; a shallow clone must be fetched whole.',
  });
}
