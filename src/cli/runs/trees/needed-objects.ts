import { parsePolicyBytes } from '../../../config/policy-file.js';
import { PromptOsError } from '../../../contracts/errors.js';
import { parseJournalEntry } from '../../../contracts/run/journal.js';
import type { ArtifactStore } from '../../../ports/artifact-store.js';
import { recordsOfAttempts } from '../read/stored-parts.js';

/** The objects that the attempts of open runs need; `unknown` names the runs of which that cannot be said. */
interface OpenRunNeeds {
  readonly needed: ReadonlySet<string>;
  readonly unknown: readonly string[];
}

/**
 * What runs need that have a journal and are not published: a result is signed and journalled before a run takes it, so
 * the journal has them all. Where results are not signed, only Temporal knows them.
 */
export async function neededByOpenRuns(store: ArtifactStore, published: ReadonlySet<string>): Promise<OpenRunNeeds> {
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
