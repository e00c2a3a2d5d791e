import type { DueGate, ExecuteGateResult } from '../contracts/activities.js';
import { PromptOsError } from '../contracts/errors.js';
import { GATES } from '../contracts/names.js';
import { prettyJson } from '../contracts/pretty-json.js';
import { outputJsonSchema } from '../contracts/read-answer.js';
import type { GateExecutor } from '../ports/gate-executor.js';
import type { GovernancePorts } from '../ports/index.js';
import type { RepositorySnapshot } from '../ports/workspace.js';
import { renderPrompt } from '../prompt-pack/index.js';
import { type JudgedFinding, plainFinding } from '../rules/judged-output.js';
import { judgeRepositoryChange } from '../rules/repository-change.js';
import { type Asked, askExecutor } from './ask-executor.js';
import { attemptRecord, boundedOutcome } from './attempt-record.js';
import { attestAttempt, signerOf, withEvidence } from './attest-attempt.js';
import { checkDispatchedDuty } from './check-separation.js';
import { loadEarlierOutputs } from './earlier-outputs.js';
import { createGateProgress, type GateProgressTracker, type ReportProgress } from './gate-progress.js';
import {
  type GateDefinition,
  type GateTask,
  type GateWork,
  type Judgement,
  NOTHING_OBSERVED,
} from './gates/gate-definition.js';
import { GATE_DEFINITIONS } from './gates/gate-definitions.js';
import type { PinnedDocuments } from './pinned-documents.js';
import { loadTrustedRun, type TrustedRun } from './trusted-run.js';

/** What the caller, Temporal's activity context, gives. */
export interface ExecuteGateOptions {
  readonly signal: AbortSignal;
  /** Takes what the attempt is at, for the heartbeat. */
  readonly progress: ReportProgress;
}

function checkPrincipal({ policy }: TrustedRun, { gate, principal }: DueGate): void {
  const { role } = GATES[gate];
  const bound = policy.roles[role];
  if (principal === bound) return;
  throw new PromptOsError('PRINCIPAL_NOT_BOUND', `${gate} is for ${role} "${bound}", received "${principal}".`);
}

function checkPack({ pack }: TrustedRun, { pack_sha256 }: DueGate): void {
  if (pack.digest === pack_sha256) return;
  throw new PromptOsError(
    'PACK_LOCK_MISMATCH',
    `The run opened with the prompt pack ${pack_sha256}; the pinned bundle is ${pack.digest}.`,
  );
}

/** Asks the executor in a checkout of its own, and judges what it gave. The checkout goes whatever happens. */
async function askAndJudge(
  task: GateTask,
  trusted: TrustedRun,
  definition: GateDefinition,
  work: GateWork<unknown>,
  executor: GateExecutor,
): Promise<{ readonly asked: Asked; readonly judgement: Judgement }> {
  const { input, ports, signal } = task;
  const { gate, feedback, run } = input;
  const checkout = await ports.workspace.checkout({
    repository: run.target_repo,
    commit: run.base_commit,
    ...(work.patch === null ? {} : { patch: work.patch }),
    signal,
  });
  try {
    const outputContract = { jsonSchema: outputJsonSchema(gate) };
    const asked = await askExecutor({
      task,
      executor,
      checkout,
      editsFiles: definition.editsFiles,
      render: (more) =>
        renderPrompt({ pack: trusted.pack, gate, inputs: [...work.inputs, ...more], outputContract, feedback }),
    });
    task.progress.begin('judge the answer');
    const stray = asked.stray === null ? [] : [plainFinding('stray_edits', 'medium', asked.stray.message)];
    if (asked.answer.kind !== 'output') return { asked, judgement: { ...NOTHING_OBSERVED, findings: stray } };
    const { findings, artifacts } = await work.judge(asked.answer.output, checkout);
    return { asked, judgement: { findings: [...findings, ...stray], artifacts } };
  } finally {
    // A failure here must not hide the attempt's own outcome; what is left is removed when a worker next starts.
    await checkout.discard().catch(() => undefined);
  }
}

async function repositoryChanged(
  { ports, input }: GateTask,
  before: RepositorySnapshot,
): Promise<readonly JudgedFinding[]> {
  const { digests } = await ports.workspace.snapshot(input.run.target_repo);
  return judgeRepositoryChange(input.gate, before.digests, digests);
}

function createTask(
  ports: GovernancePorts,
  input: DueGate,
  { signal, progress }: { readonly signal: AbortSignal; readonly progress: GateProgressTracker },
  { policy, request }: TrustedRun,
  earlier: GateTask['earlier'],
): GateTask {
  const putArtifact: GateTask['putArtifact'] = async (path, content, mediaType) => {
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
    return { path, ...(await ports.store.putObject(bytes)), media_type: mediaType };
  };
  return { input, ports, policy, request, earlier, signal, progress, putArtifact };
}

/**
 * One attempt of one gate: trust, inputs, a throwaway checkout, the executor, the gate's rules, a signed record. It leaves
 * nothing but objects in the store, so it may run again from the start at any time.
 * @throws PromptOsError POLICY_NOT_TRUSTED, PACK_NOT_TRUSTED, PACK_LOCK_MISMATCH, PRINCIPAL_NOT_BOUND,
 *   EXECUTOR_NOT_CONFIGURED, DUTIES_CLASH, CHECK_NOT_GRANTED, and what the ports throw; a judgement is never thrown
 */
export async function executeGate(
  ports: GovernancePorts,
  documents: PinnedDocuments,
  input: DueGate,
  options: ExecuteGateOptions,
): Promise<ExecuteGateResult> {
  const trusted = await loadTrustedRun(ports, documents, input.run);
  checkPack(trusted, input);
  checkPrincipal(trusted, input);
  const executor = ports.executors.forPrincipal(input.principal);
  await checkDispatchedDuty(documents, input, executor.descriptor, trusted.policy);
  const startedOn = new Date().toISOString();
  const progress = createGateProgress(input, options.progress);
  progress.begin('prepare');
  const earlier = await loadEarlierOutputs(ports.store, documents, input);
  const task = createTask(ports, input, { signal: options.signal, progress }, trusted, earlier);
  const definition: GateDefinition = GATE_DEFINITIONS[input.gate];
  const before = await ports.workspace.snapshot(input.run.target_repo);
  const work = await definition.begin(task);
  const { asked, judgement } = await askAndJudge(task, trusted, definition, work, executor);
  const changed = await repositoryChanged(task, before);
  const judged = attemptRecord(task, trusted, asked, [work.observed, judgement, { findings: changed, artifacts: [] }]);
  const signer = signerOf(task);
  const record = await withEvidence(task, judged, signer, { startedOn, finishedOn: new Date().toISOString() });
  const { sha256 } = await ports.store.putObject(new TextEncoder().encode(prettyJson(record)));
  const outcome = boundedOutcome(record, sha256, trusted.policy.waivable);
  return { ...outcome, attestation: signer === null ? null : await attestAttempt(record, outcome, input, signer) };
}
