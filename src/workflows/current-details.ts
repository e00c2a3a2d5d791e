import { ESCALATION_TITLE, runWorkflowId } from '../contracts/names.js';
import {
  type AwaitedDecision,
  type AwaitedResolution,
  type GateStatus,
  isInterruption,
  type RunStatus,
} from '../contracts/run/run-status.js';
import { counted } from '../contracts/sentences.js';
import { type AnswerCommand, ableIntegrators, answerCommands, answeringName } from '../domain/run/answer-commands.js';
import { describeHandOff } from '../domain/run/describe-hand-off.js';
import { codeSpan, pageText } from '../rules/outputs/markdown.js';

/* How text goes into the Markdown of current details. */

/**
 * JSON on one line that breaks at its blanks, and that stays whole in inline code and between single quotes of a shell.
 */
const pasteable = (content: object): string =>
  JSON.stringify(content, null, 1).replaceAll(/\n */g, ' ').replaceAll('`', '\\u0060').replaceAll("'", '\\u0027');

/** Text of a model's or a person's, cut to `limit` characters. */
const inert = (text: string, limit: number): string =>
  pageText(text.length > limit ? `${text.slice(0, limit).toWellFormed()}…` : text);

/** Length in UTF-8. */
const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

/** The Web UI fetches the details in the address of a request, so they stay well below its limits: bytes of UTF-8. */
const MAX_BYTES = 15_000;
const MAX_FINDINGS = 8;
/** A longer JSON or command is not shown: the command line makes it. */
const MAX_PASTED_CHARACTERS = 2_500;
/** What an answer is called with where the policy leaves a choice of integrators. */
const ANYBODY = 'YOUR_NAME';

/**
 * The run as Markdown for the Temporal UI: each gate, what is awaited, and what to paste to answer. A list, since
 * tables lose their borders there; commands and JSON as paragraphs of inline code, since those wrap and a triple click
 * selects one whole, where a code block is cut at the panel's edge. Whatever a model wrote is escaped, since HTML passes.
 * @param namespace the run's; commands name it unless it is Temporal's default
 * @param started when the gate that is carried out was started, where that is known
 */
export function renderCurrentDetails(
  status: RunStatus,
  namespace = 'default',
  started: StartedGate | null = null,
): string {
  let text = [
    `### Governed run \`${status.run_id}\` on ${codeSpan(status.target_repo)}`,
    headline(status, started),
    ...(status.gates.length === 0 ? [] : [status.gates.map(gateLine).join('\n')]),
    ...(status.refusals === 0 ? [] : [`Messages that did not count so far: ${status.refusals}; the ledger says why.`]),
    ...(status.phase === 'open' ? [STOP] : []),
  ].join('\n\n');
  for (const [index, awaited] of holdsLast(status.awaiting).entries()) {
    const asked = { status, name: answeringName(status, ANYBODY), namespace };
    const parts = awaited.kind === 'decision' ? decisionParts(asked, awaited) : resolutionParts(asked, awaited);
    const section = `\n\n---\n\n${parts.join('\n\n')}`;
    if (bytesOf(text) + bytesOf(section) > MAX_BYTES) {
      const left = status.awaiting.length - index;
      return `${text}\n\n---\n\n… and ${left} more to answer: \`promptos run status ${status.run_id}\``;
    }
    text += section;
  }
  return text;
}

/** Anybody can send holds, with texts of any length: they must not push what others ask out of the page. */
function holdsLast(awaiting: RunStatus['awaiting']): RunStatus['awaiting'] {
  const isHold = (one: AwaitedDecision | AwaitedResolution) => one.kind === 'resolution' && one.trigger === 'hold';
  return [...awaiting.filter((one) => !isHold(one)), ...awaiting.filter(isHold)];
}

/** The gate that is carried out. */
export interface StartedGate {
  readonly at: string;
  readonly times_out_at: string;
}

/** What a section is made from, and the name that its answers carry. */
interface Asked {
  readonly status: RunStatus;
  readonly name: string;
  readonly namespace: string;
}

