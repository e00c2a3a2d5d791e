import { PromptOsError } from '../../../contracts/errors.js';
import { canonicalJson } from '../../../contracts/json.js';
import type { Envelope } from '../../../contracts/keys.js';
import { promptPackBundleSchema } from '../../../contracts/prompt-pack.js';
import type { RunRecord } from '../../../contracts/record/run-record.js';
import { type LedgerEntry, parseLedgerLines } from '../../../contracts/run/ledger.js';
import type { RunPlan } from '../../../contracts/run/run-plan.js';
import { PREDICATES } from '../../../domain/attest/statement.js';
import { authenticate } from '../../../domain/judge/authenticate.js';
import { ledgerLines } from '../../../domain/ledger/ledger-chain.js';
import { attemptFolder, TREE_PATHS } from '../../../domain/record/published-tree.js';
import type { ReadableStore } from '../../../ports/artifact-store.js';
import { loadPack, type PromptPack } from '../../../prompt-pack/load.js';
import { parseFile, readPublished } from '../../app/published-run.js';
import type { CommitMatch, FoundBy } from '../commits/match-commit.js';
import type { AuditedRun, RunCatalogue } from '../commits/run-catalogue.js';
import type { RunVerification } from '../verify/verify-run.js';
import { tracedInventories } from './traced-inventories.js';
import { tracedPlan } from './traced-plan.js';
import { tracedWork } from './traced-work.js';

/** Step 1: what was asked about, and how the run was found. */
export interface TracedArtifact {
  readonly kind: 'run' | 'commit' | 'artifact' | 'named_digest' | 'file';
  readonly found_by: FoundBy | 'run_id' | 'digest' | 'session';
  readonly commit?: string;
  /** In the repository, in the published tree, or in the record for a digest that it names. */
  readonly path?: string;
  readonly sha256?: string;
  readonly files?: readonly string[];
  readonly likeness?: CommitMatch['likeness'];
  readonly record_trailer?: CommitMatch['record_trailer'];
}

/** A text that a model was given, as the published tree has it. */
/** The five steps from a production artifact to the text that a model received, and to who decided. */
export type Trace = Awaited<ReturnType<typeof traceRun>>;

export interface TraceInput {
  readonly catalogue: RunCatalogue;
  readonly run: AuditedRun;
  readonly artifact: TracedArtifact;
  readonly problems: readonly string[];
  readonly verify: (run: AuditedRun) => Promise<RunVerification>;
}

/** Follows a run's record to the end; what cannot be read on the way is one of the problems. */
export async function traceRun({ catalogue, run, artifact, problems, verify }: TraceInput) {
  const { record, recordSha256, session, runId } = run;
  const { store } = catalogue;
  const verification = await verify(run);
  const ledger = await ledgerOf(store, runId);
  const entries = ledger.entries;
  const [opening] = entries;
  const plan = opening?.type === 'runOpened' ? opening.plan : null;
  const received = await receivedPrompts(catalogue, run);
  const decided = tracedDecisions(entries);
  const escalation = received.length === 0 ? [] : await escalationText(store, run);
  const { problem } = verification;
  return {
    run_id: runId,
    artifact,
    run_record: {
      path: TREE_PATHS.record,
      sha256: recordSha256,
      outcome: record.outcome,
      finished_at: record.finished_at,
      target_repo: record.target_repo,
      base_commit: record.base_commit,
      policy_sha256: record.policy.sha256,
      tree: store.locate(runId),
      verification,
    },
    prompt_session: {
      path: TREE_PATHS.session,
      timestamp_utc: session.timestamp_utc,
      artifact_hash: session.artifact_hash,
      chain_hash: session.chain_hash,
    },
    prompts: {
      prompt_os_version: session.prompt_os_version,
      pack_sha256: record.promptos.pack_sha256,
      prompts_used: session.prompts_used,
      developer: session.developer,
      request_signed_by: plan?.request_signed_by?.keyid ?? null,
      texts: [...promptTexts(record), ...escalation],
    },
    received,
    planned: await tracedPlan(catalogue, run, artifact.path),
    steered: await tracedInventories(catalogue, run),
    independence: record.independence ?? null,
    budgets: record.budgets ?? null,
    decided,
    problems: [
      ...problems,
      ...(problem === null ? [] : [`the run does not verify: ${problem.code}: ${problem.message}`]),
      ...ledger.problems,
      ...received.flatMap(({ intact, path, sha256 }) =>
        intact ? [] : [`${path} is not the text with digest ${sha256} that the record names`],
      ),
      ...decided.flatMap(({ signature, seq, about, actor }) => {
        const problem = `ledger entry ${seq}: the decision of ${actor} on ${about} is not signed by them`;
        return signature === 'invalid' ? [problem] : [];
      }),
    ],
  };
}

