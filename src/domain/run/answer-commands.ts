import { GATES, type GateId, RESOLUTION_CHOICES, type ResolutionChoice } from '../../contracts/names.js';
import type { AwaitedDecision, AwaitedResolution, RunStatus } from '../../contracts/run/run-status.js';
import { canContinue } from '../judge/judge-answers.js';

/** A way to answer a request: the command line, after the program's name, and the signal that takes the same message. */
export interface AnswerCommand {
  readonly choice: 'approve' | 'reject' | ResolutionChoice;
  readonly signal: 'approve' | 'reject' | 'resolveEscalation';
  readonly command: string;
}

/** The integrators whose decisions count on this run. */
export const ableIntegrators = ({
  integrators,
  developer,
  self_approval,
}: Pick<RunStatus, 'integrators' | 'developer' | 'self_approval'>): readonly string[] =>
  integrators.filter((name) => self_approval === 'allowed' || name !== developer);

/** The integrator's name where there is no choice, else the placeholder. */
export function answeringName(status: RunStatus, placeholder: string): string {
  const [only, ...others] = ableIntegrators(status);
  return only !== undefined && others.length === 0 ? only : placeholder;
}

/**
 * Every answer that can count, complete: a shell runs it as it is.
 * @param name of the person who answers
 */
export const answerCommands = (
  status: RunStatus,
  awaited: AwaitedDecision | AwaitedResolution,
  name: string,
): readonly AnswerCommand[] =>
  awaited.kind === 'decision' ? decisionCommands(status, awaited, name) : resolutionCommands(status, awaited, name);

function decisionCommands(status: RunStatus, awaited: AwaitedDecision, name: string): readonly AnswerCommand[] {
  const { gate, approvable, rejects_to, to_acknowledge } = awaited;
  const about = `${status.run_id} --gate ${gate}`;
  // Where nothing but a rejection can count, the command says where it goes.
  const to = approvable ? '' : ` --to ${rejects_to}`;
  const reject = {
    choice: 'reject',
    signal: 'reject',
    command: `reject ${about}${to} --as ${name} --comment "why"`,
  } as const;
  const acknowledged = to_acknowledge.every(isPlainWord) ? to_acknowledge.map((id) => ` --acknowledge ${id}`) : [];
  const approve = {
    choice: 'approve',
    signal: 'approve',
    command: `approve ${about} --as ${name}${acknowledged.join('')}`,
  } as const;
  return approvable ? [approve, reject] : [reject];
}

function resolutionCommands(status: RunStatus, awaited: AwaitedResolution, name: string): readonly AnswerCommand[] {
  const about = `resolve ${status.run_id} ${awaited.escalation_id}`;
  const command = (choice: ResolutionChoice, more = ''): AnswerCommand => ({
    choice,
    signal: 'resolveEscalation',
    command: `${about} --choose ${choice}${more} --as ${name}`,
  });
  const current = status.gates.find(({ state }) => state !== 'passed');
  const interrupted = current?.state === 'held' && current.verdict === null;
  const from = awaited.gate ?? current?.gate ?? status.gates.at(-1)?.gate;
  // An earlier release does not say which resolutions lead somewhere.
  const choices = awaited.choices ?? RESOLUTION_CHOICES;
  return choices.flatMap((choice): readonly AnswerCommand[] => {
    if (choice === 'continue') {
      if (!canContinue({ ...awaited, interrupted })) return [];
      return [command(choice, mayWaive(status, awaited) ? ' --guidance "why"' : '')];
    }
    if (choice === 'rework') return from === undefined ? [] : [command(choice, ` --to ${reworkGate(status, from)}`)];
    return [command(choice, choice === 'abort' ? ' --guidance "why"' : '')];
  });
}

/** Whether to continue may waive findings, so that it says why. */
function mayWaive({ gates }: RunStatus, awaited: AwaitedResolution): boolean {
  const found = gates.find(({ gate }) => gate === awaited.gate);
  return awaited.trigger !== 'hold' && (found?.findings ?? []).some(({ blocking }) => blocking);
}

const reworkGate = ({ gates }: RunStatus, from: GateId): GateId =>
  gates.some(({ gate }) => gate === GATES[from].rejectsTo) ? GATES[from].rejectsTo : from;

/** Whether a shell takes a text as one word, as it is. A finding's id is its worker's word. */
const isPlainWord = (text: string): boolean => /^[\w./:@%+=,-]+$/.test(text);
