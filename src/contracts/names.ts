/**
 * The fixed vocabulary: gates, roles, severities, names of signals and queues, and every id's one maker.
 * No schema library is loaded here, so the workflow sandbox may import it.
 */

export const GATE_IDS = ['P00', 'P01', 'P03', 'P05', 'P06', 'P07'] as const;
export type GateId = (typeof GATE_IDS)[number];

/** Governance Escalation: raised from any gate, never listed among the gates to run. */
export const ESCALATION_GATE = 'P08';

export const PROMPT_IDS = [...GATE_IDS, ESCALATION_GATE] as const;
export type PromptId = (typeof PROMPT_IDS)[number];

/** The duties of a run. The integrator is always a human. */
export const ROLES = ['writer', 'verifier', 'reviewer', 'integrator'] as const;
export type Role = (typeof ROLES)[number];

/** The roles that a worker carries out through an executor. */
export const EXECUTOR_ROLES = ['writer', 'verifier', 'reviewer'] as const;
export type ExecutorRole = (typeof EXECUTOR_ROLES)[number];

export interface GateDescription {
  readonly title: string;
  /** The phase of the orchestrator pipeline that the gate belongs to. */
  readonly phase: string;
  readonly role: ExecutorRole;
  /** Where the gate's standing output is published, relative to the run's tree. */
  readonly artifact: string;
  /** Gates whose output this one cannot do without. */
  readonly needs: readonly GateId[];
  /** Where a rejection of this gate sends the run unless the integrator names another gate. */
  readonly rejectsTo: GateId;
}

export const GATES: Readonly<Record<GateId, GateDescription>> = {
  P00: {
    title: 'Context Lock',
    phase: 'pre-job',
    role: 'writer',
    artifact: 'evidence/context.json',
    needs: [],
    rejectsTo: 'P00',
  },
  P01: {
    title: 'Scope Declaration',
    phase: 'job definition',
    role: 'writer',
    artifact: 'job.json',
    needs: [],
    rejectsTo: 'P01',
  },
  P03: {
    title: 'Design Gate',
    phase: 'planning',
    role: 'writer',
    artifact: 'plan.md',
    needs: ['P01'],
    rejectsTo: 'P03',
  },
  P05: {
    title: 'Constrained Builder',
    phase: 'implementation',
    role: 'writer',
    artifact: 'patch/',
    needs: ['P03'],
    rejectsTo: 'P05',
  },
  P06: {
    title: 'Verify Forensics',
    phase: 'verification',
    role: 'verifier',
    artifact: 'evidence/',
    needs: ['P05'],
    rejectsTo: 'P05',
  },
  P07: {
    title: 'Adversarial Review',
    phase: 'review',
    role: 'reviewer',
    artifact: 'review.md',
    needs: ['P05'],
    rejectsTo: 'P05',
  },
};

export const ESCALATION_TITLE = 'Governance Escalation';

/** From worst to least. `critical` escalates; `critical` and `high` must be acknowledged by the approver. */
export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'info'] as const;
export type Severity = (typeof SEVERITIES)[number];
export const ACKNOWLEDGED_SEVERITIES: readonly Severity[] = ['critical', 'high'];

/**
 * What keeps a program that is not ours from the rest of its machine: from the strongest to the weakest. `elsewhere` is a
 * gate that was handed off: no worker started its program, and nothing is known of where it ran.
 */
export const SANDBOX_KINDS = ['bubblewrap', 'sandbox-exec', 'elsewhere', 'none'] as const;
export type SandboxKind = (typeof SANDBOX_KINDS)[number];

/** The coding agents whose command line is known: `kind: preset` in the worker config. */
export const AGENTS = ['claude', 'codex', 'gemini', 'opencode', 'aider', 'qwen', 'copilot'] as const;
export type AgentName = (typeof AGENTS)[number];

export const VERDICTS = ['pass', 'fail', 'blocked'] as const;
export type Verdict = (typeof VERDICTS)[number];