async function ledgerOf(
  store: ReadableStore,
  runId: string,
): Promise<{ readonly entries: readonly LedgerEntry[]; readonly problems: readonly string[] }> {
  try {
    return { entries: await readLedger(store, runId), problems: [] };
  } catch (error) {
    if (!(error instanceof PromptOsError)) throw error;
    const problem = `the ledger cannot be read, so it is unknown who decided: ${error.code}: ${error.summary}`;
    return { entries: [], problems: [problem] };
  }
}

type PromptText = Pick<PromptPack['prompts']['P08'], 'prompt_id' | 'version' | 'sha256'>;

function promptTexts({ gates }: RunRecord): readonly PromptText[] {
  const texts = gates.flatMap(({ attempts }) => attempts.flatMap(({ prompt }) => (prompt === null ? [] : [prompt])));
  return [...new Map(texts.map((text) => [`${text.prompt_id} ${text.sha256}`, text])).values()];
}

/**
 * P08 has no attempts: its prompt is in every text that a model received, and the run's pack has it. A pack that is not the
 * run's, or that does not load, is a problem of the verification.
 */
async function escalationText(store: ReadableStore, { runId, record }: AuditedRun): Promise<readonly PromptText[]> {
  try {
    const bytes = await readPublished(store, runId, TREE_PATHS.pack);
    const { digest, prompts } = loadPack(parseFile(promptPackBundleSchema, bytes, TREE_PATHS.pack));
    const { prompt_id, version, sha256 } = prompts.P08;
    return digest === record.promptos.pack_sha256 ? [{ prompt_id, version, sha256 }] : [];
  } catch (error) {
    if (error instanceof PromptOsError) return [];
    throw error;
  }
}

/** The texts that models were given, as the published tree has them. */
async function receivedPrompts({ store }: RunCatalogue, { record, runId }: AuditedRun) {
  const files = new Map(((await store.published(runId)) ?? []).map((file) => [file.path, file]));
  const received = [];
  for (const { gate, attempts } of record.gates) {
    for (const { attempt, tries, principal, executor, standing } of attempts) {
      for (const one of tries) {
        const { number, rendered_prompt_sha256: sha256, served_model, usage, failure, session_id, request_ids } = one;
        const path = `${attemptFolder(gate, attempt)}/try-${number}/prompt.md`;
        const file = files.get(path);
        received.push({
          gate,
          attempt,
          try: number,
          principal,
          program: executor?.program ?? null,
          model: executor?.served_model ?? executor?.requested_model ?? null,
          requested_model: executor?.requested_model ?? null,
          served_model: served_model ?? executor?.served_model ?? null,
          usage: usage ?? null,
          failure: failure ?? null,
          session_id: session_id ?? null,
          request_ids: request_ids ?? [],
          ...tracedWork(one),
          sandbox: executor?.sandbox ?? null,
          path,
          sha256,
          bytes: file?.bytes ?? null,
          standing,
          // Whether the published file has the digest that the record names.
          intact: file?.sha256 === sha256 && (await canBeRead(store, runId, path)),
        });
      }
    }
  }
  return received;
}

