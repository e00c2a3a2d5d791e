import { z } from 'zod';
import type { ListedRun } from '../../client/listing.js';
import { parsePolicyBytes } from '../../config/policy-file.js';
import { readJsonAs } from '../../contracts/json.js';
import { envelopeSchema } from '../../contracts/keys.js';
import { type GateId, RUN_ID_PATTERN } from '../../contracts/names.js';
import type { Policy } from '../../contracts/policy/policy.js';
import { gateIdSchema } from '../../contracts/primitives.js';
import { type JournalEntry, parseJournalEntry, type RunOpening } from '../../contracts/run/journal.js';
import type { RunStatus } from '../../contracts/run/run-status.js';
import { statementOf } from '../../domain/attest/envelope.js';
import type { ArtifactStore } from '../../ports/artifact-store.js';

/**
 * What a run's journal says of it. No signature is checked: it is for a listing, and anyone with write access to the
 * store can append.
 */
export interface JournalledRun {
  /** Why the run could not open. */
  readonly failed: { readonly code: string; readonly message: string } | null;
  /** When the developer signed the start; null for a start without a signature. */
  readonly started_at: string | null;
  readonly developer: string | null;
  readonly target_repo: string | null;
  readonly policy_sha256: string;
  readonly awaits: readonly AwaitedPeople[];
}

type Store = Pick<ArtifactStore, 'readJournal' | 'readObject'>;

/** A run that is not published, from the store alone; null when its journal does not begin a run. */
export async function journalledRun(store: Store, runId: string): Promise<JournalledRun | null> {
  const entries = (await store.readJournal(runId)).map(parseJournalEntry);
  const opening = entries.find((entry) => entry?.kind === 'opened');
  if (opening?.kind !== 'opened') return null;
  const started = await readStart(store, opening);
  const policy = opening.failed === null ? await readPolicyOf(store, opening) : null;
  return {
    failed: opening.failed,
    started_at: started?.signedAt ?? null,
    developer: started?.developer ?? null,
    target_repo: started?.targetRepo ?? null,
    policy_sha256: opening.policy_sha256,
    awaits: policy === null ? [] : awaitedOf(entries, policy, started?.developer ?? null),
  };
}

const startSchema = z.object({
  predicate: z.object({ developer: z.string(), targetRepo: z.string(), signedAt: z.string() }),
});

async function readStart(store: Store, { request_attestation_sha256: sha256 }: RunOpening) {
  const envelope = sha256 === null ? null : await readObjectAs(store, sha256, envelopeSchema);
  return envelope === null ? null : (startSchema.safeParse(statementOf(envelope)).data?.predicate ?? null);
}

const readPolicyOf = (store: Store, { policy_sha256 }: RunOpening): Promise<Policy | null> =>
  store
    .readObject(policy_sha256)
    .then((bytes) => parsePolicyBytes(bytes).policy)
    .catch(() => null);

const readObjectAs = <T>(store: Store, sha256: string, schema: z.ZodType<T>): Promise<T | null> =>
  store
    .readObject(sha256)
    .then((bytes) => readJsonAs(schema, bytes))
    .catch(() => null);

const resultSchema = z.object({ predicate: z.object({ gate: gateIdSchema, verdict: z.string() }) });
const actorSchema = z.object({ predicate: z.object({ actor: z.string() }) });

/**
 * After a gate's result the engine goes on at once, except where people are to decide: so a result that nothing of the
 * engine follows waits for them, until as many messages follow as approvals are needed.
 */
function awaitedOf(
  entries: readonly (JournalEntry | null)[],
  policy: Policy,
  developer: string | null,
): readonly AwaitedPeople[] {
  const last = entries.findLastIndex((entry) => entry?.kind === 'result' || entry?.kind === 'head');
  const result = entries[last];
  if (result?.kind !== 'result') return [];
  const found = resultSchema.safeParse(statementOf(result.envelope)).data?.predicate;
  if (found === undefined) return [];
  const since = entries.slice(last + 1).flatMap((entry) => {
    const answers = entry?.kind === 'message' && entry.message !== 'cancellation';
    const actor = answers ? actorSchema.safeParse(statementOf(entry.envelope)).data : undefined;
    return actor === undefined ? [] : [actor.predicate.actor];
  });
  const needed = found.verdict === 'pass' ? Math.max(1, policy.approvals[found.gate]) : 1;
  if (new Set(since).size >= needed) return [];
  const answerers = { integrators: policy.roles.integrator, developer, self_approval: policy.self_approval };
  return [{ kind: 'decision', gate: found.gate, request_id: null, of: mayAnswer(answerers, since) }];
}

/** What a run of a listing waits for, and who may answer. */
export interface AwaitedPeople {
  readonly kind: 'decision' | 'resolution';
  /** Null for an escalation of the whole run. */
  readonly gate: GateId | null;
  /** Null where only the run's journal is known, which has no requests. */
  readonly request_id: string | null;
  /** The integrators whose answer can still count. */
  readonly of: readonly string[];
}

/** What decides who may answer: a run's plan, or its policy. */
interface Answerers {
  readonly integrators: readonly string[];
  readonly developer: string | null;
  readonly self_approval: 'refused' | 'allowed' | null;
}

/** Integrators who may answer a request that some have answered already. */
const mayAnswer = (
  { integrators, developer, self_approval }: Answerers,
  answered: readonly string[],
): readonly string[] =>
  integrators.filter((name) => !answered.includes(name) && (name !== developer || self_approval === 'allowed'));

export const awaitedPeople = (status: RunStatus): readonly AwaitedPeople[] =>
  status.awaiting.map((awaited) => ({
    kind: awaited.kind,
    gate: awaited.gate,
    request_id: awaited.request_id,
    of: mayAnswer(status, awaited.kind === 'decision' ? awaited.approved_by : []),
  }));

/** What the engine would not begin: the execution failed, and the journal gives its run id to no run or to another one. */
export async function isRefusedStart(store: ArtifactStore, run: ListedRun): Promise<boolean> {
  if (run.status !== 'FAILED' || !RUN_ID_PATTERN.test(run.run_id)) return false;
  const entries = (await store.readJournal(run.run_id)).map(parseJournalEntry);
  const opened = entries.find((entry) => entry?.kind === 'opened');
  return opened?.kind !== 'opened' || opened.first_execution_run_id !== run.first_execution_run_id;
}
