import type { Decision } from '../../contracts/decisions.js';
import type { GateId } from '../../contracts/names.js';
import type { AwaitedDecision, AwaitedResolution, RunStatus } from '../../contracts/run-status.js';
import { counted } from '../../contracts/sentences.js';
import { printableLine } from '../app/printable.js';
import { type Choice, type DecisionQuestions, terminalQuestions } from '../app/questions.js';
import { describeFinding } from '../runs/show-status.js';
import { askResolution } from './ask-resolution.js';
import { bindDecision, failureOf } from './decide-as.js';
import { type AskOptions, askActor, deliverAnswer, gateChoices, gatesUpTo } from './decision-questions.js';
import { readRecord, type ShowRequestOptions, showArtifact, showRequest } from './show-request.js';

export { showRequest } from './show-request.js';

export interface AskDecisionOptions extends AskOptions<AwaitedDecision> {
  /** What stands ready to be chosen. */
  readonly suggested?: Decision['choice'];
}

/** Asks for whatever a run waits for. */
export async function askAwaited(
  asked: Omit<AskOptions<never>, 'awaited'>,
  awaited: AwaitedDecision | AwaitedResolution,
): Promise<void> {
  await (awaited.kind === 'decision' ? askDecision({ ...asked, awaited }) : askResolution({ ...asked, awaited }));
}

type Answer = 'approve' | 'reject' | 'look' | 'later';

/**
 * Shows what is to be decided and asks an integrator on the terminal, until a decision counts or is put off.
 * @param questions the terminal unless a test answers
 * @returns `later` also when the request stands no longer, since somebody else was quicker
 */
export async function askDecision(
  options: AskDecisionOptions,
  questions: DecisionQuestions = terminalQuestions,
): Promise<'decided' | 'later'> {
  const { status, awaited, runs, output, suggested } = options;
  await showRequest(options);
  const actor = options.actor ?? (await askActor(status, questions));
  if (actor === null) return 'later';
  for (;;) {
    const choice = await questions.choose<Answer>(
      `${awaited.gate}: what do you decide, ${actor}?`,
      answers(awaited),
      suggested,
    );
    if (choice === null || choice === 'later') return 'later';
    if (choice === 'look') {
      await lookAt(options, questions);
      continue;
    }
    const made = await (choice === 'approve' ? approval : rejection)(options, questions);
    if (made === null) continue;
    const decision = bindDecision(status, awaited, { actor, choice, ...made });
    const what = `${choice === 'approve' ? 'approval' : 'rejection'} of ${awaited.gate}`;
    const delivered = await deliverAnswer(() => runs.decide(decision), what, output, status);
    if (delivered !== 'again') return delivered;
  }
}

const answers = ({ approvable }: AwaitedDecision): Choice<Answer>[] => [
  ...(approvable ? [{ value: 'approve', label: 'approve' } as const] : []),
  { value: 'reject', label: 'reject', hint: 'with a reason' },
  { value: 'look', label: 'look at …', hint: 'everything that the gate left' },
  { value: 'later', label: 'later', hint: 'the run goes on waiting' },
];

type Made = Partial<Decision>;

/** An approval takes on each critical and high finding by itself. */
async function approval({ status, awaited }: AskDecisionOptions, questions: DecisionQuestions): Promise<Made | null> {
  const findings = status.gates.find(({ gate }) => gate === awaited.gate)?.findings ?? [];
  for (const id of awaited.to_acknowledge) {
    const finding = findings.find((one) => one.id === id);
    const text = finding === undefined ? printableLine(id) : describeFinding(finding);
    if ((await questions.confirm(`Do you take this on?  ${text}`)) !== true) return null;
  }
  return awaited.to_acknowledge.length === 0 ? {} : { acknowledged: [...awaited.to_acknowledge] };
}

async function rejection({ status, awaited }: AskDecisionOptions, questions: DecisionQuestions): Promise<Made | null> {
  const suggestion = awaited.approvable ? undefined : printableLine(failureOf(status, awaited), 4_000);
  const reason = await questions.write('Why? The next attempt gets this to read.', suggestion);
  if (reason === null) return null;
  const target = await askTarget(status, awaited, questions);
  if (target === null) return null;
  return target === 'end' ? { reason, final: true } : { reason, to_gate: target };
}

/** Where a rejection sends the run: the gate's own default stands first. */
async function askTarget(
  status: RunStatus,
  { gate, rejects_to }: AwaitedDecision,
  questions: DecisionQuestions,
): Promise<GateId | 'end' | null> {
  const possible = gatesUpTo(status, gate);
  const preset = possible.includes(rejects_to) ? rejects_to : gate;
  return questions.choose<GateId | 'end'>('Back to which gate?', [
    ...gateChoices([preset, ...possible.filter((one) => one !== preset)]),
    { value: 'end', label: 'none: end the run as rejected' },
  ]);
}

/** Lets a person read what the attempt left, one file at a time. */
export async function lookAt(
  { store, awaited, output }: ShowRequestOptions<AwaitedDecision>,
  questions: DecisionQuestions,
): Promise<void> {
  const record = await readRecord(store, awaited.output_sha256, output);
  if (record === null) return;
  const files = [...record.artifacts, ...record.transcripts];
  const path = await questions.choose('Which?', [
    ...files.map(({ path, bytes }) => ({ value: path, label: printableLine(path), hint: counted(bytes, 'byte') })),
    { value: '', label: 'back' },
  ]);
  const chosen = files.find((file) => file.path === path);
  if (chosen !== undefined) await showArtifact(store, chosen, output);
}
