// The public face of the package: what a team's own Worker, Client and tools use. Workflows have an entry of their own
// (`promptos-temporal/workflows`), since they are bundled; so have the adapters (`promptos-temporal/adapters`).

export {
  type Delivery,
  type GateAtWork,
  GovernedRuns,
  type GovernedRunsOptions,
  type ListedRun,
  type RunMoment,
  type SignerFor,
  type StartRunOptions,
} from './client/client.js';
export { builtInPackDir } from './config/pack-folder.js';
export { createTrustRegistry, type PolicyFile, parsePolicyBytes, readPolicy } from './config/policy-file.js';
export { readPromptPack } from './config/prompt-pack.js';
export { readRunRequest, requestFromNotes } from './config/run-request-file.js';
export { readWorkerConfig } from './config/worker-config-file.js';
export { GATE_OUTPUT_SCHEMAS } from './contracts/answers/gate-outputs.js';
export { type WorkerConfig, workerConfigSchema } from './contracts/config/worker-config.js';
export { ERROR_CATALOGUE, type ErrorCode, type ExitCode, isErrorCode, PromptOsError } from './contracts/errors.js';
export type { Content, LongBytes } from './contracts/long-bytes.js';
export {
  DEFAULT_TASK_QUEUE,
  EXECUTOR_ROLES,
  type ExecutorRole,
  GATE_IDS,
  GATES,
  type GateId,
  OUTCOMES,
  type Outcome,
  ROLES,
  type Role,
  roleTaskQueue,
  runIdOfWorkflow,
  runWorkflowId,
  type Severity,
  type Verdict,
  WORKFLOW_TYPE,
} from './contracts/names.js';
export { type Policy, policySchema } from './contracts/policy/policy.js';
export type { ArtifactRef } from './contracts/primitives.js';
export { type PromptPackBundle, promptPackBundleSchema } from './contracts/prompt-pack.js';
export { type AttemptRecord, attemptRecordSchema, type ExecutorDescriptor } from './contracts/record/attempt.js';
export type { LongPatch } from './contracts/record/long-patch.js';
export { type PromptSession, promptSessionSchema } from './contracts/record/prompt-session.js';
export { type RunRecord, runRecordSchema } from './contracts/record/run-record.js';
export {
  type Cancellation,
  cancellationSchema,
  type Decision,
  type DecisionAnswer,
  decisionSchema,
  type HumanMessage,
  humanMessageSchema,
  type PersonEscalation,
  personEscalationSchema,
  REFUSAL_REASONS,
  type RefusalReason,
  type Resolution,
  resolutionSchema,
} from './contracts/run/decisions.js';
export { type EscalationReport, escalationReportSchema } from './contracts/run/escalation.js';
export { type Finding, findingSchema } from './contracts/run/findings.js';
export type { GateProgress } from './contracts/run/gate-progress.js';
export { type LedgerEntry, type LedgerEvent, ledgerEventSchema, parseLedgerEntry } from './contracts/run/ledger.js';
export type { GovernedRunInput } from './contracts/run/run-plan.js';
export { type RunRequest, runRequestSchema } from './contracts/run/run-request.js';
export type {
  AwaitedDecision,
  AwaitedResolution,
  GateStatus,
  GovernedRunResult,
  RunStatus,
} from './contracts/run/run-status.js';
export { governanceDataConverter } from './converter/data-converter.js';
export { GovernedRunPlugin, type GovernedRunPluginOptions } from './plugin/plugin.js';
export { type ExecutorTrial, type TriedCase, tryExecutor } from './plugin/try-executor.js';
export type { PublishedRun, StoredObject } from './ports/artifact-store.js';
export type {
  CheckCacheUse,
  CheckCall,
  CheckOutcome,
  CommandOutput,
  CommandWatch,
  ExecutorCall,
  ExecutorFailure,
  ExecutorOutcome,
  GateExecutor,
  ReportedUse,
  SetupCall,
} from './ports/gate-executor.js';
export type {
  ArtifactStore,
  CheckRunner,
  ExecutorRegistry,
  GovernancePorts,
  KeptBaselines,
  SecretScanner,
  SetupRunner,
  TrustRegistry,
  Workspace,
} from './ports/index.js';
export type { SecretHit } from './ports/secret-scanner.js';
export type { Signer, SignerRegistry } from './ports/signer.js';
export type { TreeDigest, TreeEntry, TreeLimits, TreeReader } from './ports/tree-reader.js';
export type {
  ApplyResult,
  Checkout,
  CheckoutOptions,
  CheckoutSetup,
  ProvidedSetup,
  RepositorySnapshot,
} from './ports/workspace.js';
export { createObjectTree } from './verify/object-tree.js';
export type { TrustedPolicy, VerifyTrust } from './verify/trust.js';
export { judgeTree, type TreeVerdict } from './verify/verify-tree.js';
