import type { RunTrouble } from '../../../client/trouble.js';
import { ERROR_CATALOGUE, isErrorCode } from '../../../contracts/errors.js';
import { GATES } from '../../../contracts/names.js';
import type { RecordedCancellation } from '../../../contracts/run/decisions.js';
import type { Finding } from '../../../contracts/run/findings.js';
import {
  type AwaitedDecision,
  type AwaitedResolution,
  type GateStatus,
  isInterruption,
  type RunStatus,
} from '../../../contracts/run/run-status.js';
import { counted } from '../../../contracts/sentences.js';
import { describeSpending, usageInWords } from '../../../domain/record/usage.js';
import { answerCommands, answeringName } from '../../../domain/run/answer-commands.js';
import { describeHandOff } from '../../../domain/run/describe-hand-off.js';
import type { Output } from '../../app/output.js';
import { printable, printableLine, shellWord } from '../../app/printable.js';
import { describeModels } from '../read/gate-models.js';

/** Where a person finds more about a run. */
export interface RunPlaces {
  /** The published tree, once there is one. */
  readonly tree: string | null;
  /** The run's page in the Web UI. */
  readonly ui: string | null;
  /** What the gate that is carried out is at. */
  readonly progress?: readonly string[];
  /** Why the run does not go on by itself; null when nothing is known of that. */
  readonly trouble?: RunTrouble | null;
  /** Why it could not open. */
  readonly why?: string | null;
}

/** Prints a run: its gates, what is awaited with the commands that answer it, and where more is. */
export function showStatus(
  status: RunStatus,
  { tree, ui, progress = [], trouble = null, why = null }: RunPlaces,
  output: Pick<Output, 'say'>,
): void {
  output.say(`run     ${status.run_id}`);
  output.say(
    `repo    ${printableLine(status.target_repo)} at ${status.base_commit.slice(0, 12)}, started by ${printableLine(status.developer)}`,
  );
  output.say(`state   ${stateOf(status, trouble)}`);
  if (why !== null) output.say(`why     ${printableLine(why, 2_000)}`);
  if (status.cancellation) output.say(`by      ${describeCanceller(status.cancellation)}`);
  for (const line of trouble === null ? [] : describeTrouble(status.run_id, trouble, status.phase !== 'new'))
    output.say(line);
  for (const gate of status.gates) {
    output.say(`  ${describeGate(gate) ?? `· ${gate.gate} ${gate.title}`}`);
    if (gate.usage !== undefined) output.say(`      used ${usageInWords(gate.usage)}`);
    for (const line of describeModels(gate)) output.say(`      ${line}`);
    if (gate.handed_off !== undefined)
      output.say(`      → promptos gate next ${status.run_id} --as ${shellWord(gate.handed_off.to)}`);
    else if (gate.state === 'running') for (const line of progress) output.say(`      ${line}`);
    if (gate.state === 'passed') continue;
    for (const finding of gate.findings) output.say(`      ${describeFinding(finding)}`);
    if (gate.findings_omitted > 0) output.say(`      … and ${counted(gate.findings_omitted, 'more finding')}`);
  }
  if (status.budgets !== undefined) for (const line of describeSpending(status.budgets)) output.say(`spent   ${line}`);
  if (status.refusals > 0) output.say(`refused ${counted(status.refusals, 'message')}; the ledger says why`);
  for (const awaited of status.awaiting) {
    output.say();
    output.say(`awaits  ${describeAwaited(awaited)}`);
    for (const line of describeCause(awaited)) output.say(`        ${line}`);
    for (const command of howToAnswer(status, awaited)) output.say(`        → ${command}`);
  }
  if (status.run_record_sha256 !== null) output.say(`record  sha256:${status.run_record_sha256}`);
  if (tree !== null) output.say(`tree    ${tree}`);
  if (ui !== null) output.say(`ui      ${ui}`);
}

function stateOf(
  { phase, outcome, outcome_reason, awaiting, run_record_sha256, gates }: RunStatus,
  trouble: RunTrouble | null,
): string {
  if (trouble?.state === 'failed' && phase !== 'closed') return 'ended in Temporal, without a record';
  if (phase === 'new') return 'opening: the policy and the prompt pack are being checked';
  if (phase === 'open' && awaiting.length > 0) return 'waiting for a person';
  if (phase === 'open') return gates.some(isHandedOff) ? 'waiting for a gate that is done elsewhere' : 'at work';
  const reason = outcome_reason ? `: ${printableLine(outcome_reason)}` : '';
  const writing = trouble === null ? ' (the record is being written)' : ' (not final: there is no record)';
  return `${outcome}${reason}${run_record_sha256 === null ? writing : ''}`;
}

const isHandedOff = ({ handed_off }: GateStatus): boolean => handed_off !== undefined;

const MARKS: Readonly<Record<GateStatus['state'], string>> = {
  waiting: '·',
  running: '▸',
  awaiting_decision: '?',
  held: '!',
  passed: '✓',
};

