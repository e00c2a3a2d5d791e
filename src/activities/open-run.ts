import { type ErrorCode, PromptOsError } from '../contracts/errors.js';
import { canonicalJson, sameJson, wellFormed } from '../contracts/json.js';
import { type ExecutorRole, runWorkflowId } from '../contracts/names.js';
import type { Policy } from '../contracts/policy/policy.js';
import type { OpenRunResult } from '../contracts/run/activities.js';
import type { RunOpening } from '../contracts/run/journal.js';
import { RULES_VERSION } from '../contracts/run/rules-version.js';
import { type GovernedRunInput, governedRunInputSchema, type RunPlan } from '../contracts/run/run-plan.js';
import { problemsText } from '../contracts/schema-problems.js';
import { runOpeningStatement } from '../domain/attest/acts.js';
import { acceptStart, admitRequest, type StartFacts } from '../domain/judge/admission.js';
import { engineKeysOfPolicy, readOpening } from '../domain/ledger/journal.js';
import type { GovernancePorts } from '../ports/index.js';
import { knownExecutors } from './documents/check-separation.js';
import { engineSigner } from './documents/engine-key.js';
import { judgeRequestSigner } from './documents/judge-request-signer.js';
import { type PinnedDocuments, planOfRun } from './documents/pinned-documents.js';
import { signStatement } from './proof/attest-attempt.js';
import { appendJudged } from './proof/run-journal.js';
import type { AskingExecution } from './proof/sync-journal.js';
import { loadTrustedRun, type TrustedRun } from './proof/trusted-run.js';
import { notDue } from './proof/verify-prefix.js';

/** Who starts: the queues of the roles, and the chain of executions that wants the run id. */
export interface StartingRun extends AskingExecution {
  readonly taskQueues: Readonly<Record<ExecutorRole, string>>;
  readonly firstExecutionRunId: string;
  readonly namespace: string;
  /** The engine's own. */
  readonly taskQueue: string;
}

/** Refuses a start that did not come from our client and lacks something. */
function parseInput(input: GovernedRunInput): GovernedRunInput {
  const parsed = governedRunInputSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new PromptOsError(
    'REQUEST_INVALID',
    `The run was started with a malformed input: ${problemsText(parsed.error, 'input')}.`,
  );
}

/**
 * The engine's first step. A start that no key of the policy's developer signed, where the policy asks for that, or whose
 * policy this worker does not trust, is refused: it takes no run id and leaves no tree. Then all that the client judged is
 * judged once more, what the domain must know is read out of the pinned policy, and the run id is taken for this chain of
 * executions. What is wrong there ends the run as failed, with a tree.
 * @throws PromptOsError what may pass, such as a store that is away
 */
export async function openRun(
  ports: GovernancePorts,
  documents: PinnedDocuments,
  starting: StartingRun,
  given: GovernedRunInput,
): Promise<OpenRunResult> {
  if (!starting.isLocal) throw notDue('a run is opened by a local activity of its own workflow');
  const at = new Date().toISOString();
  const started = await judged('refused', () => loadAcceptedStart(ports, documents, given, at));
  if (started.kind === 'refused') return started;
  const { run, trusted, facts, signed } = started.value;
  const planned = await judged('failed', async () => {
    const executors = knownExecutors(ports.executors, trusted.policy);
    admitRequest(facts, { request: trusted.request, executors });
    return planOfRun(documents, run, trusted.policy, {
      task_queues: starting.taskQueues,
      request_signed_by: signed,
      rules_version: RULES_VERSION,
    });
  });
  const failed = planned.kind === 'failed' ? { code: planned.code, message: planned.message } : null;
  const claimed = await judged('refused', () => claimRunId(ports, trusted.policy, { run, starting, failed, at }));
  if (claimed.kind === 'refused') return claimed;
  const workflow = {
    namespace: starting.namespace,
    workflow_id: runWorkflowId(run.run_id),
    first_execution_run_id: starting.firstExecutionRunId,
    task_queue: starting.taskQueue,
  };
  // A step that Temporal lost is done again, or the run is reset: what was signed first decides.
  if (claimed.value.failed !== null) return { kind: 'failed', workflow, ...claimed.value.failed };
  if (planned.kind === 'failed') return { ...planned, kind: 'refused' };
  return { kind: 'opened', workflow, plan: planned.value };
}

