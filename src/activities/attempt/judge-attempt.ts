import {
  ACKNOWLEDGED_SEVERITIES,
  ESCALATION_GATE,
  GATES,
  type SandboxKind,
  SEVERITIES,
} from '../../contracts/names.js';
import type { Policy } from '../../contracts/policy/policy.js';
import type { AttemptRecord, ExecutorDescriptor } from '../../contracts/record/attempt.js';
import type { GateOutcome } from '../../contracts/run/activities.js';
import type { Spent } from '../../contracts/run/budget.js';
import type { Finding } from '../../contracts/run/findings.js';
import type { Comparison } from '../../contracts/run/independence.js';
import { rulesVersionOf } from '../../contracts/run/rules-version.js';
import { counted } from '../../contracts/sentences.js';
import { sandboxOfAttempt, weakestSandbox } from '../../domain/record/sandboxes.js';
import { compareModels, judgeIndependence } from '../../rules/attempts/judge-independence.js';
import { judgeInputs } from '../../rules/attempts/judge-inputs.js';
import { judgeInventory } from '../../rules/attempts/judge-inventory.js';
import { judgeSessions } from '../../rules/attempts/judge-sessions.js';
import { judgeUse } from '../../rules/attempts/judge-use.js';
import { spentByAttempt } from '../../rules/attempts/spent.js';
import { executorEscalation, findingsEscalation, numberFindings } from '../../rules/escalation-report.js';
import { clipText, type JudgedFinding } from '../../rules/outputs/judged-output.js';
import { isWaivable } from '../../rules/waivable.js';
import type { GateTask, Judgement } from '../gates/gate-definition.js';
import type { TrustedRun } from '../proof/trusted-run.js';
import type { Asked } from './ask-executor.js';

/** The files that steered the executor, those that the patch would have steered it by, and what the set-up gave. */
export type SeenCheckout = Pick<AttemptRecord, 'inventory' | 'withheld' | 'setup'>;

interface EndedAttempt {
  readonly task: GateTask;
  readonly trusted: TrustedRun;
  readonly asked: Asked;
  readonly seen: SeenCheckout;
  /** What calls of the activity before this one used. */
  readonly unrecorded?: Spent;
}

/**
 * What every gate is judged by, whatever it gives: what steered its executor, what it used, with which model and in which
 * session it judged whom, and what its inputs say.
 */
export function judgeAttempt({ task, trusted, asked, seen, unrecorded }: EndedAttempt): {
  readonly findings: readonly JudgedFinding[];
  readonly compared: readonly Comparison[];
} {
  const { input, earlier } = task;
  const { policy, request } = trusted;
  const { gate, principal, attempt, inputs: given, rules_version } = input;
  const tries = [...asked.tries];
  const done = { gate, role: GATES[gate].role, principal, attempt, executor: asked.executor, tries };
  const compared = compareModels(policy, done, earlier.attempts);
  const findings = [
    ...judgeInventory({
      ...seen,
      before: earlier.inventories,
      allow: policy.agent_files?.allow ?? [],
      rules_version,
    }),
    ...judgeUse(policy.budgets, gate, spentByAttempt({ tries, unrecorded })),
    ...judgeIndependence(policy.independence, compared),
    ...judgeSessions(done, earlier.attempts),
    ...judgeInputs({ ...earlier, given, request, feedback: input.feedback, rules_version }),
  ];
  return { findings, compared };
}

/** An executor that does not say what keeps it from the machine, such as one of a team's own in this process, has nothing. */
export const sandboxOf = ({ sandbox = 'none' }: ExecutorDescriptor): SandboxKind => sandbox;

/** Findings that travel through Temporal; the attempt's record has them all. */
const FINDINGS_RETURNED = 20;
/** Characters of a message, and of a path, that travel. */
const TEXT_RETURNED = 300;

const failingReason = (failing: readonly JudgedFinding[]): string | null => {
  if (failing.length === 0) return null;
  const rules = [...new Set(failing.map(({ rule }) => rule))].join(', ');
  return `${counted(failing.length, 'blocking finding')}: ${rules}.`;
};

