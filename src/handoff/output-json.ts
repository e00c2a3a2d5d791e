import { answerJsonSchema } from '../contracts/answers/answer-schema.js';
import { isRecord, readJson } from '../contracts/json.js';
import type { GateId } from '../contracts/names.js';

/** The JSON Schema of what a claimant writes: the output of a gate, or an escalation. */
export function outputSchemaOf(gate: GateId): object {
  const { $schema, properties } = answerJsonSchema(gate) as { $schema?: unknown; properties: { answer: object } };
  return { $schema, ...properties.answer };
}

/** An output that is the one member `answer` of an object, as schemas for models ask for it, without that object. */
export function bareOutput(text: string): string {
  const value = readJson(text);
  if (!isRecord(value) || !isRecord(value.answer) || Object.keys(value).length > 1) return text;
  return JSON.stringify(value.answer);
}
