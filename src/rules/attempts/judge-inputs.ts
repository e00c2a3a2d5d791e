import type { CheckResult, GateOutputs } from '../../contracts/answers/gate-outputs.js';
import { GATE_IDS, type GateId } from '../../contracts/names.js';
import type { Feedback } from '../../contracts/run/ledger.js';
import type { RunRequest } from '../../contracts/run/run-request.js';
import { blockingFinding, type JudgedFinding, plainFinding } from '../outputs/judged-output.js';
import { printable } from '../paths/path-names.js';
import { quotedLine } from '../secrets/quoted-line.js';
import { injectionIn } from '../texts/judge-injection.js';

/** The rule that no input of a prompt tries to instruct the agent that reads it. */
export const INPUT_RULE = 'injected_input';

export interface JudgedInputs {
  /** The earlier attempts that the attempt was given, by gate. */
  readonly given: Partial<Record<GateId, string>>;
  readonly request: RunRequest;
  readonly context: GateOutputs['P00'] | null;
  readonly job: GateOutputs['P01'] | null;
  readonly plan: GateOutputs['P03'] | null;
  /** What people say of earlier attempts. */
  readonly feedback: readonly Feedback[];
  readonly rules_version: number;
}

const PRODUCTS = { P00: 'context', P01: 'job', P03: 'plan' } as const satisfies Partial<
  Record<GateId, keyof JudgedInputs>
>;

/** The input that no earlier gate of the run was given; null for a patch, whose lines have a rule of their own. */
function newInput(judged: JudgedInputs): readonly [name: string, value: unknown] | null {
  const last = GATE_IDS.filter((gate) => judged.given[gate] !== undefined).at(-1);
  if (last === undefined) return ['request', judged.request];
  if (last !== 'P00' && last !== 'P01' && last !== 'P03') return null;
  return [PRODUCTS[last], judged[PRODUCTS[last]]];
}

/** Every text of a document, with the place at which it is. */
function textsIn(value: unknown, place: string): readonly { readonly place: string; readonly text: string }[] {
  if (typeof value === 'string') return [{ place, text: value }];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => textsIn(item, `${place}.${key}`));
}

/** Findings of one input that are listed. */
const LISTED = 20;

/** A text that a gate is given to read. */
interface InputText {
  /** What the text is, at the start of a sentence. */
  readonly name: string;
  readonly text: string;
}

/** @param stops whether a marker that is certain blocks until a person has looked */
const markedLines = (texts: readonly InputText[], stops: boolean): readonly JudgedFinding[] =>
  texts.flatMap(({ name, text }) =>
    text.split('\n').flatMap((line): readonly JudgedFinding[] => {
      const marker = injectionIn(line);
      if (marker === null || marker.severity === 'low') return [];
      const message = `${name} has a line that ${marker.what}: ${quotedLine(line)}`;
      return marker.certain && stops
        ? [blockingFinding(INPUT_RULE, message, { severity: marker.severity, escalates: 'rule_violation' })]
        : [plainFinding(INPUT_RULE, marker.severity, message)];
    }),
  );

/** What blocks is listed first, so that the limit hides none of it. */
const bounded = (found: readonly JudgedFinding[]): readonly JudgedFinding[] =>
  [...found.filter(({ blocking }) => blocking), ...found.filter(({ blocking }) => !blocking)].slice(0, LISTED);

/**
 * What a gate is given to read is data. A text of it that tries to instruct the agent is named at the first gate that
 * reads it, and stops the run where nothing else is likely to say it.
 */
export function judgeInputs(judged: JudgedInputs): readonly JudgedFinding[] {
  const input = judged.rules_version < 2 ? null : newInput(judged);
  const texts = input === null ? [] : textsIn(input[1], input[0]);
  const named = texts.map(({ place, text }) => ({ name: `The input ${printable(place, 120)}`, text }));
  return [...bounded(markedLines(named, true)), ...judgeFeedback(judged)];
}

/**
 * Feedback is written by people who may decide, and quotes what they read. It is given again at every retry, so that a
 * finding that blocks could never be left behind: whoever approves sees it instead.
 */
function judgeFeedback({ feedback, rules_version }: JudgedInputs): readonly JudgedFinding[] {
  if (rules_version < 3) return [];
  const texts = feedback.map(({ kind, from_gate, by, text }) => ({
    name: `The ${kind} of ${printable(by, 80)} at ${from_gate}`,
    text,
  }));
  return bounded(markedLines(texts, false));
}

/** The ends of the logs of one check, as a prompt shows them. */
interface LogTails {
  readonly stdout_tail: string;
  readonly stderr_tail: string;
}

/** P06: what a check printed is written by the code that is judged, and its end is in the prompt of the verifier. */
export function judgeLogs(
  results: readonly Pick<CheckResult, 'name'>[],
  tails: readonly LogTails[],
  rulesVersion: number,
): readonly JudgedFinding[] {
  if (rulesVersion < 3) return [];
  const texts = results.flatMap(({ name }, index) => [
    { name: `The standard output of the check ${name}`, text: tails[index]?.stdout_tail ?? '' },
    { name: `The standard error of the check ${name}`, text: tails[index]?.stderr_tail ?? '' },
  ]);
  return bounded(markedLines(texts, true));
}
