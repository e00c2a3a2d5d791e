import { z } from 'zod';
import { messageOf } from '../errors.js';
import type { GateId } from '../names.js';
import { type ExecutorReport, executorAnswerSchema } from '../run/escalation.js';
import { problemsText } from '../schema-problems.js';
import { EARLIER_ANSWER_SCHEMAS, GATE_ANSWER_SCHEMAS, GATE_OUTPUT_SCHEMAS } from './gate-outputs.js';

/** What an executor's answer is once it was read; `unusable` says why in words that it can act on. */
export type Answer =
  | { readonly kind: 'output'; readonly output: unknown }
  | { readonly kind: 'escalation'; readonly report: ExecutorReport }
  | { readonly kind: 'unusable'; readonly problem: string };

/** A surrogate without its other half has no UTF-8, so nothing that holds one can be stored or hashed. */
const LONE_SURROGATE = /\p{Surrogate}/u;

const unusable = (problem: string): Answer => ({ kind: 'unusable', problem });

function zodProblem(what: string, error: z.ZodError): Answer {
  return unusable(`${what} does not have the expected shape: ${problemsText(error, 'answer')}.`);
}

function parseText(text: string): { readonly value: unknown } | { readonly problem: string } {
  try {
    let broken = false;
    const value: unknown = JSON.parse(text, (key, part: unknown) => {
      if (LONE_SURROGATE.test(key) || (typeof part === 'string' && LONE_SURROGATE.test(part))) broken = true;
      return part;
    });
    return broken ? { problem: 'The answer holds half a surrogate pair, which is no text.' } : { value };
  } catch (error) {
    return { problem: `The answer is not JSON: ${messageOf(error)}.` };
  }
}

/**
 * Reads an answer for a gate: `{"kind":"output", …the fields of the gate's schema}` or `{"kind":"escalation", "report": …}`.
 */
export function readAnswer(gate: GateId, text: string): Answer {
  const parsed = parseText(text);
  if ('problem' in parsed) return unusable(parsed.problem);
  const answer = executorAnswerSchema.safeParse(parsed.value);
  if (!answer.success) return zodProblem('The answer', answer.error);
  if (answer.data.kind === 'escalation') return answer.data;
  const { kind: _, ...fields } = answer.data;
  const output = GATE_OUTPUT_SCHEMAS[gate].safeParse(fields);
  return output.success ? { kind: 'output', output: output.data } : zodProblem('The output', output.error);
}

const outputJsonSchemas = new Map<GateId, unknown>();

/** The JSON Schema of a gate's output, as a prompt shows it. Made once; callers do not change it. */
export function outputJsonSchema(gate: GateId): unknown {
  const known = outputJsonSchemas.get(gate);
  if (known !== undefined) return known;
  const made = z.toJSONSchema(GATE_ANSWER_SCHEMAS[gate], { io: 'input' });
  outputJsonSchemas.set(gate, made);
  return made;
}

/** The JSON Schemas that a prompt of a gate may show: the one of now, and those of earlier releases. */
export function shownJsonSchemas(gate: GateId): readonly unknown[] {
  const earlier = EARLIER_ANSWER_SCHEMAS[gate] ?? [];
  return [outputJsonSchema(gate), ...earlier.map((schema) => z.toJSONSchema(schema, { io: 'input' }))];
}