function headline(
  { phase, outcome, outcome_reason, cancellation, run_record_sha256, awaiting, gates }: RunStatus,
  started: StartedGate | null,
): string {
  if (phase === 'new') return '**Opening**: the policy and the prompt pack are being checked.';
  if (phase === 'open') {
    const elsewhere = gates.flatMap(({ gate, handed_off }) =>
      handed_off === undefined ? [] : [describeHandOff(gate, handed_off, (name) => inert(name, 200))],
    );
    const running = gates
      .filter(({ state, handed_off }) => state === 'running' && handed_off === undefined)
      .map(({ gate, title }) => `${gate} ${title}`);
    const at = running.length === 0 ? '' : ` At work: ${running.join(', ')}${startedParts(started)}.`;
    if (elsewhere.length > 0 && awaiting.length === 0) return `**Done elsewhere**: ${elsewhere.join(', ')}.`;
    if (awaiting.length === 0) return `**No answer is needed now.**${at}`;
    const waits = awaiting.map((item) =>
      item.kind === 'decision'
        ? `a decision on ${item.gate} (\`${item.request_id}\`)`
        : `an answer to escalation ${item.escalation_id} (\`${item.request_id}\`)`,
    );
    return `**Waiting for a person**: ${[...waits, ...elsewhere].join(', ')}.${at}`;
  }
  const published =
    run_record_sha256 === null ? 'The record is being written.' : `Run record: \`${run_record_sha256}\``;
  const by = cancellation?.by == null ? '' : ` by ${codeSpan(cancellation.by)}`;
  return `${`**Ended: ${outcome}${by}.** ${inert(outcome_reason ?? '', 300)}`.trimEnd()}\n\n${published}`;
}

/** The workflow does not receive what a worker prints: the heartbeat on the page's list of pending activities has it. */
const startedParts = (started: StartedGate | null): string =>
  started === null
    ? ''
    : `, started at ${started.at}, time-out at ${started.times_out_at} (pending activities show what it does)`;

function gateLine(status: GateStatus): string {
  const { gate, title, state, attempt, verdict, findings, findings_omitted, sandbox } = status;
  const parts = [state.replaceAll('_', ' ')];
  if (attempt > 0) parts.push(`attempt ${attempt}`);
  if (verdict !== null && state !== 'passed') parts.push(`verdict ${verdict}`);
  const count = findings.length + findings_omitted;
  if (count > 0) parts.push(counted(count, 'finding'));
  if (sandbox === 'none') parts.push('its programs ran without a sandbox');
  if (sandbox === 'elsewhere') parts.push('done elsewhere');
  return `- **${gate} ${title}**: ${parts.join(', ')}`;
}

function decisionParts(asked: Asked, awaited: AwaitedDecision): string[] {
  const { status, name } = asked;
  const { gate, attempt, request_id, output_sha256, to_acknowledge } = awaited;
  const found = status.gates.find((candidate) => candidate.gate === gate);
  const bound = {
    decision_id: `${request_id}-${name}`,
    run_id: status.run_id,
    gate,
    attempt,
    request_id,
    output_sha256,
    policy_sha256: status.policy_sha256,
    actor: name,
  };
  const approval = to_acknowledge.length === 0 ? bound : { ...bound, acknowledged: to_acknowledge };
  // Unchanged it is refused, since it gives no reason.
  const rejection = { ...bound, reason: '', ...(awaited.approvable ? {} : { to_gate: awaited.rejects_to }) };
  const facts = [
    `Verdict ${found?.verdict ?? 'none'}`,
    `${awaited.approved_by.length} of ${counted(awaited.approvals_needed, 'approval')}`,
  ];
  const { approvable } = awaited;
  return [
    `#### ${gate} ${found?.title ?? ''}, attempt ${attempt}: ${approvable ? 'approve or reject?' : 'did not pass, so it can only be rejected'}`,
    [`${facts.join(', ')}.`, inert(found?.reason ?? '', 300)].filter(Boolean).join(' '),
    ...(found === undefined ? [] : findingParts(found)),
    whoMay(asked),
    ...commandLineParts(asked, awaited),
    ...(status.authentication === 'required'
      ? []
      : [
          FORM,
          ...(approvable ? signalParts('approve', '', approval) : []),
          ...signalParts('reject', ', with your reason put in', rejection),
          approvable ? commandPart(asked, 'approve', approval) : commandPart(asked, 'reject', rejection),
        ]),
  ];
}

function findingParts({ findings, findings_omitted }: GateStatus): string[] {
  const shown = findings
    .slice(0, MAX_FINDINGS)
    .map(({ id, severity, message }) => `- ${codeSpan(id)} ${severity}: ${inert(message, 200)}`);
  const left = findings.length + findings_omitted - shown.length;
  if (left > 0) shown.push(`- … and ${left} more`);
  return shown.length === 0 ? [] : [shown.join('\n')];
}

