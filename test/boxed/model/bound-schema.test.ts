import { expect, test } from 'vitest';
import { boundSchema } from '../../../src/boxed/model/ask-model.js';
import { boundedJsonSchema, decoderJsonSchema } from '../../../src/contracts/answers/answer-schema.js';

const plan = {
  type: 'object',
  properties: {
    verdict: { type: 'string', enum: ['pass', 'fail'] },
    files: { type: 'array', minItems: 3, items: { type: 'string' } },
    line: { anyOf: [{ type: 'integer' }, { type: 'null' }] },
  },
};

test('boundSchema: lists and texts get bounds at any depth; choices keep their form, and a list its own minimum', () => {
  expect(boundSchema(plan, { items: 2, characters: 80 })).toEqual({
    type: 'object',
    properties: {
      verdict: { type: 'string', enum: ['pass', 'fail'] },
      files: { type: 'array', minItems: 3, maxItems: 3, items: { type: 'string', minLength: 1, maxLength: 80 } },
      line: { anyOf: [{ type: 'integer' }, { type: 'null' }] },
    },
  });
});

test("boundSchema: without bounds a gate's schema stays as it is", () => {
  const schema = decoderJsonSchema('P06');
  expect(boundSchema(schema, {})).toEqual(schema);
});

test('boundSchema: a name is no longer than it may be, and keeps its pattern', () => {
  const name = { type: 'string', pattern: '^[a-z]{0,32}$', maxLength: 32 };
  const { id } = boundSchema({ id: name }, { characters: 80 }) as { id: object };
  expect(id).toEqual({ ...name, minLength: 1 });
  const bounded = JSON.stringify(boundSchema(boundedJsonSchema('P01'), { characters: 240 }));
  expect(bounded).toContain('"pattern":"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$","maxLength":32,"minLength":1}');
});
