import { describe, expect, test } from 'vitest';
import {
  answerJsonSchema,
  boundedJsonSchema,
  decoderJsonSchema,
} from '../../../src/contracts/answers/answer-schema.js';
import { GATE_IDS, type GateId } from '../../../src/contracts/names.js';

/** Every object within a JSON value that is a schema: what is below `properties` has names of its own. */
function schemasIn(node: unknown): readonly Record<string, unknown>[] {
  if (typeof node !== 'object' || node === null) return [];
  if (Array.isArray(node)) return node.flatMap(schemasIn);
  const { properties = {}, ...rest } = node as Record<string, unknown>;
  return [node as Record<string, unknown>, ...Object.values(properties as object), ...Object.values(rest)].flatMap(
    (part, index) => (index === 0 ? [part as Record<string, unknown>] : schemasIn(part)),
  );
}

describe.each(GATE_IDS)('the schemas of the answer of %s', (gate) => {
  test('have an object at the top, and in it the output or an escalation', () => {
    for (const schema of [answerJsonSchema(gate), decoderJsonSchema(gate)]) {
      expect(schema).toMatchObject({
        type: 'object',
        required: ['answer'],
        additionalProperties: false,
        properties: {
          answer: {
            anyOf: [
              { type: 'object', additionalProperties: false },
              { type: 'object', additionalProperties: false, required: expect.arrayContaining(['kind', 'report']) },
            ],
          },
        },
      });
    }
  });

  test('the one for decoders has no bound, pattern or default, and requires every member of each object', () => {
    for (const schema of schemasIn(decoderJsonSchema(gate))) {
      expect(Object.keys(schema)).not.toEqual(
        expect.arrayContaining([
          expect.stringMatching(/^(maxLength|minLength|pattern|format|default|const|maxItems)$/),
        ]),
      );
      if (schema.type !== 'object') continue;
      expect(schema.required).toEqual(Object.keys(schema.properties as object));
      expect(schema.additionalProperties).toBe(false);
    }
    expect(JSON.stringify(decoderJsonSchema(gate)).length).toBeLessThan(8_000);
  });
});

test('answerJsonSchema: the full one keeps the bounds', () => {
  expect(JSON.stringify(answerJsonSchema('P00'))).toContain('"maxLength":20000');
});

test('decoderJsonSchema: a member that may be left out may be null', () => {
  expect(JSON.stringify(decoderJsonSchema('P06'))).toContain('"line":{"anyOf":[{"type":"integer"},{"type":"null"}]}');
});

test('boundedJsonSchema: names keep their patterns and lengths, lines their minimum, and nothing else differs from the schema for decoders', () => {
  const id = { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$', maxLength: 32 };
  const check = { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$', maxLength: 64 };
  const line = { type: 'integer', exclusiveMinimum: 0 };
  const kept = (gate: GateId) =>
    schemasIn(boundedJsonSchema(gate)).filter(
      ({ pattern, exclusiveMinimum }) => pattern !== undefined || exclusiveMinimum !== undefined,
    );
  expect(kept('P01')).toEqual([id, check]);
  expect(kept('P06')).toEqual([id, line]);
  for (const gate of GATE_IDS) {
    const plain = [id, check, line].reduce(
      (text, form) => text.replaceAll(JSON.stringify(form), JSON.stringify({ type: form.type })),
      JSON.stringify(boundedJsonSchema(gate)),
    );
    expect(JSON.parse(plain)).toEqual(decoderJsonSchema(gate));
  }
});
