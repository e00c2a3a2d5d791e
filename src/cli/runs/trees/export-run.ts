import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readFile, realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { removeAsides, replaceWithStream } from '../../../adapters/platform/durable-files.js';
import { makeFolders } from '../../../adapters/platform/make-folders.js';
import { sha256Hex } from '../../../contracts/digest.js';
import { PromptOsError, writeFailure } from '../../../contracts/errors.js';
import { readJson } from '../../../contracts/json.js';
import { promptSessionSchema } from '../../../contracts/record/prompt-session.js';
import { problemsText } from '../../../contracts/schema-problems.js';
import { prBlock } from '../../../domain/record/pr-block.js';
import { checkPromptSession, promptSessionSidecar, promptSessionText } from '../../../domain/record/prompt-session.js';
import { TREE_PATHS } from '../../../domain/record/published-tree.js';
import type { ArtifactStore } from '../../../ports/artifact-store.js';
import { LATEST } from '../../app/options.js';
import { publishedBundle, readPublished, readPublishedRun, type StoreCommandContext } from '../../app/published-run.js';
import { selectPublishedRun } from '../read/open-run.js';

export interface ExportOptions {
  readonly artifactsDir?: string;
  readonly tree?: string;
  readonly bundle?: string;
  readonly run?: string;
  readonly sessionFile?: string;
  readonly force: boolean;
}

/** Takes a run's session, its tree or its bundle out of the store. */
export async function exportRun(context: StoreCommandContext, options: ExportOptions): Promise<void> {
  checkOptions(options);
  const at = (directory: string): string => resolve(context.cwd, directory);
  const { artifactsDir, tree, bundle, sessionFile, force } = options;
  if (artifactsDir !== undefined && sessionFile !== undefined) {
    const write = await prepareExport(at(artifactsDir), await checkedSessionFile(at(sessionFile)), { force });
    await write();
    report(context, { session_file: sessionFile, artifacts_dir: at(artifactsDir) });
    return;
  }
  const { store, run } = await selectExported(context, options.run);
  const writes: (() => Promise<number>)[] = [];
  const facts: { bundle?: string; bundle_sha256?: string } = {};
  if (artifactsDir !== undefined) {
    writes.push(await prepareExport(at(artifactsDir), await sessionFiles(store, run), { force }));
  }
  if (tree !== undefined) writes.push(await prepareExport(at(tree), await treeFiles(store, run), { force }));
  if (bundle !== undefined) {
    const file = { path: basename(at(bundle)), ...(await publishedBundle(store, run)) };
    writes.push(await prepareExport(dirname(at(bundle)), [file], { force }));
    facts.bundle = at(bundle);
    facts.bundle_sha256 = file.sha256;
  }
  for (const write of writes) await write();
  report(context, {
    run_id: run,
    ...(artifactsDir === undefined ? {} : { artifacts_dir: at(artifactsDir) }),
    ...(tree === undefined ? {} : { tree: at(tree) }),
    ...facts,
  });
}

function checkOptions({ artifactsDir, tree, bundle, run, sessionFile }: ExportOptions): void {
  const refuse = (summary: string): never => {
    throw new PromptOsError('USAGE', summary);
  };
  if (artifactsDir === undefined && tree === undefined && bundle === undefined) {
    refuse('Expected --artifacts-dir DIR, --tree DIR or --bundle FILE.');
  }
  if (sessionFile !== undefined && run !== undefined) refuse('Expected either --run or --session-file, received both.');
  if (sessionFile !== undefined && (tree !== undefined || bundle !== undefined))
    refuse('A session file has no tree: give it --artifacts-dir only.');
}

function report(context: StoreCommandContext, facts: Readonly<Record<string, string>>): void {
  const output = context.output();
  const from = facts.run_id ?? facts.session_file;
  if (facts.artifacts_dir !== undefined) output.say(`Session of ${from} exported to ${facts.artifacts_dir}`);
  if (facts.tree !== undefined) output.say(`Tree of ${from} exported to ${facts.tree}`);
  if (facts.bundle !== undefined) {
    output.say(`Bundle of ${from} exported to ${facts.bundle}\n  sha256 ${facts.bundle_sha256}`);
  }
  output.emit(facts);
}