async function canBeRead(store: ReadableStore, runId: string, path: string): Promise<boolean> {
  try {
    for await (const _chunk of store.openPublished(runId, path));
    return true;
  } catch (error) {
    if (error instanceof PromptOsError && (error.code === 'OBJECT_CORRUPT' || error.code === 'OBJECT_NOT_FOUND'))
      return false;
    throw error;
  }
}

/** A decision, a resolution or a cancellation that counted, and who is answerable for it. */
export interface TracedDecision {
  readonly seq: number;
  readonly at: string;
  readonly kind: 'decision' | 'resolution' | 'cancellation';
  /** Gate and attempt such as `P05.2`, an escalation such as `E1`, or `run`. */
  readonly about: string;
  readonly choice: string;
  readonly actor: string;
  /** The key that signed it; null for one that is unauthenticated. */
  readonly keyid: string | null;
  /** `none`: the actor's name is a claim. */
  readonly signature: 'valid' | 'invalid' | 'none';
}

/** Every decision, resolution and cancellation of a ledger; signatures are checked with the keys that the run pinned. */
export function tracedDecisions(entries: readonly LedgerEntry[]): readonly TracedDecision[] {
  const [opening] = entries;
  const plan = opening?.type === 'runOpened' ? opening.plan : null;
  return entries.flatMap((entry): TracedDecision[] => {
    const act = actOf(entry);
    if (act === null) return [];
    const { seq, at } = entry;
    const { kind, about, choice, message, predicate, envelope } = act;
    const signature = judge(plan, envelope, predicate, message, at);
    return [{ seq, at, kind, about, choice, actor: message.actor, keyid: keyOf(envelope), signature }];
  });
}

/** What a person did that counted, in one form for all kinds of messages; null for any other entry. */
function actOf(entry: LedgerEntry) {
  if (entry.type === 'decisionCounted') {
    const { decision: message, envelope } = entry;
    const about = `${message.gate}.${message.attempt}`;
    return {
      kind: 'decision',
      about,
      choice: message.choice,
      message,
      predicate: PREDICATES.gateDecision,
      envelope,
    } as const;
  }
  if (entry.type === 'escalationResolved') {
    const { resolution: message, envelope } = entry;
    const { escalation_id: about, choice } = message;
    return {
      kind: 'resolution',
      about,
      choice,
      message,
      predicate: PREDICATES.escalationResolution,
      envelope,
    } as const;
  }
  if (entry.type !== 'cancellationCounted') return null;
  const { cancellation: message, envelope } = entry;
  const predicate = PREDICATES.runCancellation;
  return { kind: 'cancellation', about: 'run', choice: 'cancel', message, predicate, envelope } as const;
}

const keyOf = (envelope: Envelope | null): string | null => envelope?.signatures[0]?.keyid ?? null;

/** Whether an envelope is signed by the actor and says what the ledger says. */
function judge(
  plan: RunPlan | null,
  envelope: Envelope | null,
  predicate: string,
  message: { readonly actor: string },
  at: string,
): TracedDecision['signature'] {
  if (envelope === null) return 'none';
  if (plan === null) return 'invalid';
  const opened = authenticate(plan, envelope, predicate, at);
  if (!('signer' in opened) || opened.signer !== message.actor) return 'invalid';
  return canonicalJson(opened.content) === canonicalJson(message) ? 'valid' : 'invalid';
}

/** A published ledger, its shape checked. @throws PromptOsError LEDGER_BROKEN */
async function readLedger(store: ReadableStore, runId: string): Promise<readonly LedgerEntry[]> {
  const text = (await readPublished(store, runId, TREE_PATHS.ledger)).toString('utf8');
  try {
    const entries = parseLedgerLines(text);
    if (ledgerLines(entries) === text) return entries;
  } catch (error) {
    throw new PromptOsError('LEDGER_BROKEN', `The ledger of run ${runId} has another shape than expected.`, {
      cause: error,
    });
  }
  throw new PromptOsError('LEDGER_BROKEN', `The ledger of run ${runId} is not canonical JSON, one entry a line.`);
}