/** Everything about the attempt, as one value whose digest a decision binds. */
export function attemptRecord(
  { input, policy }: GateTask,
  { pack }: TrustedRun,
  { answer, tries, transcripts, executor }: Asked,
  judgements: readonly Judgement[],
): AttemptRecord {
  const { gate, attempt, run, rules_version, principal, inputs } = input;
  const judged = judgements.flatMap(({ findings }) => findings);
  const raised = findingsEscalation(gate, attempt, judged, {
    rulesVersion: rules_version,
    waivable: policy.waivable,
  });
  const blocked = answer.kind === 'output' ? null : answer.kind === 'blocked' ? answer.reason : answer.report.issue;
  const failing = judged.filter(({ blocking }) => blocking);
  const checks = weakestSandbox(judgements.map(({ checks_sandbox }) => checks_sandbox));
  const { prompt_id, version, sha256 } = pack.prompts[gate];
  return {
    schema_version: 1,
    rules_version,
    run_id: run.run_id,
    gate,
    attempt,
    role: GATES[gate].role,
    principal,
    base_commit: run.base_commit,
    request_sha256: run.request_sha256,
    policy_sha256: run.policy_sha256,
    pack_sha256: pack.digest,
    prompt: { prompt_id, version, sha256 },
    escalation_prompt_sha256: pack.prompts[ESCALATION_GATE].sha256,
    executor: { ...executor, sandbox: sandboxOf(executor) },
    ...(checks === undefined ? {} : { checks_sandbox: checks }),
    tries: [...tries],
    verdict: blocked !== null ? 'blocked' : failing.length > 0 ? 'fail' : 'pass',
    reason: blocked ?? failingReason(failing),
    findings: [...numberFindings(judged)],
    escalation: answer.kind === 'escalation' ? executorEscalation(answer.report, raised) : raised,
    inputs,
    artifacts: judgements.flatMap(({ artifacts }) => artifacts),
    transcripts: [...transcripts],
  };
}

/**
 * The worst findings first: those that block and cannot be waived before those that can, then by severity. So a waiver, which
 * knows only the findings that travel, never passes over one that is not waivable.
 */
function worstFirst(record: AttemptRecord, waivable: readonly string[]): readonly Finding[] {
  const mayWaive = (rule: string) => isWaivable(rule, waivable, rulesVersionOf(record));
  const rank = ({ blocking, rule, severity }: Finding): number =>
    (blocking ? (mayWaive(rule) ? 1 : 0) : 2) * SEVERITIES.length + SEVERITIES.indexOf(severity);
  return [...record.findings].sort((a, b) => rank(a) - rank(b));
}

/** What the workflow learns of an attempt: bounded whatever the work's size. */
export function boundedOutcome(
  record: AttemptRecord,
  outputSha256: string,
  { waivable, budgets }: Pick<Policy, 'waivable' | 'budgets'>,
): GateOutcome {
  const ranked = worstFirst(record, waivable);
  const sandbox = sandboxOfAttempt(record);
  const omitted = ranked.slice(FINDINGS_RETURNED);
  const findings = ranked.slice(0, FINDINGS_RETURNED).map(({ path, ...finding }) => ({
    ...finding,
    message: clipText(finding.message, TEXT_RETURNED),
    ...(path === undefined ? {} : { path: clipText(path, TEXT_RETURNED) }),
  }));
  return {
    verdict: record.verdict,
    reason: record.reason === null ? null : clipText(record.reason, TEXT_RETURNED),
    output_sha256: outputSha256,
    findings,
    findings_omitted: omitted.length,
    blocking_omitted: omitted.filter(({ blocking }) => blocking).length,
    severe_omitted: omitted.filter(({ severity }) => ACKNOWLEDGED_SEVERITIES.includes(severity)).length,
    escalation: record.escalation,
    ...(sandbox === undefined ? {} : { sandbox }),
    ...(budgets === undefined ? {} : { spent: spentByAttempt(record) }),
  };
}