const bytesFile = (path: string, content: Buffer): ExportFile => ({
  path,
  sha256: sha256Hex(content),
  open: async function* () {
    yield content;
  },
});

async function sessionFiles(store: ArtifactStore, run: string): Promise<readonly ExportFile[]> {
  return [
    bytesFile('prompt_session.json', await readPublished(store, run, TREE_PATHS.session)),
    bytesFile('prompt_session.sha256', await readPublished(store, run, TREE_PATHS.sidecar)),
  ];
}

async function treeFiles(store: ArtifactStore, run: string): Promise<readonly ExportFile[]> {
  const files = await store.published(run);
  if (files === null) throw new PromptOsError('RUN_NOT_PUBLISHED', `Run ${run} has no published tree.`);
  // The record comes last, so that a folder that has it has the rest.
  return [...files]
    .sort((a, b) => Number(a.path === TREE_PATHS.record) - Number(b.path === TREE_PATHS.record))
    .map(({ path, sha256 }) => ({ path, sha256, open: () => store.openPublished(run, path) }));
}

async function checkedSessionFile(path: string): Promise<readonly ExportFile[]> {
  const content = await readFile(path).catch((error: Error): never => {
    throw new PromptOsError('FILE_NOT_READABLE', `Could not read ${path}: ${error.message}.`, { cause: error });
  });
  const refuse = (problem: string): never => {
    throw new PromptOsError('SESSION_INVALID', `${path} is not a session as it was written: ${problem}`);
  };
  const parsed = promptSessionSchema.safeParse(readJson(content));
  if (!parsed.success) return refuse(`${problemsText(parsed.error)}.`);
  const problems = checkPromptSession(parsed.data);
  if (problems.length > 0) return refuse(problems.join(' '));
  if (promptSessionText(parsed.data) !== content.toString('utf8')) refuse('its layout is another.');
  return [
    bytesFile('prompt_session.json', content),
    bytesFile('prompt_session.sha256', Buffer.from(promptSessionSidecar(sha256Hex(content)))),
  ];
}

/** A published run and the store that it is in. */
interface ExportedRun {
  readonly store: ArtifactStore;
  readonly run: string;
}

/**
 * The run to export: of this place, or the last one that `dev` started from here for another repository. Without a name it
 * is the one of the two that was published later.
 * @throws PromptOsError RUN_NOT_PUBLISHED, RUN_NOT_FOUND, RUN_AMBIGUOUS
 */
async function selectExported(context: StoreCommandContext, given = LATEST): Promise<ExportedRun> {
  const own = await context.openStore();
  const elsewhere = await openElsewhere(context);
  const published = await own.list();
  const inOwn = async (): Promise<ExportedRun> => ({ store: own, run: await selectPublishedRun(context, given, own) });
  if (elsewhere === null) return inOwn();
  const { store, run_id, repository } = elsewhere;
  if (given !== LATEST) {
    if (published.some((run) => run.run_id.startsWith(given)) || !run_id.startsWith(given)) return inOwn();
  } else {
    const [newest] = published;
    const started = (await store.list()).find((run) => run.run_id === run_id);
    if (started === undefined && newest === undefined) {
      throw new PromptOsError('RUN_NOT_PUBLISHED', `Run ${run_id} of ${repository} has no published tree yet.`);
    }
    if (started === undefined || (newest !== undefined && newest.published_at >= started.published_at)) return inOwn();
  }
  context.output().note(`note: ${run_id} is of ${repository}, for which dev started it from here`);
  return { store, run: run_id };
}

