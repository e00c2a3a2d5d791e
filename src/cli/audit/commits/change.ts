import { readRawDiff } from '../../../adapters/git/read-diff.js';
import { applyToIndex } from '../../../adapters/git/scratch-index.js';
import { PromptOsError } from '../../../contracts/errors.js';
import type { AuditRepository } from './audit-repository.js';

/** A path before and after a change; mode `000000` where there is no file. */
export interface ChangedFile {
  readonly path: string;
  readonly oldMode: string;
  readonly oldBlob: string;
  readonly mode: string;
  readonly blob: string;
}

/** The difference between two trees, in a form in which two changes can be compared. */
export interface Change {
  /** Null when only the patch's text is known, since its base commit is missing. */
  readonly files: readonly ChangedFile[] | null;
  /**
   * The difference as git prints it, one character a byte, without what does not belong to the change: `index` lines,
   * and the headings behind the positions of hunks.
   */
  readonly text: string;
  /** `git patch-id --stable`: it ignores white space and where the lines are. Null for an empty change. */
  readonly patchId: string | null;
  /** Whether renames are shown as such in `text`. */
  readonly renames: boolean;
}

/**
 * How the difference of a commit relates to the one that was published: `identical`, the same files before and after;
 * `same`, the same text, in files that may differ elsewhere; `moved`, the same lines at another place of their files;
 * `white_space`, the same but for white space; `result`, another difference that leaves the same files; `different`.
 */
export type Comparison = 'identical' | 'same' | 'moved' | 'white_space' | 'result' | 'different';

const DIFF = ['diff-tree', '-r', '--no-ext-diff', '--no-textconv', '--no-color', '--full-index', '--no-commit-id'];

/** What git does without configuration, so that everybody's difference is the one that the engine published. */
const FORM = ['-p', '--binary', '--unified=3', '--diff-algorithm=myers', '--indent-heuristic', '-l1000'];
const PREFIXES = ['--src-prefix=a/', '--dst-prefix=b/'];

