import type { Info } from '@temporalio/activity';
import { z } from 'zod';
import { PromptOsError } from '../../contracts/errors.js';
import { canonicalJson, canonicalSha256, readJsonAs, sameJson, wellFormed } from '../../contracts/json.js';
import { type Envelope, envelopeSchema } from '../../contracts/keys.js';
import { artifactRefSchema, sha256Schema } from '../../contracts/primitives.js';
import { executorTrySchema } from '../../contracts/record/attempt.js';
import { networkLogSchema } from '../../contracts/record/network-log.js';
import type { DueGate } from '../../contracts/run/activities.js';
import { gateProgressSchema } from '../../contracts/run/gate-progress.js';
import { openEnvelope } from '../../domain/attest/envelope.js';
import { type Statement, statement } from '../../domain/attest/statement.js';
import { isValidAt } from '../../domain/judge/authenticate.js';
import type { GateTask } from '../gates/gate-definition.js';
import { signerOf, signStatement } from '../proof/attest-attempt.js';
import type { ObjectBatch } from './object-batch.js';
import { keysOfPrincipal } from './result-step.js';

/** Edits in a gate that changes no files. */
const strayEditsSchema = z.strictObject({
  message: z.string(),
  resettable: z.boolean().describe('whether the checkout can be made clean, and the executor asked again'),
});
export type StrayEdits = z.infer<typeof strayEditsSchema>;

const finishedTriesSchema = z.strictObject({
  executor_sha256: sha256Schema.describe('of the descriptor: another program begins anew'),
  tries: z.array(executorTrySchema).min(1),
  transcripts: z.array(artifactRefSchema),
  network: z.array(networkLogSchema),
  stray: strayEditsSchema.nullable(),
  previous: z.strictObject({ problem: z.string(), answer: z.string().nullable() }),
});
/** The tries of an attempt that ended with an answer that does not count: what the next try goes on from. */
type FinishedTries = z.infer<typeof finishedTriesSchema>;

const keptObjectSchema = z.strictObject({ finished: finishedTriesSchema, envelope: envelopeSchema.nullable() });

/** What a task keeps for the activity's next call, should this one end with an error: what was paid is not asked for again. */
export interface TryKeeper {
  /** Of the activity's calls before; null where none left any. */
  readonly before: FinishedTries | null;
  keep(finished: FinishedTries): Promise<void>;
}

/** Never published: only the next call of the same activity reads it. */
const PREDICATE = 'https://promptos.dev/predicates/finished-tries/v0.1';

/** About the ledger's entry that started the attempt, so that it speaks for no other one. */
const statementOfTries = ({ run, gate, attempt, principal, nonce }: DueGate, finished: FinishedTries): Statement =>
  statement(PREDICATE, [{ name: `${gate}.${attempt}`, digest: { sha256: nonce } }], {
    runId: run.run_id,
    principal,
    finishedSha256: canonicalSha256(finished),
  });

/**
 * Keeps finished tries as objects of the store, which heartbeats name. Any poller may send a heartbeat: where the policy knows
 * keys of the principal, only what one of them signed counts.
 * @param before the object that the last heartbeat named
 */
export async function createTryKeeper(
  task: GateTask,
  batch: ObjectBatch,
  descriptor: object,
  before: string | null,
): Promise<TryKeeper> {
  const kept = before === null ? null : await readKept(task, batch, before);
  const isOfProgram = kept?.executor_sha256 === canonicalSha256(descriptor);
  return {
    before: isOfProgram ? kept : null,
    keep: async (finished) => {
      const content = wellFormed(finished);
      const signer = signerOf(task);
      const envelope = signer === null ? null : await signStatement(statementOfTries(task.input, content), signer);
      const { sha256 } = await batch.put(new TextEncoder().encode(canonicalJson({ finished: content, envelope })));
      // Before a heartbeat names the digest.
      await batch.flush();
      task.progress.keepTries(sha256);
    },
  };
}

/** @returns null for what cannot be read or does not count: then the attempt begins anew, as it may at any time */
async function readKept(task: GateTask, batch: ObjectBatch, sha256: string): Promise<FinishedTries | null> {
  const bytes = await batch.read(sha256).catch(() => null);
  const object = bytes === null ? null : readJsonAs(keptObjectSchema, bytes);
  if (object === null) return null;
  const { finished, envelope } = object;
  if (!isSigned(task, finished, envelope) || finished.tries.length >= task.policy.limits.output_tries) return null;
  return (await putAgain(task, finished)) ? finished : null;
}

/**
 * Puts the files of kept tries once more. No journal names them yet, so whoever removed old bytes since may have removed them,
 * and must see now that they are needed.
 */
async function putAgain({ ports: { store } }: GateTask, { transcripts }: FinishedTries): Promise<boolean> {
  try {
    for (const { sha256 } of transcripts) await store.putObject(store.openObject(sha256));
    return true;
  } catch (error) {
    if (error instanceof PromptOsError) return false;
    throw error;
  }
}

function isSigned({ policy, input }: GateTask, finished: FinishedTries, envelope: Envelope | null): boolean {
  const keys = keysOfPrincipal(policy, input);
  if (keys.length === 0) return true;
  if (envelope === null) return false;
  const opened = openEnvelope(
    envelope,
    keys.filter((key) => isValidAt(key, input.started_at)),
  );
  return opened.ok && sameJson(opened.payload, statementOfTries(input, finished));
}

/** The object that the activity's last heartbeat named, or null. */
export const earlierTries = ({ heartbeatDetails }: Pick<Info, 'heartbeatDetails'>): string | null =>
  gateProgressSchema.safeParse(heartbeatDetails).data?.finished_tries ?? null;
