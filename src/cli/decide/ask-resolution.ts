import type { Resolution } from '../../contracts/decisions.js';
import { RESOLUTION_CHOICES, type ResolutionChoice, WAIVED_BY_NAME_RULES } from '../../contracts/names.js';
import type { AwaitedResolution, RunStatus } from '../../contracts/run-status.js';
import { printableLine } from '../app/printable.js';
import { type Choice, type DecisionQuestions, terminalQuestions } from '../app/questions.js';
import { bindResolution } from './decide-as.js';
import { type AskOptions, askActor, deliverAnswer, gateChoices, gatesUpTo } from './decision-questions.js';
import { showRequest } from './show-request.js';
import { readWaiverExpiry } from './waiver-expiry.js';

const HINTS: Readonly<Record<ResolutionChoice, string>> = {
  continue: 'go on with what there is; what the policy calls waivable is waived',
  retry: 'the same gate again, with guidance',
  rework: 'back to an earlier gate',
  abort: 'end the run',
};

/** A resolution's own text at the most. */
const GUIDANCE_CHARACTERS = 4_000;

type Answer = ResolutionChoice | 'later';

/**
 * Shows an open escalation and asks an integrator on the terminal, until a resolution counts or is put off.
 * @param questions the terminal unless a test answers
 */
export async function askResolution(
  options: AskOptions<AwaitedResolution>,
  questions: DecisionQuestions = terminalQuestions,
): Promise<'decided' | 'later'> {
  const { status, awaited, runs, output } = options;
  await showRequest(options);
  const actor = options.actor ?? (await askActor(status, questions));
  if (actor === null) return 'later';
  for (;;) {
    const choices: Choice<Answer>[] = RESOLUTION_CHOICES.map((value) => ({ value, label: value, hint: HINTS[value] }));
    const later = { value: 'later', label: 'later', hint: 'the run goes on waiting' } as const;
    const question = `${awaited.escalation_id}: how does the run go on, ${actor}?`;
    const choice = await questions.choose<Answer>(question, [...choices, later], 'retry');
    if (choice === null || choice === 'later') return 'later';
    const made = await askRest(options, choice, questions);
    if (made === null) continue;
    const resolution = bindResolution(status, awaited, { actor, choice, ...made });
    const what = `${choice} on ${awaited.escalation_id}`;
    const delivered = await deliverAnswer(() => runs.resolve(resolution), what, output, status);
    if (delivered !== 'again') return delivered;
  }
}

async function askRest(
  options: AskOptions<AwaitedResolution>,
  choice: ResolutionChoice,
  questions: DecisionQuestions,
): Promise<Partial<Resolution> | null> {
  if (choice === 'continue') return askWaiver(options, questions);
  if (choice === 'rework') {
    const to_gate = await questions.choose('Back to which gate?', gateChoices(reworkGates(options)));
    if (to_gate === null) return null;
    const guidance = await askGuidance(options, questions);
    return guidance === null ? null : { to_gate, guidance };
  }
  const guidance = choice === 'abort' ? await questions.write('Why?') : await askGuidance(options, questions);
  return guidance === null ? null : { guidance };
}

/**
 * What waives findings says why. Possible secrets are waived together here, or not at all; `--waive` names single ones.
 */
async function askWaiver(
  { status, awaited }: AskOptions<AwaitedResolution>,
  questions: DecisionQuestions,
): Promise<Partial<Resolution> | null> {
  const gate = status.gates.find((candidate) => candidate.gate === awaited.gate);
  const blocking = (gate?.findings ?? []).filter((one) => one.blocking && gate?.waived.includes(one.id) === false);
  const open = blocking.filter(({ rule }) => isWaivedByName(rule));
  // Which of the others are waived is for the policy to say; a reason that is not needed does no harm.
  const others = blocking.length > open.length;
  const waive = open.flatMap(({ fingerprint }) => fingerprint ?? []);
  if (waive.length === 0) return others ? askReason(questions) : {};
  const named = open.map(({ message }) => printableLine(message, 160)).join('\n');
  const none = await questions.confirm(`Is none of these a secret?\n${named}`);
  if (none === null) return null;
  if (!none) return others ? askReason(questions) : {};
  const guidance = await questions.write('Why is none of them a secret?');
  return guidance === null ? null : askEnd({ waive, guidance }, questions);
}

async function askReason(questions: DecisionQuestions): Promise<Partial<Resolution> | null> {
  const guidance = await questions.write('Why may the run go on with these findings?');
  return guidance === null ? null : askEnd({ guidance }, questions);
}

const NO_END = 'never';

/** Until when what is waived counts. */
async function askEnd(waiver: Partial<Resolution>, questions: DecisionQuestions): Promise<Partial<Resolution> | null> {
  const end = await questions.choose('When does the waiver expire?', [
    { value: NO_END, label: 'never', hint: 'unless the policy sets a limit' },
    { value: '7d', label: 'in 7 days' },
    { value: '30d', label: 'in 30 days' },
    { value: '90d', label: 'in 90 days' },
  ]);
  if (end === null) return null;
  return end === NO_END ? waiver : { ...waiver, waiver_expires_at: readWaiverExpiry(end, Date.now()) };
}

const isWaivedByName = (rule: string): boolean => (WAIVED_BY_NAME_RULES as readonly string[]).includes(rule);

function reworkGates({ status, awaited }: AskOptions<AwaitedResolution>) {
  return gatesUpTo(status, awaited.gate ?? standingGate(status));
}

/** Where the run stands: the first gate that has not passed. */
function standingGate({ gates }: RunStatus) {
  return gates.find(({ state }) => state !== 'passed')?.gate ?? 'P07';
}

const OWN_WORDS = 'own words';

/** What the next attempt is told: the recommendation, one of the options of the report, or own words. */
async function askGuidance(
  { awaited }: AskOptions<AwaitedResolution>,
  questions: DecisionQuestions,
): Promise<string | null> {
  const { options } = awaited.report;
  // Words that nobody signed do not become an agent's input by the press of a key.
  const recommendation = awaited.trigger === 'hold' ? '' : awaited.report.recommendation;
  // The options of the engine's own reports say how to resolve, and are no guidance.
  const texts = [recommendation, ...(awaited.trigger === 'executor' ? options : [])].filter(
    (text) => text.trim() !== '',
  );
  if (texts.length === 0) return questions.write('What is the next attempt told?');
  const chosen = await questions.choose('What is the next attempt told?', [
    ...texts.map((text, index) => ({
      value: String(index),
      label: printableLine(text, 100),
      ...(index === 0 && recommendation === text ? { hint: 'the recommendation' } : {}),
    })),
    { value: OWN_WORDS, label: 'something else …' },
  ]);
  if (chosen === null) return null;
  if (chosen === OWN_WORDS) return questions.write('What is the next attempt told?');
  return texts[Number(chosen)]?.slice(0, GUIDANCE_CHARACTERS).toWellFormed() ?? null;
}