export const OUTCOMES = ['approved', 'rejected', 'aborted', 'cancelled', 'expired', 'failed'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** How a private key is kept: under a passphrase, in a file without one, or in an ssh-agent, which does not say. */
export const KEY_PROTECTIONS = ['passphrase', 'none', 'agent'] as const;
export type KeyProtection = (typeof KEY_PROTECTIONS)[number];

export const RESOLUTION_CHOICES = ['continue', 'retry', 'rework', 'abort'] as const;
export type ResolutionChoice = (typeof RESOLUTION_CHOICES)[number];

/**
 * What may raise a P08. A `hold` is an unsigned stop where the policy asks for signatures: its sender is a claim, and
 * to continue from it waives nothing.
 */
export const ESCALATION_TRIGGERS = [
  'executor',
  'rule_violation',
  'critical_finding',
  'open_question',
  'person',
  'deadline',
  'rework_bound',
  'budget',
  'trust',
  'infrastructure',
  'fork',
  'hold',
] as const;
export type EscalationTrigger = (typeof ESCALATION_TRIGGERS)[number];

/** What the result of a gate may raise. Everything else is for the engine to find, or for a person to say. */
export const GATE_TRIGGERS: readonly EscalationTrigger[] = [
  'executor',
  'rule_violation',
  'critical_finding',
  'open_question',
];

/** The name under which the engine journals heads; no principal may have it. */
export const ENGINE = 'engine';

export const WORKFLOW_TYPE = 'governedRun';
export const DEFAULT_TASK_QUEUE = 'promptos';

/** The queue that the engine of a worker config polls. */
export const engineTaskQueue = (config: { readonly task_queue?: string | undefined }): string =>
  config.task_queue ?? DEFAULT_TASK_QUEUE;
/** The Temporal workflow id of a run. */
export const runWorkflowId = (runId: string): string => `promptos/run/${runId}`;
/** The run id inside a Temporal workflow id, or null when the workflow is none of ours. */
export const runIdOfWorkflow = (workflowId: string): string | null =>
  workflowId.startsWith('promptos/run/') ? workflowId.slice('promptos/run/'.length) : null;
/** The queue that the workers of one role poll, next to the engine's own queue. */
export const roleTaskQueue = (engineQueue: string, role: ExecutorRole): string => `${engineQueue}.${role}`;
/** The request that a gate's attempt puts up for decision for the `put`-th time, such as `P03.1.2`. */
export const decisionRequestId = (gate: GateId, attempt: number, put: number): string => `${gate}.${attempt}.${put}`;
/** By what reminders name an attempt of a gate that is done elsewhere, such as `P03.1`. */
export const handOffId = (gate: GateId, attempt: number): string => `${gate}.${attempt}`;
/** The `number`-th escalation of a run, such as `E4`. */
export const escalationId = (number: number): string => `E${number}`;
/** The request that an escalation puts up for resolution for the `put`-th time, such as `E4.1`. */
export const resolutionRequestId = (escalation: string, put: number): string => `${escalation}.${put}`;

export const RUN_ID_PATTERN = /^[a-z0-9][a-z0-9-]{2,62}$/;
export const SHA256_PATTERN = /^[0-9a-f]{64}$/;
/** The fingerprint of a finding, by which a waiver names it. */
export const FINGERPRINT_PATTERN = /^[0-9a-f]{16}$/;
export const COMMIT_PATTERN = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

export const isGateId = (value: unknown): value is GateId => GATE_IDS.includes(value as GateId);
/** The gate's place in the order of a run, from 0. */
export const gateIndex = (gate: GateId): number => GATE_IDS.indexOf(gate);

/** Findings of these rules can never be waived, whatever a policy says. */
export const NEVER_WAIVABLE_RULES = ['secrets', 'paths'] as const;

/** Findings of these rules can be waived whatever a policy says, from version 2 of the rules on. */
export const ALWAYS_WAIVABLE_RULES = ['repository_changed', 'base_moved'] as const;

/** The rule that no verifier passes a change whose checks did not pass. */
export const CONTRADICTION_RULE = 'verifier_contradicted';

/** Findings of these rules follow from those of another rule, and can be waived wherever that one can. */
export const WAIVABLE_WITH: Readonly<Record<string, string>> = { [CONTRADICTION_RULE]: 'checks' };

/** Findings of these rules are waived one by one: by fingerprint, with a reason. */
export const WAIVED_BY_NAME_RULES = ['secret_candidates'] as const;

export const PRINCIPAL_KINDS = ['human', 'agent'] as const;

/** Where a repository keeps exported sessions, unless it is said. */
export const DEFAULT_ARTIFACTS_DIR = 'artifacts/evidence';