/** The store of the last run that `dev` started from here for another repository; null where there is none any more. */
async function openElsewhere(
  context: StoreCommandContext,
): Promise<{ readonly store: ArtifactStore; readonly run_id: string; readonly repository: string } | null> {
  const { lastRunFromHere } = await import('../read/last-run.js');
  const last = await lastRunFromHere(context);
  if (last === null) return null;
  const { findProject, openProjectStore } = await import('../../app/project.js');
  try {
    const project = await findProject(context, last.repository, last.worker_config);
    return { ...last, store: (await openProjectStore(project)).store };
  } catch (error) {
    if (!(error instanceof PromptOsError)) throw error;
    context
      .output()
      .note(`note: run ${last.run_id} of ${last.repository} is left out: ${error.code}: ${error.summary}`);
    return null;
  }
}

/** Prints the lines that a pull request quotes. */
export async function printPrBlock(context: StoreCommandContext, given: string, artifactsDir: string): Promise<void> {
  const store = await context.openStore();
  const run = await selectPublishedRun(context, given, store);
  const facts = await readPublishedRun(store, run);
  const block = prBlock({ ...facts, artifactsDir });
  context.output().say(block);
  context.output().emit({ run_id: run, pr_block: block });
}

/** A file to export: where it goes, relative to the folder, and what it holds. */
export interface ExportFile {
  readonly path: string;
  readonly sha256: string;
  /** Opens the content from its start. */
  open(): AsyncIterable<Uint8Array>;
}

export interface WriteOptions {
  /** Replaces files that are there and differ. */
  readonly force: boolean;
}

/**
 * Looks at every place that files are to go to, and gives the function that writes them: each file appears whole or not
 * at all, existing files with the same bytes stay as they are, and a missing folder is created.
 * @returns a function that writes and says how many files it wrote; it throws PATH_ESCAPES, or FILE_NOT_READABLE when
 * the folder cannot be written
 * @throws PromptOsError EXPORT_DIFFERS, FILE_NOT_READABLE
 */
export async function prepareExport(
  directory: string,
  files: readonly ExportFile[],
  { force }: WriteOptions,
): Promise<() => Promise<number>> {
  return explained(directory, async () => {
    const wanted: ExportFile[] = [];
    const different: string[] = [];
    for (const file of files) {
      const found = await compare(join(directory, file.path), file.sha256);
      if (found === 'folder' || (found === 'different' && !force)) different.push(file.path);
      if (found !== 'same') wanted.push(file);
    }
    if (different.length > 0) throw differs(directory, different);
    return () =>
      explained(directory, async () => {
        await makeFolders(directory);
        const root = await realpath(directory);
        await removeAsides(files.map(({ path }) => dirname(join(directory, path))));
        for (const { path, open } of wanted) {
          await replaceWithStream(join(await folderInside(root, dirname(path)), basename(path)), open());
        }
        return wanted.length;
      });
  });
}

async function explained<T>(directory: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof PromptOsError || !(error instanceof Error && 'syscall' in error)) throw error;
    const summary = `Could not write into ${directory}: ${error.message}.`;
    throw writeFailure(summary, error);
  }
}

const differs = (directory: string, paths: readonly string[]): PromptOsError => {
  const shown = paths.slice(0, 5).join(', ') + (paths.length > 5 ? ` and ${paths.length - 5} more` : '');
  return new PromptOsError('EXPORT_DIFFERS', `${directory} holds other content already: ${shown}.`);
};

async function compare(path: string, sha256: string): Promise<'absent' | 'same' | 'different' | 'folder'> {
  try {
    if ((await lstat(path)).isDirectory()) return 'folder';
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(path)) hash.update(chunk);
    return hash.digest('hex') === sha256 ? 'same' : 'different';
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return (await lstat(path).catch(() => null)) === null ? 'absent' : 'different';
    throw error;
  }
}

/** Makes a folder step by step: a link on the way, as a repository may hold one, must not carry the export elsewhere. */
async function folderInside(root: string, path: string): Promise<string> {
  let folder = root;
  for (const part of path === '.' ? [] : path.split('/')) {
    await makeFolders(join(folder, part));
    folder = await realpath(join(folder, part));
    if (!folder.startsWith(root === sep ? sep : `${root}${sep}`)) {
      throw new PromptOsError('PATH_ESCAPES', `${path} leads out of ${root} through a symbolic link.`);
    }
  }
  return folder;
}
