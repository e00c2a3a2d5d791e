import type { GovernedRuns } from '../../../client/client.js';
import { PromptOsError } from '../../../contracts/errors.js';
import { parseJsonAs } from '../../../contracts/json.js';
import { PROMPT_IDS, type PromptId } from '../../../contracts/names.js';
import { promptPackBundleSchema } from '../../../contracts/prompt-pack.js';
import type { RunRecord } from '../../../contracts/record/run-record.js';
import { parseJournalEntry } from '../../../contracts/run/journal.js';
import { TREE_PATHS } from '../../../domain/record/published-tree.js';
import type { ArtifactStore } from '../../../ports/artifact-store.js';
import { loadPack } from '../../../prompt-pack/load.js';
import { readPublishedRun } from '../../app/published-run.js';
import { readParts, recordsOfAttempts, startFiles } from './stored-parts.js';

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
  return loadPack(parseJsonAs(promptPackBundleSchema, bytes));
}

/** What a run must have used to be listed; several must all hold. */
export interface UseOptions {
  /** `P05`, `P05@1.0.0` or `P05@sha256:…`. */
  readonly prompt?: readonly string[];
  /** `v1.2.3` or `sha256:…`. */
  readonly pack?: readonly string[];
  /** `sha256:…`. */
  readonly policy?: readonly string[];
  readonly model?: readonly string[];
}

const USE_KINDS = ['prompt', 'pack', 'policy', 'model'] as const;
type UseKind = (typeof USE_KINDS)[number];

/** Whether a run used something. */
export type UseTest = (uses: RunUses) => boolean;

/** A SHA-256 or at least eight digits of its beginning. */
const DIGEST = /^(?:sha256:)?([0-9a-f]{8,64})$/;
const VERSION = /^[0-9A-Za-z][0-9A-Za-z.+-]*$/;

const READERS: Readonly<Record<UseKind, (value: string) => UseTest>> = {
  prompt: promptTest,
  pack: packTest,
  policy: (value) => {
    const digest = digestOf(value);
    if (digest === null) throw expected('policy', 'the digest of a policy, sha256:… with 8 digits or more', value);
    return ({ policy_sha256 }) => policy_sha256?.startsWith(digest) === true;
  },
  model: (value) => {
    if (value.trim() === '') throw expected('model', 'the name of a model', value);
    return ({ models }) => models.includes(value);
  },
};

/** One test for all that is asked. @throws PromptOsError USAGE for a selector that can select nothing */
export function readUses(options: UseOptions): UseTest {
  const tests = USE_KINDS.flatMap((kind) => (options[kind] ?? []).map((value) => READERS[kind](value)));
  return (uses) => tests.every((test) => test(uses));
}

/** `prompt=P05@1.0.0` and so on, as one option takes them. @throws PromptOsError USAGE */
export function readUsing(using: readonly string[]): UseOptions {
  const options: Partial<Record<UseKind, string[]>> = {};
  for (const text of using) {
    const [kind = '', ...rest] = text.split('=');
    const known = USE_KINDS.find((name) => name === kind);
    if (known === undefined || rest.length === 0) {
      throw new PromptOsError('USAGE', `--using: expected ${USE_KINDS.join('=…, ')}=…, received "${text}".`);
    }
    options[known] = [...(options[known] ?? []), rest.join('=')];
  }
  return options;
}

function promptTest(value: string): UseTest {
  const [id = '', version, ...more] = value.split('@');
  const known = PROMPT_IDS.find((one): one is PromptId => one === id);
  const digest = version === undefined ? null : digestOf(version);
  if (known === undefined || more.length > 0 || (version !== undefined && !VERSION.test(version) && digest === null)) {
    throw expected('prompt', `one of ${PROMPT_IDS.join(', ')}, with a version or a digest such as P05@1.0.0`, value);
  }
  return ({ prompts }) =>
    prompts.some(
      (prompt) =>
        prompt.prompt_id === known &&
        (version === undefined || prompt.version === version || (digest !== null && prompt.sha256.startsWith(digest))),
    );
}

function packTest(value: string): UseTest {
  // Packs have a version and a digest; the one name that they have is PromptOS.
  const wanted = value.replace(/^promptos@/i, '');
  const digest = digestOf(wanted);
  if (digest === null && !VERSION.test(wanted)) {
    throw expected('pack', 'the version or the digest of a prompt pack, such as v1.2.3', value);
  }
  return ({ pack }) =>
    pack !== null &&
    (pack.version === wanted || pack.version === `v${wanted}` || (digest !== null && pack.sha256.startsWith(digest)));
}

const digestOf = (text: string): string | null => DIGEST.exec(text)?.[1] ?? null;

const expected = (kind: UseKind, what: string, received: string): PromptOsError =>
  new PromptOsError('USAGE', `${kind}: expected ${what}, received "${received}".`);