/** One line about a gate, or null when it has not started. */
export function describeGate({
  gate,
  title,
  state,
  attempt,
  verdict,
  reason,
  findings,
  findings_omitted,
  sandbox,
  handed_off,
}: GateStatus): string | null {
  if (attempt === 0) return null;
  const words: string[] = [
    `${MARKS[state]} ${gate} ${title.padEnd(20)} ${state.replaceAll('_', ' ')}, attempt ${attempt}`,
  ];
  if (handed_off !== undefined) words.push(describeHandOff(gate, handed_off, (name) => printableLine(name, 200)));
  if (state === 'running') return words.join(', ');
  const count = findings.length + findings_omitted;
  if (count > 0) words.push(counted(count, 'finding'));
  if (sandbox === 'none') words.push('without a sandbox');
  if (sandbox === 'elsewhere') words.push('done elsewhere');
  // The reason is whole sentences, so it comes last.
  if (state !== 'passed' && verdict !== null)
    words.push(`verdict ${verdict}${reason === null ? '' : `: ${printableLine(reason)}`}`);
  else if (state === 'held' && reason !== null) words.push(printableLine(reason, 300));
  return words.join(', ');
}

/** Who cancelled a run, and how that is known. */
export function describeCanceller({ through, by, signed_by }: RecordedCancellation): string {
  if (through === 'temporal') return 'unknown: cancelled through Temporal, unsigned';
  const name = printableLine(by ?? 'unknown');
  return signed_by === null ? `${name} (unsigned: the name is a claim)` : `${name}, signed by ${signed_by}`;
}

/** One finding on one line. */
export function describeFinding({ id, severity, blocking, message, path, line }: Finding): string {
  const place = path === undefined ? '' : ` (${printableLine(path)}${line === undefined ? '' : `:${line}`})`;
  return `${severity}${blocking ? ', blocking' : ''}  ${printableLine(id)}: ${printableLine(message, 1_000)}${place}`;
}

/** What a person is asked, on one line. */
export function describeAwaited(awaited: AwaitedDecision | AwaitedResolution): string {
  if (awaited.kind === 'resolution') {
    const { escalation_id, gate, trigger, raised_by, issue } = awaited;
    const where = gate === null ? '' : ` at ${gate}`;
    if (trigger === 'hold') {
      return `${escalation_id}${where}, a hold that was sent without a signature under the name ${printableLine(raised_by)}: ${printableLine(issue, 1_000)}`;
    }
    return `${escalation_id}${where}, raised by ${printableLine(raised_by)} (${trigger}): ${printableLine(issue, 1_000)}`;
  }
  const { request_id, gate } = awaited;
  return `a decision on ${gate} ${GATES[gate].title} (${request_id}): ${decisionProgress(awaited)}`;
}

/** What kept a gate from being carried out, in the words of the worker; nothing for any other request. */
export function describeCause(awaited: AwaitedDecision | AwaitedResolution): readonly string[] {
  if (awaited.kind === 'decision' || !isInterruption(awaited)) return [];
  return printable(awaited.report.context).split('\n');
}

/** How far a request has come. */
export const decisionProgress = ({ approvable, approved_by, approvals_needed }: AwaitedDecision): string =>
  approvable
    ? `${approved_by.length} of ${counted(approvals_needed, 'approval')}`
    : 'it did not pass, so it can only be rejected';

/** The commands that answer what is awaited. */
export const howToAnswer = (
  status: RunStatus,
  awaited: AwaitedDecision | AwaitedResolution,
  program = 'promptos',
): readonly string[] =>
  answerCommands(status, awaited, answeringName(status, 'NAME')).map(({ command }) => `${program} ${command}`);

/**
 * Why a run does not go on by itself, for a person: the cause, where it was met, and what to do.
 * @param began whether the run opened; else there is nothing to recover
 */
export function describeTrouble(runId: string, trouble: RunTrouble, began: boolean): readonly string[] {
  const { state, step, code, message, worker, tries, next_try_at } = trouble;
  const what = step === 'promptos_finalise' ? 'the record cannot be published' : 'the run cannot go on';
  const head = state === 'failed' ? 'it ended without a record' : what;
  const tried = [
    tries === null ? '' : `tried ${counted(tries, 'time')}`,
    worker === null ? '' : `by worker ${printableLine(worker)}`,
    next_try_at === null ? '' : `next at ${next_try_at}`,
  ].filter((part) => part !== '');
  // The worker is named already.
  const said = printable(message.replace(/\nWorker: [^\n]*$/, '')).split('\n');
  // The message of an error of ours ends with the next step, unless it was too long.
  const hint = isErrorCode(code) && !message.includes(ERROR_CATALOGUE[code].hint) ? ERROR_CATALOGUE[code].hint : null;
  return [
    `stuck   ${head}: ${printableLine(code)}`,
    ...said.map((line) => `        ${line}`),
    ...(tried.length === 0 ? [] : [`        ${tried.join(', ')}`]),
    ...(hint === null ? [] : [`        ${hint}`]),
    ...(began ? [`        → promptos run recover ${runId}`] : []),
  ];
}
