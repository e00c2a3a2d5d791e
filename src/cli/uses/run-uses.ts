import type { GovernedRuns } from '../../client/client.js';
import { parseJournalEntry } from '../../contracts/journal-bytes.js';
import { promptPackBundleSchema } from '../../contracts/prompt-pack.js';
import type { RunRecord } from '../../contracts/run-record.js';
import { TREE_PATHS } from '../../domain/record/published-tree.js';
import type { ArtifactStore } from '../../ports/artifact-store.js';
import { loadPack } from '../../prompt-pack/index.js';
import { readPublishedRun } from '../published-run.js';
import { readParts } from '../recover/found-run.js';
import { recordsOfAttempts, startFiles } from '../recover/stored-parts.js';

/** What a run used, as far as it is known. Nothing of it is verified. */
export interface RunUses {
  readonly policy_sha256: string | null;
  readonly pack: { readonly version: string; readonly sha256: string } | null;
  /**
   * Of a run that has ended, the prompts that its attempts were given; of another one also those of its pack, since each may
   * still be used.
   */
  readonly prompts: readonly { readonly prompt_id: string; readonly version: string; readonly sha256: string }[];
  /** Requested and served, by every attempt so far. */
  readonly models: readonly string[];
}

type Executor = { readonly requested_model: string | null; readonly served_model: string | null };

const modelsOf = (executors: readonly (Executor | null)[]): readonly string[] =>
  executors.flatMap((one) => [one?.requested_model, one?.served_model]).filter((name) => name != null);

/** What a record says that its run used. */
export function usesOfRecord({ policy, promptos, gates }: RunRecord): RunUses {
  const attempts = gates.flatMap((gate) => gate.attempts);
  const { pack_sha256, version } = promptos;
  return {
    policy_sha256: policy.sha256,
    pack: pack_sha256 === null ? null : { version, sha256: pack_sha256 },
    prompts: attempts.flatMap(({ prompt }) => prompt ?? []),
    models: modelsOf(attempts.map(({ executor }) => executor)),
  };
}

/**
 * What a run used: by its record, or by its journal and its ledger as far as that is saved.
 * @param runs null when no server answers: then the journal alone says which attempts there were
 * @throws PromptOsError for a record or an object that cannot be read
 */
export async function usesOfRun(store: ArtifactStore, runs: GovernedRuns | null, runId: string): Promise<RunUses> {
  if ((await store.published(runId)) !== null) return usesOfRecord((await readPublishedRun(store, runId)).record);
  const journal = (await store.readJournal(runId)).map((bytes, seq) => ({ seq, entry: parseJournalEntry(bytes) }));
  const recorded = runs === null ? null : await runs.recorded(runId).catch(() => null);
  const { entries } = await readParts(store, recorded?.segments ?? [], []);
  const parts = { journal, entries };
  const start = await startFiles(parts, store);
  const sha256Of = (path: string) => start.find((file) => file.path === path)?.sha256 ?? null;
  const bundle = recorded?.input.pack_object_sha256 ?? sha256Of(TREE_PATHS.pack);
  const pack = bundle === null ? null : await readPack(store, bundle);
  const records = await recordsOfAttempts(parts, store, () => undefined);
  return {
    policy_sha256: recorded?.input.policy_sha256 ?? sha256Of(TREE_PATHS.policyYaml),
    pack: pack === null ? null : { version: pack.version, sha256: pack.digest },
    prompts: [...Object.values(pack?.prompts ?? {}), ...records.map(({ record }) => record.prompt)],
    models: modelsOf(records.map(({ record }) => record.executor)),
  };
}

async function readPack(store: ArtifactStore, sha256: string) {
  const bytes = await store.readObject(sha256);
  return loadPack(promptPackBundleSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8'))));
}
