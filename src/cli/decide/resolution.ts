import { randomUUID } from 'node:crypto';
import { PromptOsError } from '../../contracts/errors.js';
import { canonicalSha256 } from '../../contracts/json.js';
import { type GateId, RESOLUTION_CHOICES, type ResolutionChoice, WAIVED_BY_NAME_RULES } from '../../contracts/names.js';
import { durationSchema } from '../../contracts/primitives.js';
import { type Resolution, resolutionSchema } from '../../contracts/run/decisions.js';
import type { AwaitedResolution, RunStatus } from '../../contracts/run/run-status.js';
import { resolveEscalationSignal } from '../../workflows/messages.js';
import { printableLine } from '../app/printable.js';
import type { Questions } from '../app/questions.js';
import { requireNoSecret } from '../app/require-no-secret.js';
import type { Outgoing } from '../runs/messages/message.js';
import { describeAwaited } from '../runs/show/show-status.js';
import { type AnswerKind, type AnswerOptions, type AskedKind, type AskOptions, gatesUpTo } from './answer.js';

const DATE = /^\d{4}-\d\d-\d\d$/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?Z$/;

/**
 * When a waiver expires, as a person writes it: a duration from now, the end of a day in UTC, or an instant in UTC.
 * @param now milliseconds since the epoch
 * @throws PromptOsError USAGE
 */
export function readWaiverExpiry(text: string, now: number): string {
  const duration = durationSchema.safeParse(text);
  const end = duration.success
    ? now + duration.data
    : DATE.test(text)
      ? Date.parse(`${text}T23:59:59.999Z`)
      : INSTANT.test(text)
        ? Date.parse(text)
        : Number.NaN;
  // Some dates that do not exist, such as 31 February, are read as another day.
  const exists = !Number.isNaN(end) && (duration.success || new Date(end).toISOString().startsWith(text.slice(0, 10)));
  if (!exists) {
    throw new PromptOsError('USAGE', `--expires: expected 30d, 2026-12-31 or an instant in UTC, received "${text}".`);
  }
  if (end > now) return new Date(end).toISOString();
  throw new PromptOsError('USAGE', `--expires: ${new Date(end).toISOString()} has passed.`);
}

/** A resolution of exactly the report that was shown. @throws PromptOsError MESSAGE_HOLDS_SECRET, REPORT_DIFFERS */
export function bindResolution(
  status: RunStatus,
  awaited: AwaitedResolution,
  said: Pick<Resolution, 'actor' | 'choice'> & Partial<Resolution>,
): Resolution {
  requireNoSecret(said, 'MESSAGE_HOLDS_SECRET');
  const { run_id, policy_sha256 } = status;
  const { escalation_id, request_id } = awaited;
  const report_sha256 = shownReportSha256(awaited);
  return { decision_id: randomUUID(), run_id, escalation_id, request_id, policy_sha256, report_sha256, ...said };
}

/**
 * The digest of the report as it was shown: the user signs what the user read, whichever worker answered.
 * @throws PromptOsError REPORT_DIFFERS when the run's worker names another digest than that of the report it showed
 */
function shownReportSha256({ escalation_id, report, report_sha256 }: AwaitedResolution): string {
  const shown = canonicalSha256(report);
  if (shown === report_sha256) return shown;
  throw new PromptOsError(
    'REPORT_DIFFERS',
    `The report of ${escalation_id} has the digest ${shown}, and the answer asks to sign ${report_sha256}.`,
  );
}

const HINTS: Readonly<Record<ResolutionChoice, string>> = {
  continue: 'go on with what there is; what the policy calls waivable is waived',
  retry: 'the same gate again, with guidance',
  rework: 'back to an earlier gate',
  abort: 'end the run',
};

export const outgoingResolution = (resolution: Resolution): Outgoing => ({
  signal: resolveEscalationSignal.name,
  what: `${resolution.choice} on ${resolution.escalation_id}`,
  seal: (runs) => runs.sealResolution(resolution),
  send: (runs) => runs.resolve(resolution),
});

