import { parsePolicyBytes } from '../../../config/policy-file.js';
import { PromptOsError } from '../../../contracts/errors.js';
import type { ArtifactRef } from '../../../contracts/primitives.js';
import type { RunRecord } from '../../../contracts/record/run-record.js';
import { parseJournalEntry } from '../../../contracts/run/journal.js';
import { counted } from '../../../contracts/sentences.js';
import { TREE_PATHS } from '../../../domain/record/published-tree.js';
import { isTranscript, keptUntil } from '../../../domain/record/retention.js';
import type { ArtifactStore, PrunableStore } from '../../../ports/artifact-store.js';
import type { CommandContext } from '../../app/context.js';
import { printableLine } from '../../app/printable.js';
import { findProject, openProjectStore } from '../../app/project.js';
import { readPublished, readPublishedRun } from '../../app/published-run.js';
import { recordsOfAttempts } from '../read/stored-parts.js';

/** Bytes that were put since are left: a gate that runs now may be about to name them. */
const LEFT_ALONE_MS = 24 * 3_600_000;

/** A published run, as far as retention goes. */
interface RetainedRun {
  readonly run_id: string;
  /** Until when its transcripts are kept; null for ever. */
  readonly until: number | null;
  /** Those that its record lists, removed ones included. */
  readonly transcripts: readonly ArtifactRef[];
  /** Files that it has now. */
  readonly files: readonly ArtifactRef[];
}

/** A run of which it cannot be said what it keeps, and why. */
interface UnreadableRun {
  readonly run_id: string;
  readonly code: string;
  readonly message: string;
}

/**
 * `run prune`: removes transcripts of ended runs that their own policies keep no longer, and the bytes that nothing else
 * needs. It may be killed at any time: the next one goes on.
 * @param now milliseconds since the epoch
 */
export async function pruneRuns(
  context: CommandContext,
  { dryRun = false }: { readonly dryRun?: boolean | undefined },
  now: number = Date.now(),
): Promise<void> {
  const output = context.output();
  const { store } = await openProjectStore(await findProject(context));
  const { runs, unreadable } = await readRuns(store);
  const due = runs.filter(({ until, transcripts }) => until !== null && until <= now && transcripts.length > 0);
  for (const { run_id, until, files, transcripts } of due) {
    // All that the record lists: one that was killed may have noted files that are still there.
    if (!dryRun) {
      await store.removePublished(
        run_id,
        transcripts.map(({ path }) => path),
      );
    }
    const paths = files.map(({ path }) => path).filter(isTranscript);
    if (paths.length === 0) continue;
    const kept = `kept until ${new Date(until ?? 0).toISOString()}`;
    output.say(`${dryRun ? 'would prune' : 'pruned'}  ${run_id}  ${counted(paths.length, 'transcript')}, ${kept}`);
    output.emit({ run_id, transcripts: paths.length, kept_until: new Date(until ?? 0).toISOString(), pruned: !dryRun });
  }
  const objects = await pruneObjects(store, { runs, due, unreadable, now, dryRun });
  for (const { run_id, code, message } of unreadable) {
    output.note(`NOT READ: ${printableLine(run_id)}: ${code}: ${printableLine(message)}`);
  }
  for (const why of objects.left) output.note(`note: ${why}`);
  output.say(`${counted(objects.removed, 'object')} ${dryRun ? 'would be removed' : 'removed'}.`);
  output.emit({ objects_removed: objects.removed, left: objects.left, unreadable, dry_run: dryRun });
  if (unreadable.length > 0) context.exit(1);
}

async function readRuns(
  store: ArtifactStore,
): Promise<{ readonly runs: readonly RetainedRun[]; readonly unreadable: readonly UnreadableRun[] }> {
  const runs: RetainedRun[] = [];
  const unreadable: UnreadableRun[] = [];
  for (const { run_id } of await store.list()) {
    try {
      runs.push(await readRun(store, run_id));
    } catch (error) {
      if (!(error instanceof PromptOsError)) throw error;
      unreadable.push({ run_id, code: error.code, message: error.summary });
    }
  }
  return { runs, unreadable };
}

async function readRun(store: ArtifactStore, run_id: string): Promise<RetainedRun> {
  const files = (await store.published(run_id)) ?? [];
  const { record } = await readPublishedRun(store, run_id);
  const transcripts = record.artifacts.filter(({ path }) => isTranscript(path));
  return { run_id, files, transcripts, until: await retentionOf(store, run_id, record, files) };
}