/** A judgement as a value; what may pass is thrown, so that the activity is tried again. */
async function judged<T, K extends 'refused' | 'failed'>(
  kind: K,
  judge: () => Promise<T>,
): Promise<
  { readonly kind: 'ok'; readonly value: T } | { readonly kind: K; readonly code: ErrorCode; readonly message: string }
> {
  try {
    return { kind: 'ok', value: await judge() };
  } catch (error) {
    if (!(error instanceof PromptOsError) || error.retryable) throw error;
    return { kind, code: error.code, message: wellFormed(error.message.slice(0, 2_000)) };
  }
}

async function loadAcceptedStart(
  ports: GovernancePorts,
  documents: PinnedDocuments,
  given: GovernedRunInput,
  at: string,
): Promise<{
  readonly run: GovernedRunInput;
  readonly trusted: TrustedRun;
  readonly facts: StartFacts;
  readonly signed: RunPlan['request_signed_by'];
}> {
  const run = parseInput(given);
  if ((await ports.store.published(run.run_id)) !== null) {
    throw new PromptOsError('RUN_ALREADY_PUBLISHED', `A tree of run ${run.run_id} is published already.`);
  }
  const trusted = await loadTrustedRun(ports, documents, run);
  const { prompt_os_version } = await documents.packBundle(run.pack_object_sha256);
  const facts: StartFacts = {
    run,
    policy: trusted.policy,
    sha256: run.policy_sha256,
    path: null,
    pack: { digest: trusted.pack.digest, prompt_os_version },
    trust: trusted.trust,
  };
  acceptStart(facts);
  return { run, trusted, facts, signed: await judgeRequestSigner(ports, run, trusted.policy, at) };
}

/** What the run id is taken for, and when. */
interface Claim {
  readonly run: GovernedRunInput;
  readonly starting: StartingRun;
  readonly failed: RunOpening['failed'];
  readonly at: string;
}

/**
 * Takes the run id for one chain of executions, once in the life of a store, and says whether the run opened. A Reset
 * keeps the chain; terminating a run and starting it again does not.
 * @returns the opening that this chain of executions has, which an earlier try may have written
 * @throws PromptOsError RUN_ID_TAKEN, ENGINE_KEY_MISSING
 */
async function claimRunId(
  { store, signers }: Pick<GovernancePorts, 'store' | 'signers'>,
  policy: Policy,
  { run, starting, failed, at }: Claim,
): Promise<RunOpening> {
  const opening: RunOpening = {
    run_id: run.run_id,
    first_execution_run_id: starting.firstExecutionRunId,
    policy_sha256: run.policy_sha256,
    request_sha256: run.request_sha256,
    request_attestation_sha256: run.request_attestation_sha256,
    failed,
  };
  const signer = engineSigner({ signers }, policy, at);
  const found = await appendJudged(store, run.run_id, async (journal) => {
    // Nothing is signed for a run id that is taken. Others may write to the journal meanwhile.
    if (journal.some(({ entry }) => entry?.kind === 'opened')) {
      return { entries: [], result: readOpening(journal, engineKeysOfPolicy(policy), at) };
    }
    const envelope = signer === null ? null : await signStatement(runOpeningStatement(opening), signer);
    return { entries: [{ kind: 'opened', ...opening, envelope }], result: opening };
  });
  const ours = { ...opening, failed: found?.failed ?? null };
  if (found !== null && sameJson(found, ours)) return found;
  throw new PromptOsError(
    'RUN_ID_TAKEN',
    `The run id ${run.run_id} was taken by another run: expected a journal that was opened by ${canonicalJson(ours)}.`,
  );
}