/** How the resolution of an escalation is asked for. */
export const ASKED_RESOLUTION: AskedKind<Resolution, AwaitedResolution> = {
  question: ({ escalation_id }, actor) => `${escalation_id}: how does the run go on, ${actor}?`,
  choices: ({ choices = RESOLUTION_CHOICES }) => choices.map((value) => ({ value, label: value, hint: HINTS[value] })),
  preset: 'retry',
  askRest,
  bind: bindResolution,
  outgoing: outgoingResolution,
};

async function askRest(
  asked: AskOptions<AwaitedResolution>,
  choice: ResolutionChoice,
  questions: Questions,
): Promise<Partial<Resolution> | null> {
  if (choice === 'continue') return askWaiver(asked, questions);
  const { status, awaited } = asked;
  if (choice === 'rework') {
    const from = awaited.gate ?? status.gates.find(({ state }) => state !== 'passed')?.gate ?? 'P07';
    const to_gate = await questions.choose('Back to which gate?', gatesUpTo(status, from));
    if (to_gate === null) return null;
    const guidance = await askGuidance(awaited, questions);
    return guidance === null ? null : { to_gate, guidance };
  }
  const guidance = choice === 'abort' ? await questions.write('Why?') : await askGuidance(awaited, questions);
  return guidance === null ? null : { guidance };
}

/**
 * What waives findings says why. Possible secrets are waived together here, or not at all; `--waive` names single ones.
 */
