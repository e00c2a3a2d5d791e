import { z } from 'zod';
import { isRecord } from '../json.js';
import type { GateId } from '../names.js';
import { executorAnswerSchema } from '../run/escalation.js';
import { outputJsonSchema } from './read-answer.js';

/** A JSON Schema as zod gives it, as far as it is changed here. */
type Schema = Readonly<Record<string, unknown>>;

const ESCALATION: Schema = withoutKeys(z.toJSONSchema(executorAnswerSchema.options[1], { io: 'input' }), ['$schema']);

/**
 * The JSON Schema of an executor's whole answer at a gate: `{"answer": …}`, with the gate's output or an escalation in it.
 * Providers want an object at the top of a schema, and no choice; the executor's answer is read with and without it.
 */
export function answerJsonSchema(gate: GateId): Schema {
  const { $schema, ...output } = outputJsonSchema(gate) as Schema;
  const { properties = {}, required = [] } = output as { properties?: Schema; required?: readonly string[] };
  const named = {
    ...output,
    properties: { kind: { type: 'string', const: 'output' }, ...properties },
    required: ['kind', ...required],
  };
  return {
    $schema,
    type: 'object',
    properties: { answer: { anyOf: [named, ESCALATION] } },
    required: ['answer'],
    additionalProperties: false,
  };
}

/**
 * The same for decoders that force a model to keep to a schema. Bounds and patterns of texts become grammars of hundreds of
 * kilobytes, so they are left out; every member is required, as strict modes want it, and one that may be left out may be
 * null instead. The answer is judged by the full schema all the same.
 */
export const decoderJsonSchema = (gate: GateId): Schema => simplify(withoutKeys(answerJsonSchema(gate), ['$schema']));

/**
 * The same for a decoder that gets bounds of texts: a name, such as the id of a criterion, keeps its pattern, which is a small
 * grammar, and a number of a line keeps its minimum. A small model otherwise writes a sentence in the place of an id, and 0 for
 * a line that it does not know. The length of a name is said as well, for decoders that take no pattern.
 */
export const boundedJsonSchema = (gate: GateId): Schema =>
  simplify(withoutKeys(answerJsonSchema(gate), ['$schema']), (schema) => ({
    ...formOfName(schema),
    ...leastOf(schema),
  }));

/** Of a pattern of one character and then at most some others. */
function formOfName({ pattern }: Schema): Schema {
  const [, others] = (typeof pattern === 'string' ? /^\^\[[^\]]+\]\[[^\]]+\]\{0,(\d+)\}\$$/.exec(pattern) : null) ?? [];
  return others === undefined ? {} : { pattern, maxLength: 1 + Number(others) };
}

const leastOf = ({ exclusiveMinimum }: Schema): Schema => (exclusiveMinimum === undefined ? {} : { exclusiveMinimum });

const LEFT_OUT = [
  'default',
  'exclusiveMaximum',
  'exclusiveMinimum',
  'format',
  'maximum',
  'maxItems',
  'maxLength',
  'minimum',
  'minLength',
  'pattern',
];

function simplify(schema: Schema, keep: (schema: Schema) => Schema = () => ({})): Schema {
  const { properties, required, items, anyOf, oneOf, const: only, ...rest } = withoutKeys(schema, LEFT_OUT);
  const variants = anyOf ?? oneOf;
  return {
    ...rest,
    ...keep(schema),
    ...(only === undefined ? {} : { enum: [only] }),
    ...(isRecord(items) ? { items: simplify(items, keep) } : {}),
    ...(Array.isArray(variants) ? { anyOf: variants.map((variant: Schema) => simplify(variant, keep)) } : {}),
    ...(isRecord(properties) ? simplifyMembers(properties, Array.isArray(required) ? required : [], keep) : {}),
  };
}

function simplifyMembers(properties: Schema, required: readonly unknown[], keep: (schema: Schema) => Schema): Schema {
  const members = Object.entries(properties).map(([name, member]) => {
    const schema = member as Schema;
    const simple = simplify(schema, keep);
    const mayBeAbsent = !required.includes(name) && schema.default === undefined;
    return [name, mayBeAbsent ? { anyOf: [simple, { type: 'null' }] } : simple] as const;
  });
  return { properties: Object.fromEntries(members), required: members.map(([name]) => name) };
}

function withoutKeys(schema: Schema, names: readonly string[]): Schema {
  return Object.fromEntries(Object.entries(schema).filter(([name]) => !names.includes(name)));
}