/** By the policy that the run pinned. A run that never opened may lack it, and has no transcripts. */
async function retentionOf(
  store: ArtifactStore,
  runId: string,
  record: RunRecord,
  files: readonly ArtifactRef[],
): Promise<number | null> {
  const file = files.find(({ path }) => path === TREE_PATHS.policyYaml || path === TREE_PATHS.policyJson);
  if (file === undefined) return null;
  const { policy, sha256 } = parsePolicyBytes(await readPublished(store, runId, file.path), file.path);
  if (sha256 === record.policy.sha256) return keptUntil(policy, record);
  throw new PromptOsError('RECORD_INVALID', `${file.path} of run ${runId} is not the policy that its record names.`);
}

interface Pruning {
  readonly runs: readonly RetainedRun[];
  readonly due: readonly RetainedRun[];
  readonly unreadable: readonly UnreadableRun[];
  readonly now: number;
  readonly dryRun: boolean;
}

/** Removes bytes of transcripts that no file of any run needs any more. @returns why some are left, a sentence each */
async function pruneObjects(
  store: PrunableStore,
  { runs, due, unreadable, now, dryRun }: Pruning,
): Promise<{ readonly removed: number; readonly left: readonly string[] }> {
  const candidates = new Set(due.flatMap(({ transcripts }) => transcripts.map(({ sha256 }) => sha256)));
  if (candidates.size === 0) return { removed: 0, left: [] };
  const published = new Set([...runs, ...unreadable].map(({ run_id }) => run_id));
  const open = await neededByOpenRuns(store, published);
  const unknown = [...unreadable.map(({ run_id }) => run_id), ...open.unknown];
  if (unknown.length > 0) {
    const named = unknown.slice(0, 5).map((name) => printableLine(name));
    const more = unknown.length > named.length ? ` and ${unknown.length - named.length} more` : '';
    return { removed: 0, left: [`No bytes were removed: what ${named.join(', ')}${more} needs is not known.`] };
  }
  const isDue = new Set(due.map(({ run_id }) => run_id));
  const needed = new Set(open.needed);
  for (const { run_id, files } of runs) {
    for (const { path, sha256 } of files) if (!isDue.has(run_id) || !isTranscript(path)) needed.add(sha256);
  }
  let removed = 0;
  let shared = 0;
  let recent = 0;
  const before = new Date(now - LEFT_ALONE_MS);
  for (const sha256 of candidates) {
    if (needed.has(sha256)) shared += 1;
    else if (!(await store.hasObject(sha256))) continue;
    else if (dryRun || (await store.removeObject(sha256, before))) removed += 1;
    else recent += 1;
  }
  return {
    removed,
    left: [
      ...(shared === 0 ? [] : [`${counted(shared, 'object')} left: other files or other runs have the same bytes.`]),
      ...(recent === 0 ? [] : [`${counted(recent, 'object')} left until later: put within the last day.`]),
    ],
  };
}

/** The objects that the attempts of open runs need; `unknown` names the runs of which that cannot be said. */
interface OpenRunNeeds {
  readonly needed: ReadonlySet<string>;
  readonly unknown: readonly string[];
}

/**
 * What runs need that have a journal and are not published: a result is signed and journalled before a run takes it, so
 * the journal has them all. Where results are not signed, only Temporal knows them.
 */
async function neededByOpenRuns(store: ArtifactStore, published: ReadonlySet<string>): Promise<OpenRunNeeds> {
  const needed = new Set<string>();
  const unknown: string[] = [];
  for (const runId of await store.journals()) {
    if (published.has(runId)) continue;
    const journal = (await store.readJournal(runId)).map((bytes, seq) => ({ seq, entry: parseJournalEntry(bytes) }));
    const opened = journal.find(({ entry }) => entry?.kind === 'opened')?.entry;
    // A run that was refused has no attempts.
    if (opened?.kind === 'opened' && opened.failed !== null) continue;
    const signs = opened?.kind === 'opened' && (await signsResults(store, opened.policy_sha256));
    let missed = false;
    const records = await recordsOfAttempts({ entries: [], journal }, store, () => {
      missed = true;
    });
    for (const { record, sha256 } of records) {
      for (const ref of [{ sha256 }, ...record.artifacts, ...record.transcripts]) needed.add(ref.sha256);
    }
    if (missed || !signs) unknown.push(runId);
  }
  return { needed, unknown };
}

async function signsResults(store: ArtifactStore, policySha256: string): Promise<boolean> {
  try {
    return parsePolicyBytes(await store.readObject(policySha256)).policy.attestations === 'required';
  } catch (error) {
    if (error instanceof PromptOsError) return false;
    throw error;
  }
}
