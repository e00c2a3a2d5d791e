import { ESCALATION_TITLE, runWorkflowId } from '../contracts/names.js';
import type { AwaitedDecision, AwaitedResolution, GateStatus, RunStatus } from '../contracts/run-status.js';
import { sameName } from '../governance/authority.js';

/** The Web UI fetches the details in the address of a request, so they stay well below its limit. */
const MAX_CHARACTERS = 14_000;
const MAX_AWAITED = 4;

/**
 * The run as Markdown for the Temporal UI: each gate, what is awaited, and what to paste to answer. A list, since
 * tables lose their borders there; whatever a model wrote is escaped, since HTML passes.
 */
export function renderCurrentDetails(status: RunStatus): string {
  const lines = [`### Governed run \`${status.run_id}\` on \`${code(status.target_repo)}\``, '', headline(status), ''];
  for (const gate of status.gates) lines.push(gateLine(gate));
  for (const awaited of status.awaiting.slice(0, MAX_AWAITED)) {
    lines.push(
      '',
      ...(awaited.kind === 'decision' ? decisionLines(status, awaited) : resolutionLines(status, awaited)),
    );
  }
  if (status.awaiting.length > MAX_AWAITED) {
    lines.push('', `… and ${status.awaiting.length - MAX_AWAITED} more: \`promptos run status ${status.run_id}\``);
  }
  if (status.refusals > 0) lines.push('', `Refused messages so far: ${status.refusals}. The ledger says why.`);
  const text = lines.join('\n');
  return text.length <= MAX_CHARACTERS
    ? text
    : `${text.slice(0, MAX_CHARACTERS)}\n\n… \`promptos run status ${status.run_id}\``;
}

function headline({ phase, outcome, outcome_reason, run_record_sha256, awaiting }: RunStatus): string {
  if (phase === 'new') return 'Opening: the policy and the prompt pack are being checked.';
  if (phase === 'open') return awaiting.length === 0 ? 'At work.' : '**Waiting for a person.**';
  const published = run_record_sha256 === null ? 'The record is being written.' : `Record: \`${run_record_sha256}\``;
  return `**Ended: ${outcome}.** ${inert(outcome_reason ?? '', 300)} ${published}`;
}

function gateLine({ gate, title, state, attempt, verdict, findings, findings_omitted }: GateStatus): string {
  const parts = [state.replaceAll('_', ' ')];
  if (attempt > 0) parts.push(`attempt ${attempt}`);
  if (verdict !== null && state !== 'passed') parts.push(`verdict ${verdict}`);
  const count = findings.length + findings_omitted;
  if (count > 0) parts.push(`${count} finding${count === 1 ? '' : 's'}`);
  return `- **${gate} ${title}**: ${parts.join(', ')}`;
}

function decisionLines(status: RunStatus, awaited: AwaitedDecision): string[] {
  const gate = status.gates.find((candidate) => candidate.gate === awaited.gate);
  const findings = (gate?.findings ?? [])
    .slice(0, 8)
    .map(({ id, severity, message }) => `  - \`${code(id)}\` ${severity}: ${inert(message, 200)}`);
  const name = onlyIntegrator(status);
  const bound = {
    decision_id: `${awaited.request_id}-${name}`,
    run_id: status.run_id,
    gate: awaited.gate,
    attempt: awaited.attempt,
    request_id: awaited.request_id,
    output_sha256: awaited.output_sha256,
    policy_sha256: status.policy_sha256,
    actor: name,
  };
  const acknowledged = awaited.to_acknowledge.length === 0 ? {} : { acknowledged: awaited.to_acknowledge };
  const approve = awaited.approvable
    ? signalLines(status, 'approve', { ...bound, ...acknowledged })
    : ['This gate did not pass, so it cannot be approved.'];
  return [
    `#### Decision ${awaited.request_id} on ${awaited.gate} ${gate?.title ?? ''}`,
    `Approvals: ${awaited.approved_by.length} of ${awaited.approvals_needed}. Verdict: ${gate?.verdict ?? 'none'}. ${inert(gate?.reason ?? '', 300)}`,
    ...findings,
    '',
    `Look at it and answer: \`promptos approve ${status.run_id} --gate ${awaited.gate} --as ${name}\``,
    `or \`promptos reject ${status.run_id} --gate ${awaited.gate} --as ${name} --comment "why"\``,
    '',
    ...approve,
    ...signalLines(status, 'reject', { ...bound, reason: 'say why' }),
  ];
}

function resolutionLines(status: RunStatus, awaited: AwaitedResolution): string[] {
  const name = onlyIntegrator(status);
  return [
    `#### ${ESCALATION_TITLE} ${awaited.escalation_id}${awaited.gate === null ? '' : ` at ${awaited.gate}`} (${awaited.trigger})`,
    `Raised by ${inert(awaited.raised_by, 80)}: ${inert(awaited.issue, 600)}`,
    `Recommendation: ${inert(awaited.recommendation, 600)}`,
    '',
    `Answer: \`promptos resolve ${status.run_id} ${awaited.escalation_id} --choose continue|retry|rework|abort --as ${name}\``,
    '',
    ...signalLines(status, 'resolveEscalation', {
      decision_id: `${awaited.request_id}-${name}`,
      run_id: status.run_id,
      escalation_id: awaited.escalation_id,
      request_id: awaited.request_id,
      policy_sha256: status.policy_sha256,
      actor: name,
      choice: 'retry',
    }),
  ];
}

/** The JSON for the UI's signal form, and the same as a command of the Temporal CLI. */
function signalLines(status: RunStatus, signal: string, content: object): string[] {
  const json = JSON.stringify(content);
  return [
    `Signal \`${signal}\`:`,
    '```json',
    json,
    '```',
    '```sh',
    `temporal workflow signal --workflow-id ${runWorkflowId(status.run_id)} --name ${signal} --input '${json}'`,
    '```',
  ];
}

/** The integrator's name where there is no choice, else a word that no policy knows. */
function onlyIntegrator({ integrators, developer, self_approval }: RunStatus): string {
  const able = integrators.filter((name) => self_approval === 'allowed' || !sameName(name, developer));
  return able.length === 1 && able[0] !== undefined ? able[0] : 'YOUR_NAME';
}

const code = (text: string): string => text.replaceAll('`', "'").replaceAll(/\s+/g, ' ');

/** Text of a model's or a person's, made harmless in Markdown and cut. */
const inert = (text: string, limit: number): string =>
  (text.length > limit ? `${text.slice(0, limit)}…` : text)
    .replaceAll(/\s+/g, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(/[\\`*_[\]#|!~]/g, '\\$&');