function resolutionParts(asked: Asked, awaited: AwaitedResolution): string[] {
  const { status, name } = asked;
  const { escalation_id, request_id, gate } = awaited;
  const resolution = {
    decision_id: `${request_id}-${name}`,
    run_id: status.run_id,
    escalation_id,
    request_id,
    report_sha256: awaited.report_sha256,
    policy_sha256: status.policy_sha256,
    actor: name,
    choice: 'retry',
  };
  // Unsigned advice is not shown as the run's.
  const recommendation = awaited.trigger === 'hold' ? '' : inert(awaited.recommendation, 600);
  return [
    `#### ${ESCALATION_TITLE} ${escalation_id}${gate === null ? '' : ` at ${gate}`}: ${awaited.trigger.replaceAll('_', ' ')}`,
    `${awaited.trigger === 'hold' ? 'Sent without a signature, under the name' : 'Raised by'} ${inert(awaited.raised_by, 80)}: ${inert(awaited.issue, 600)}`,
    ...(isInterruption(awaited) ? awaited.report.context.split('\n').map((line) => inert(line, 1_400)) : []),
    ...(recommendation === '' ? [] : [`Recommendation: ${recommendation}`]),
    awaited.trigger === 'hold' ? HOLD_CHOICES : CHOICES,
    whoMay(asked),
    ...commandLineParts(asked, awaited),
    ...(status.authentication === 'required'
      ? []
      : [
          FORM,
          ...signalParts('resolveEscalation', '', resolution),
          commandPart(asked, 'resolveEscalation', resolution),
        ]),
  ];
}

/** Shown while the run is open. */
const STOP =
  'To stop the run: **More Actions → Send a Signal**, choose `escalate`, leave the box empty. Nothing new starts until an integrator answers.';

const CHOICES =
  'Choices: `retry` (the same gate again, with your `guidance`), `continue` (waive what may be waived; then `guidance` says why), `rework` (back to the gate that `to_gate` names), `abort` (end the run).';
const HOLD_CHOICES =
  'Choices: `continue` (lifts the hold and waives nothing), `retry` (the same gate again, with your `guidance`), `rework` (back to the gate that `to_gate` names), `abort` (end the run).';

/** The answers as commands, and how to send the same as a signal where the policy asks for signatures. */
function commandLineParts(asked: Asked, awaited: AwaitedDecision | AwaitedResolution): string[] {
  const answers = answerCommands(asked.status, awaited, asked.name);
  const short = answers.filter(({ command }) => command.length <= MAX_PASTED_CHARACTERS);
  return [
    'On the command line, which in a terminal shows what is decided and asks:',
    ...answers.map(({ choice, command }) =>
      command.length > MAX_PASTED_CHARACTERS
        ? `**${choice}**: \`promptos run status ${asked.status.run_id}\` prints the command; it is too long for here.`
        : `\`promptos ${command}\``,
    ),
    ...(asked.status.authentication === 'required' ? signedParts(asked, short) : []),
  ];
}

/** Where decisions must be signed, no JSON on this page could count: the integrator's own machine makes it. */
function signedParts(asked: Asked, answers: readonly AnswerCommand[]): string[] {
  const [first] = answers;
  if (first === undefined) return [];
  const signals = [...new Set(answers.map(({ signal }) => `\`${signal}\``))].join(' or ');
  const print = `promptos ${first.command} --print`;
  return [
    `The policy asks for a signature, which the commands above make. With \`--print\` each prints the signed JSON and sends nothing. On this page: **More Actions → Send a Signal**, choose ${signals}, empty the box, and paste that JSON as Data. For example, for \`${first.signal}\`:`,
    `\`${print}\``,
    "With Temporal's own command line, where both programs are:",
    `\`${signalCommand(asked, first.signal)} --input "$(${print})"\``,
  ];
}

const signalCommand = ({ status, namespace }: Asked, signal: string): string => {
  const where = namespace === 'default' ? '' : ` --namespace '${namespace}'`;
  return `temporal workflow signal${where} --workflow-id ${runWorkflowId(status.run_id)} --name ${signal}`;
};

const FORM =
  'On this page: **More Actions → Send a Signal**, choose the signal, and paste its JSON as Data (a triple click selects it whole). The form keeps what was sent before: empty the box first.';

function signalParts(signal: string, more: string, content: object): string[] {
  const json = pasteable(content);
  if (json.length > MAX_PASTED_CHARACTERS)
    return [`**${signal}**: on the command line only; its JSON is too long for here.`];
  return [`**${signal}**${more}:`, `\`${json}\``];
}

/** The same for Temporal's own command line. */
function commandPart(asked: Asked, signal: string, content: object): string {
  const json = pasteable(content);
  if (json.length > MAX_PASTED_CHARACTERS) return 'The Temporal CLI can send the same; `promptos` makes the JSON.';
  return `With Temporal's own command line:\n\n\`${signalCommand(asked, signal)} --input '${json}'\``;
}

function whoMay({ status, name }: Asked): string {
  const able = ableIntegrators(status).map((one) => `\`${one}\``);
  return name === ANYBODY
    ? `Integrators: ${able.join(', ') || 'none'}. Put your own name in place of \`${ANYBODY}\`.`
    : `Integrator: ${able.join(', ')}.`;
}
