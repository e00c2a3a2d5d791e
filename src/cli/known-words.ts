import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { isRecord, readJson } from '../contracts/json.js';
import { parseJournalEntry } from '../contracts/run/journal.js';
import { statementOf } from '../domain/attest/envelope.js';
import { TREE_PATHS } from '../domain/record/published-tree.js';
import type { ArtifactStore } from '../ports/artifact-store.js';
import type { CommandContext } from './app/context.js';
import { journalledRun } from './app/journalled-run.js';
import { LATEST } from './app/options.js';
import { findProject, openProjectStore, type Project, storeFolder } from './app/project.js';
import { readPublished } from './app/published-run.js';
import { type ThisRepository, thisRepository } from './app/this-repository.js';

/** Words that depend on the repository around. */
export type WordKind = 'runs' | 'escalations' | 'people' | 'principals';

/** Runs that are looked at: for an older one, more of its id is typed. */
const MOST_RUNS = 30;

/**
 * The words that may complete a line, the likeliest first. Only files of this machine are read: no server is asked, nor a
 * bucket. What cannot be read gives no words and is no error, since a shell would print it into the line.
 * @param line the words that are typed already, without the program's
 */
export async function knownWords(
  context: CommandContext,
  kind: WordKind,
  line: readonly string[],
): Promise<readonly string[]> {
  try {
    const project = await findProject(context, folderOf(context.cwd, line));
    if (kind === 'people' || kind === 'principals') return await names(project, kind);
    if ((await storeFolder(project)) === null) return kind === 'runs' ? [LATEST] : [];
    const { store } = await openProjectStore(project);
    const runs = await runsOf(store, await thisRepository(project, store));
    return kind === 'runs' ? [LATEST, ...runs] : await escalations(store, runs, line);
  } catch {
    return [];
  }
}

/** Where `-C` or `--repo` say that the line works. */
function folderOf(cwd: string, line: readonly string[]): string {
  const named = line.flatMap((word, index) => {
    if (word.startsWith('--repo=')) return [word.slice('--repo='.length)];
    return word === '-C' || word === '--repo' ? line.slice(index + 1, index + 2) : [];
  });
  const folder = resolve(cwd, named.at(-1) ?? '.');
  return statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true ? folder : cwd;
}

const policySchema = z.object({
  principals: z.record(z.string(), z.object({ kind: z.string() })),
  roles: z.object({ integrator: z.array(z.string()) }).optional(),
});

/** The policy's integrators first, since they are asked for most. */
async function names({ files }: Project, kind: 'people' | 'principals'): Promise<readonly string[]> {
  const { principals, roles } = policySchema.parse(parse(await readFile(files.policy, 'utf8')));
  const wanted = Object.keys(principals).filter((name) => kind === 'principals' || principals[name]?.kind === 'human');
  const integrators = wanted.filter((name) => roles?.integrator.includes(name));
  return [...integrators, ...wanted.filter((name) => !integrators.includes(name))];
}

/** Runs of a repository: those that are not published, then the others, each the newest first. */
async function runsOf(store: ArtifactStore, here: ThisRepository): Promise<readonly string[]> {
  const published = await store.list();
  const ended = new Set(published.map(({ run_id }) => run_id));
  const open = await Promise.all(
    (await store.journals())
      .filter((run) => !ended.has(run))
      .map(async (run) => ({ run, found: await journalledRun(store, run).catch(() => null) })),
  );
  const owned = await Promise.all(
    published.slice(0, MOST_RUNS).map(async ({ run_id }) => ((await isOwn(store, here, run_id)) ? [run_id] : [])),
  );
  return [
    ...open
      .filter(({ found }) => found !== null && (found.target_repo === null || here.hasName(found.target_repo)))
      .sort((one, other) => ((one.found?.started_at ?? '') < (other.found?.started_at ?? '') ? 1 : -1))
      .map(({ run }) => run),
    ...owned.flat(),
  ];
}

/** Only the name is looked at: a record that is damaged or of another version is a run all the same. */
async function isOwn(store: ArtifactStore, here: ThisRepository, runId: string): Promise<boolean> {
  try {
    const record = readJson(await readPublished(store, runId, TREE_PATHS.record));
    return !isRecord(record) || typeof record.target_repo !== 'string' || here.hasName(record.target_repo);
  } catch {
    return true;
  }
}

const resolutionSchema = z.object({ predicate: z.object({ escalationId: z.string() }) });

/**
 * The ids that may be open in the run that the line names: they are given in order, so the first that no signed
 * resolution has answered comes next. Which are really open only the run knows.
 */
async function escalations(
  store: ArtifactStore,
  runs: readonly string[],
  line: readonly string[],
): Promise<readonly string[]> {
  const run = line
    .flatMap((word) => (word === LATEST ? runs.slice(0, 1) : runs.filter((id) => id.startsWith(word))))
    .at(0);
  if (run === undefined) return [];
  const answered = new Set(
    (await store.readJournal(run)).map(parseJournalEntry).flatMap((entry) => {
      const found = entry?.kind === 'message' ? resolutionSchema.safeParse(statementOf(entry.envelope)) : undefined;
      return found?.success === true ? [found.data.predicate.escalationId] : [];
    }),
  );
  return Array.from({ length: answered.size + 1 }, (_, index) => `E${index + 1}`).filter((id) => !answered.has(id));
}
