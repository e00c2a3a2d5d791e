import { randomUUID } from 'node:crypto';
import {
  type Client,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  type WorkflowHandle,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';
import { PromptOsError } from '../contracts/errors.js';
import { canonicalJson, prettyJson } from '../contracts/json.js';
import { type Envelope, envelopeSchema } from '../contracts/keys.js';
import { type Outcome, runWorkflowId, WORKFLOW_TYPE } from '../contracts/names.js';
import type { Cancellation, Decision, HumanMessage, PersonEscalation, Resolution } from '../contracts/run/decisions.js';
import { type JournalledMessage, journalBytes } from '../contracts/run/journal.js';
import type { GovernedRunInput } from '../contracts/run/run-plan.js';
import type { GovernedRunResult, RunStatus } from '../contracts/run/run-status.js';
import {
  sealCancellation,
  sealDecision,
  sealEscalation,
  sealResolution,
  sealRunRequest,
} from '../domain/attest/acts.js';
import type { ArtifactStore } from '../ports/artifact-store.js';
import {
  approveSignal,
  cancelSignal,
  decideUpdate,
  escalateSignal,
  rejectSignal,
  resolveEscalationSignal,
  statusQuery,
} from '../workflows/messages.js';
import { asRunFailure, asTemporalFailure, isWithoutWorker } from './failures.js';
import { type RecordedRun, readRecordedRun } from './ledger.js';
import { firstStart, type ListedRun, listed, listRuns, memoOf, type RunsWanted } from './listing.js';
import type { Delivery, GovernedRunsOptions, SignerFor, StartRunOptions } from './options.js';
import { type GateAtWork, type RunMoment, readMoment } from './progress.js';
import type { RunTrouble } from './trouble.js';

/** Milliseconds that a worker has for answering before a message is left for it as a signal. */
const ANSWER_TIMEOUT_MS = 2_000;
/** A query is asked for nothing but its answer, so a busy worker is given longer. */
const QUERY_TIMEOUT_MS = 10_000;

export type {
  Delivery,
  GateAtWork,
  GovernedRunsOptions,
  ListedRun,
  RecordedRun,
  RunMoment,
  RunsWanted,
  SignerFor,
  StartRunOptions,
};

/** Starts governed runs and speaks to them. Works with any Temporal client that has the plugin. */
export class GovernedRuns {
  readonly #client: Client;
  readonly #taskQueue: string;
  readonly #store: ArtifactStore;
  readonly #answerTimeoutMs: number;
  readonly #queryTimeoutMs: number;
  readonly #signerFor: SignerFor;

  constructor({ client, taskQueue, store, signerFor = async () => null, answerTimeoutMs }: GovernedRunsOptions) {
    this.#signerFor = signerFor;
    this.#client = client;
    this.#taskQueue = taskQueue;
    this.#store = store;
    this.#answerTimeoutMs = answerTimeoutMs ?? ANSWER_TIMEOUT_MS;
    this.#queryTimeoutMs = answerTimeoutMs ?? QUERY_TIMEOUT_MS;
  }

  /**
   * Puts what the run is bound to into the store and starts it; Temporal is given digests only.
   * @throws PromptOsError RUN_EXISTS, STORE_NOT_WRITABLE, STORE_FULL, TEMPORAL_FAILED
   */
  async start(options: StartRunOptions): Promise<GovernedRunInput> {
    // Temporal forgets runs after its retention time, the store does not: such a run could never publish its tree.
    if ((await this.#store.published(options.runId)) !== null) {
      throw new PromptOsError('RUN_EXISTS', `A run ${options.runId} is published already.`);
    }
    const [request, policy, pack] = await Promise.all([
      this.#store.putObject(utf8(canonicalJson(options.request))),
      this.#store.putObject(options.policy),
      this.#store.putObject(utf8(canonicalJson(options.pack))),
    ]);
    const unsigned: GovernedRunInput = {
      schema_version: 1,
      run_id: options.runId,
      developer: options.developer,
      target_repo: options.targetRepo,
      base_commit: options.baseCommit,
      ...(options.baseBranch === undefined ? {} : { base_branch: options.baseBranch }),
      gates: [...options.gates],
      request_sha256: request.sha256,
      policy_sha256: policy.sha256,
      pack_object_sha256: pack.sha256,
      prompt_os_version: options.pack.prompt_os_version,
      request_attestation_sha256: null,
    };
    const input = await this.#signRequest(unsigned);
    try {
      await this.#client.workflow.start(WORKFLOW_TYPE, {
        taskQueue: this.#taskQueue,
        workflowId: runWorkflowId(options.runId),
        // A refused start takes no run id. Whether a run has taken it is for the journal to say, when the run opens.
        workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
        args: [input],
        memo: memoOf(input),
        staticSummary: oneLine(`${options.request.task.title} · ${options.targetRepo}`, 150),
      });
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) {
        throw new PromptOsError('RUN_EXISTS', `There is a run ${options.runId} already.`, { cause: error });
      }
      throw asTemporalFailure(error);
    }
    return input;
  }

  /** Sends a decision, signed where there is a key. With no worker it waits in the run's history. */
  async decide(decision: Decision): Promise<Delivery> {
    const signal = decision.choice === 'approve' ? approveSignal : rejectSignal;
    const content = await this.sealDecision(decision);
    await this.#journal(decision.run_id, 'decision', content);
    return this.#deliver(decision.run_id, { kind: 'decision', decision: content }, (run) =>
      run.signal(signal, content),
    );
  }

  /** A decision as it would be sent: for pasting into a signal form, or for sending it some other way. */
  async sealDecision(decision: Decision): Promise<Decision | Envelope> {
    const signer = await this.#signerFor(decision.actor, decision.policy_sha256);
    return signer === null ? decision : sealDecision(decision, signer, Date.now());
  }

  /** Answers an escalation; signed, it is bound to the report by `report_sha256`. */
  async resolve(resolution: Resolution): Promise<Delivery> {
    const content = await this.sealResolution(resolution);
    await this.#journal(resolution.run_id, 'resolution', content);
    return this.#deliver(resolution.run_id, { kind: 'resolution', resolution: content }, (run) =>
      run.signal(resolveEscalationSignal, content),
    );
  }

  /**
   * A resolution as it would be sent.
   * @throws PromptOsError USAGE when it would be signed, and does not name the report that it answers
   */
  async sealResolution(resolution: Resolution): Promise<Resolution | Envelope> {
    const signer = await this.#signerFor(resolution.actor, resolution.policy_sha256);
    if (signer === null) return resolution;
    const { report_sha256 } = resolution;
    if (report_sha256 === undefined) {
      throw new PromptOsError('USAGE', `The resolution of ${resolution.escalation_id} lacks its report_sha256.`, {
        hint: 'A signed resolution names the report that it answers: take report_sha256 from the status of the run.',
      });
    }
    return sealResolution({ ...resolution, report_sha256 }, signer, Date.now());
  }

  /**
   * Raises a P08: the run stops until an integrator decides.
   * @param policySha256 the run's policy: with it and an actor the escalation is signed
   */
  async escalate(runId: string, escalation: PersonEscalation, policySha256?: string): Promise<Delivery> {
    const content = await this.sealEscalation(runId, escalation, policySha256);
    await this.#journal(runId, 'escalation', content);
    return this.#deliver(runId, { kind: 'escalation', escalation: content }, (run) =>
      run.signal(escalateSignal, content),
    );
  }

  /** Ends the run as `cancelled`; it still publishes its record. @throws PromptOsError RUN_NOT_FOUND, RUN_CLOSED */
  async cancel(cancellation: Cancellation): Promise<Delivery> {
    const { run_id } = cancellation;
    const content = await this.sealCancellation(cancellation);
    await this.#journal(run_id, 'cancellation', content);
    return this.#deliver(run_id, { kind: 'cancellation', cancellation: content }, (run) =>
      run.signal(cancelSignal, content),
    );
  }

  /** A cancellation as it would be sent. */
  async sealCancellation(cancellation: Cancellation): Promise<Cancellation | Envelope> {
    const signer = await this.#signerFor(cancellation.actor, cancellation.policy_sha256);
    return signer === null ? cancellation : sealCancellation(cancellation, signer, Date.now());
  }

  /** An escalation as it would be sent; without an actor it is not signed, and under a signing policy a hold. */
  async sealEscalation(runId: string, said: PersonEscalation, policy?: string): Promise<PersonEscalation | Envelope> {
    const once = { decision_id: randomUUID(), run_id: runId, ...said };
    if (policy === undefined || once.actor === undefined) return once;
    const signer = await this.#signerFor(once.actor, policy);
    return signer === null ? once : sealEscalation(once, policy, signer, Date.now());
  }

  /**
   * A signed message is journalled before it is sent, so no worker can seal a record without it.
   */
  async #journal(runId: string, message: JournalledMessage, content: object): Promise<void> {
    const envelope = envelopeSchema.safeParse(content);
    if (!envelope.success) return;
    // Before an engine has opened the run its journal may be empty: a mistyped id must not make one.
    if ((await this.#store.readJournal(runId)).length === 0) await this.describe(runId);
    await this.#store.appendJournal(runId, journalBytes({ kind: 'message', message, envelope: envelope.data }));
  }

  async #signRequest(run: GovernedRunInput): Promise<GovernedRunInput> {
    const signer = await this.#signerFor(run.developer, run.policy_sha256);
    if (signer === null) return run;
    const envelope = await sealRunRequest(run, signer, Date.now());
    const { sha256 } = await this.#store.putObject(utf8(prettyJson(envelope)));
    return { ...run, request_attestation_sha256: sha256 };
  }

  /**
   * The gates, and what is awaited.
   * @throws PromptOsError RUN_NOT_FOUND, WORKER_MISSING when no worker answers in time
   */
  async status(runId: string): Promise<RunStatus> {
    const answer = await this.#inTime(this.#queryTimeoutMs, () => this.#run(runId).query(statusQuery)).catch(
      (error: unknown) => {
        throw asRunFailure(runId, error);
      },
    );
    if (answer === TOO_LATE) {
      throw new PromptOsError(
        'WORKER_MISSING',
        `No worker answered for run ${runId} within ${this.#queryTimeoutMs} ms.`,
      );
    }
    return answer;
  }

  /**
   * Waits until the run has ended and its tree is published.
   * @throws PromptOsError RUN_NOT_FOUND; whatever the run failed with, by its code
   */
  async wait(runId: string): Promise<{ readonly outcome: Outcome; readonly run_record_sha256: string | null }> {
    try {
      return (await this.#run(runId).result()) as GovernedRunResult;
    } catch (error) {
      if (error instanceof WorkflowFailedError && error.cause instanceof CancelledFailure) {
        return { outcome: 'cancelled', run_record_sha256: null };
      }
      throw asRunFailure(runId, error);
    }
  }

  /** The Temporal execution of a run. @throws PromptOsError RUN_NOT_FOUND */
  async describe(runId: string): Promise<ListedRun> {
    try {
      const { raw, ...described } = await this.#run(runId).describe();
      return listed({ ...described, raw: raw.workflowExecutionInfo ?? {} });
    } catch (error) {
      throw asRunFailure(runId, error);
    }
  }

  /** What the history says of a run: for that no worker is needed. @throws PromptOsError RUN_NOT_FOUND */
  async recorded(runId: string): Promise<RecordedRun> {
    return readRecordedRun(this.#client, runId).catch((error: unknown) => {
      throw asRunFailure(runId, error);
    });
  }

  /** Whether the run is open, and what the gate that is carried out is at: for that no worker is asked. @throws PromptOsError RUN_NOT_FOUND */
  async moment(runId: string): Promise<RunMoment> {
    return readMoment(this.#client, runId).catch((error: unknown) => {
      throw asRunFailure(runId, error);
    });
  }

  /** What keeps the run from going on, as far as Temporal says; null when nothing does. @throws PromptOsError RUN_NOT_FOUND */
  async trouble(runId: string): Promise<RunTrouble | null> {
    const { readTrouble } = await import('./trouble.js');
    return readTrouble(this.#client, runId).catch((error: unknown) => {
      throw asRunFailure(runId, error);
    });
  }

  /** Runs in the order of the server, at most `limit`; its listing may lag a moment behind. */
  async list(limit = 50, wanted: RunsWanted = {}): Promise<ListedRun[]> {
    const runs: ListedRun[] = [];
    for await (const found of this.each(wanted)) if (runs.push(found) >= limit) break;
    return runs;
  }

  /** As `list`, one after the other. */
  async *each(wanted: RunsWanted = {}): AsyncGenerator<ListedRun> {
    try {
      yield* listRuns(this.#client, wanted);
    } catch (error) {
      throw asTemporalFailure(error);
    }
  }

  /** When a run was started, however often it continued as new since. @throws PromptOsError RUN_NOT_FOUND */
  async startedAt(runId: string): Promise<Date> {
    return firstStart(this.#client, await this.describe(runId));
  }

  #run(runId: string): WorkflowHandle {
    return this.#client.workflow.getHandle(runWorkflowId(runId));
  }

  /** The update answers at once; without a worker, the same message is sent as a signal. */
  async #deliver(
    runId: string,
    message: HumanMessage,
    leave: (run: WorkflowHandle) => Promise<void>,
  ): Promise<Delivery> {
    const run = this.#run(runId);
    try {
      const answer = await this.#inTime(this.#answerTimeoutMs, () =>
        run.executeUpdate(decideUpdate, { args: [message] }),
      );
      if (answer !== TOO_LATE) return { kind: 'answered', answer };
      await leave(run);
      return { kind: 'queued' };
    } catch (error) {
      throw asRunFailure(runId, error);
    }
  }

  async #inTime<T>(limitMs: number, call: () => Promise<T>): Promise<T | typeof TOO_LATE> {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), limitMs);
    try {
      return await this.#client.connection.withAbortSignal(abort.signal, call);
    } catch (error) {
      if (abort.signal.aborted || error instanceof WorkflowUpdateRPCTimeoutOrCancelledError || isWithoutWorker(error))
        return TOO_LATE;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}

const TOO_LATE = Symbol('no answer in time');

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

const oneLine = (text: string, limit: number): string => text.replaceAll(/\s+/g, ' ').slice(0, limit).toWellFormed();