async function askWaiver(
  { status, awaited }: AskOptions<AwaitedResolution>,
  questions: Questions,
): Promise<Partial<Resolution> | null> {
  const gate = status.gates.find((candidate) => candidate.gate === awaited.gate);
  const blocking = (gate?.findings ?? []).filter((one) => one.blocking && gate?.waived.includes(one.id) === false);
  const open = blocking.filter(({ rule }) => (WAIVED_BY_NAME_RULES as readonly string[]).includes(rule));
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

async function askReason(questions: Questions): Promise<Partial<Resolution> | null> {
  const guidance = await questions.write('Why may the run go on with these findings?');
  return guidance === null ? null : askEnd({ guidance }, questions);
}

const NO_END = 'never';

/** Until when what is waived counts. */
async function askEnd(waiver: Partial<Resolution>, questions: Questions): Promise<Partial<Resolution> | null> {
  const end = await questions.choose('When does the waiver expire?', [
    { value: NO_END, label: 'never', hint: 'unless the policy sets a limit' },
    { value: '7d', label: 'in 7 days' },
    { value: '30d', label: 'in 30 days' },
    { value: '90d', label: 'in 90 days' },
  ]);
  if (end === null) return null;
  return end === NO_END ? waiver : { ...waiver, waiver_expires_at: readWaiverExpiry(end, Date.now()) };
}

const GUIDANCE = 'What guidance does the next attempt get?';
/** Characters of a resolution's text at the most. */
const GUIDANCE_CHARACTERS = 4_000;
const OWN_WORDS = 'own words';

/** The guidance of the next attempt: the recommendation, one of the options of the report, or own words. */
async function askGuidance({ trigger, report }: AwaitedResolution, questions: Questions): Promise<string | null> {
  // Text that no principal signed does not become an agent's input by the press of a key.
  const recommendation = trigger === 'hold' ? '' : report.recommendation;
  // The options of the engine's own reports say how to resolve, and are no guidance.
  const texts = [recommendation, ...(trigger === 'executor' ? report.options : [])].filter(
    (text) => text.trim() !== '',
  );
  if (texts.length === 0) return questions.write(GUIDANCE);
  const chosen = await questions.choose(GUIDANCE, [
    ...texts.map((text, index) => ({
      value: String(index),
      label: printableLine(text, 100),
      ...(index === 0 && recommendation === text ? { hint: 'the recommendation' } : {}),
    })),
    { value: OWN_WORDS, label: 'something else …' },
  ]);
  if (chosen === null) return null;
  if (chosen === OWN_WORDS) return questions.write(GUIDANCE);
  return texts[Number(chosen)]?.slice(0, GUIDANCE_CHARACTERS).toWellFormed() ?? null;
}

/** What `resolve` takes; what binds the resolution is filled from the run's status where it is not given. */
export interface ResolutionOptions extends AnswerOptions {
  /** The escalation's id; not needed where one is open. */
  readonly escalation?: string;
  readonly choose?: ResolutionChoice;
  readonly to?: GateId;
  readonly guidance?: string;
  readonly waive?: readonly string[];
  /** Until when what is waived counts: a duration, a day or an instant. */
  readonly expires?: string;
  readonly report?: string;
}

/** How `resolve` answers. */
export const resolutionAnswer = (
  line: ResolutionOptions,
): AnswerKind<ResolutionOptions, Resolution, AwaitedResolution> => ({
  ...ASKED_RESOLUTION,
  kind: 'resolution',
  wanted: line.escalation === undefined ? 'a resolution' : `a resolution of ${printableLine(line.escalation)}`,
  schema: resolutionSchema,
  matches: (awaited) =>
    awaited.kind === 'resolution' && (line.escalation === undefined || awaited.escalation_id === line.escalation),
  namedBy: 'escalation',
  naming: 'the escalation after the run, such as E1',
  parts: ['choose', 'to', 'guidance', 'waive', 'expires', 'report'],
  requireComplete: ({ choose }) => {
    if (choose !== undefined) return;
    throw new PromptOsError('NOT_A_TERMINAL', 'The line does not say how the run goes on.', {
      hint: 'Say it: --choose continue, retry, rework or abort.',
    });
  },
  complete: async (options, questions) => {
    if (options.choose !== undefined) return options;
    const choices = RESOLUTION_CHOICES.map((value) => ({ value, label: value }));
    const choose = await questions.choose<ResolutionChoice>('How does the run go on?', choices);
    return choose === null ? null : { ...options, choose };
  },
  found: (status, options) =>
    options.requestId === undefined
      ? requireOpen(status, options.escalation)
      : (escalationsOf(status).find(({ escalation_id }) => escalation_id === idOf(options)) ?? null),
  binding: (options, status, awaited) => ({
    request_id: options.requestId ?? awaited?.request_id,
    escalation_id: options.escalation ?? awaited?.escalation_id ?? idOf(options) ?? undefined,
    policy_sha256: options.policy ?? status?.policy_sha256,
    // What is signed is the report that was shown.
    report_sha256: options.report ?? (awaited === null ? undefined : shownReportSha256(awaited)),
  }),
  said: ({ choose, to, guidance, waive, expires }) => {
    if (expires !== undefined && choose !== 'continue') {
      throw new PromptOsError('USAGE', '--expires is about what --choose continue waives.');
    }
    const waiver_expires_at = expires === undefined ? undefined : readWaiverExpiry(expires, Date.now());
    return { choice: choose, to_gate: to, guidance, waive, waiver_expires_at };
  },
});

/** The escalation's id, which is in the request's own id too. */
const idOf = ({ escalation, requestId }: ResolutionOptions): string | null =>
  escalation ?? /^(E\d{1,6})\.\d{1,6}$/.exec(requestId ?? '')?.[1] ?? null;

const escalationsOf = ({ awaiting }: RunStatus): readonly AwaitedResolution[] =>
  awaiting.filter((awaited) => awaited.kind === 'resolution');

/** The escalation of that id, or the only one that is open. @throws PromptOsError NOTHING_AWAITED, USAGE */
function requireOpen(status: RunStatus, escalation: string | undefined): AwaitedResolution {
  const open = escalationsOf(status);
  if (escalation === undefined && open.length > 1) {
    const ids = open.map(({ escalation_id }) => escalation_id).join(', ');
    throw new PromptOsError('USAGE', `Several escalations are open: ${ids}.`, { hint: 'Name one after the run.' });
  }
  const found = open.find(({ escalation_id }) => escalation === undefined || escalation_id === escalation);
  if (found !== undefined) return found;
  const what = escalation === undefined ? 'No escalation' : `No escalation ${escalation}`;
  const others = status.awaiting.map(describeAwaited).join('; ');
  throw new PromptOsError(
    'NOTHING_AWAITED',
    `${what} of run ${status.run_id} is open. It awaits ${others === '' ? 'nothing' : others}.`,
  );
}