export interface ChangeOptions {
  readonly renames?: boolean;
  readonly without?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const settingAside = (paths: readonly string[]): readonly string[] =>
  paths.length === 0 ? [] : ['--', ':(top)', ...paths.map((path) => `:(top,exclude,literal)${path}`)];

export async function sameTrees(
  repository: AuditRepository,
  one: string,
  other: string,
  { without = [], env = {} }: Pick<ChangeOptions, 'without' | 'env'>,
): Promise<boolean> {
  const call = { env: { ...env, GIT_LITERAL_PATHSPECS: '0' } };
  const raw = await repository.bytes([...DIFF, '--no-renames', '--raw', one, other, ...settingAside(without)], call);
  return raw.length === 0;
}

export async function changeBetween(
  repository: AuditRepository,
  from: string,
  to: string,
  { renames = false, without = [], env = {} }: ChangeOptions = {},
): Promise<Change> {
  const call = { env: { ...env, GIT_LITERAL_PATHSPECS: '0' } };
  const trees = [from, to, ...settingAside(without)];
  const raw = await repository.bytes([...DIFF, '--no-renames', '-z', '--raw', ...trees], call);
  const shown = [...DIFF, renames ? '--find-renames' : '--no-renames', ...FORM, ...PREFIXES, ...trees];
  const patch = await repository.bytes(shown, call);
  return {
    files: changedFiles(raw),
    text: normalised(patch),
    patchId: await patchId(repository, patch),
    renames,
  };
}

/** The change that a patch makes to its base commit; only what its own text shows when the base commit is missing. */
export async function changeOfPatch(
  repository: AuditRepository,
  base: string | null,
  patch: Uint8Array,
): Promise<Change> {
  if (base !== null) {
    const applied = await repository.withScratch(async (env) => {
      const tree = await treeWithPatch(repository, base, patch, env);
      return tree === null ? null : changeBetween(repository, base, tree, { env });
    });
    if (applied !== null) return applied;
  }
  return { files: null, text: normalised(patch), patchId: await patchId(repository, patch), renames: true };
}

/** The tree of a commit or tree with a patch applied, as an object of a scratch repository; null when it does not apply. */
export async function treeWithPatch(
  repository: AuditRepository,
  onto: string,
  patch: Uint8Array,
  env: Readonly<Record<string, string>>,
): Promise<string | null> {
  await repository.bytes(['read-tree', onto], { env });
  const refused = await applyToIndex(repository.with({ env }), patch, 'apply');
  return refused === null ? repository.text(['write-tree'], { env }) : null;
}

/**
 * The first parent of a commit, or the empty tree for a commit without one. Read from the commit itself: in a shallow
 * clone git says that its oldest commits have none.
 * @throws PromptOsError BASE_NOT_FOUND when the parent is missing
 */
export async function parentOf(repository: AuditRepository, commit: string): Promise<string> {
  const [header = ''] = (await repository.text(['cat-file', 'commit', commit])).split('\n\n');
  const first = /^parent ([0-9a-f]+)$/m.exec(header)?.[1];
  if (first === undefined) return repository.text(['hash-object', '-t', 'tree', '--stdin'], { input: '' });
  if ((await repository.ask(['cat-file', '-e', `${first}^{tree}`])).exitCode === 0) return first;
  throw new PromptOsError('BASE_NOT_FOUND', `The clone lacks ${first}, the parent of commit ${commit}.`, {
    hint: 'The clone is shallow: fetch its whole history (`git fetch --unshallow`, or fetch-depth: 0).',
  });
}

/** The change of a commit against its first parent. */
export const changeOfCommit = async (
  repository: AuditRepository,
  commit: string,
  options: ChangeOptions = {},
): Promise<Change> => changeBetween(repository, await parentOf(repository, commit), commit, options);

/** How two changes relate. Both show renames in the same way. */
export function compareChanges(one: Change, other: Change): Comparison {
  if (sameFiles(one, other, ({ path, ...sides }) => [path, ...Object.values(sides)])) return 'identical';
  if (one.text === other.text) return 'same';
  if (one.patchId !== null && one.patchId === other.patchId) {
    return withoutPositions(one.text) === withoutPositions(other.text) ? 'moved' : 'white_space';
  }
  return sameFiles(one, other, ({ path, mode, blob }) => [path, mode, blob]) ? 'result' : 'different';
}

function sameFiles(
  { files: one }: Change,
  { files: other }: Change,
  facts: (file: ChangedFile) => readonly string[],
): boolean {
  if (one === null || other === null || one.length !== other.length) return false;
  const key = (file: ChangedFile): string => facts(file).join('\0');
  const keys = new Set(one.map(key));
  return other.every((file) => keys.has(key(file)));
}

const changedFiles = (raw: Buffer): readonly ChangedFile[] =>
  readRawDiff(raw).map(({ path, oldMode, oldBlob, mode, blob }) => ({
    ...{ path: distinctPath(path), oldMode, oldBlob, mode, blob },
  }));

/** A path that is not UTF-8 keeps its bytes as lone surrogates, so that no two paths become one. */
function distinctPath(latin1: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(latin1, 'latin1'));
  } catch {
    return latin1.replaceAll(/[\u0080-\u00ff]/g, (byte) => String.fromCharCode(0xdc00 + byte.charCodeAt(0)));
  }
}

const HUNK = /^@@ -[\d,]+ \+[\d,]+ @@/;

/** By lines, since a carriage return inside a line would pass for the end of one with the flag `m`. */
const mapLines = (text: string, line: (text: string) => readonly string[]): string =>
  text.split('\n').flatMap(line).join('\n');

/** No line of content begins like these: content has a space, a sign or a backslash before it, base85 has no spaces. */
const normalised = (patch: Uint8Array): string =>
  mapLines(Buffer.from(patch).toString('latin1'), (line) =>
    line.startsWith('index ') ? [] : [HUNK.exec(line)?.[0] ?? line],
  );

const withoutPositions = (text: string): string => mapLines(text, (line) => [HUNK.test(line) ? '@@' : line]);

async function patchId(repository: AuditRepository, patch: Uint8Array): Promise<string | null> {
  if (patch.length === 0) return null;
  const printed = await repository.text(['patch-id', '--stable'], { input: patch });
  return printed.split(' ')[0] || null;
}
