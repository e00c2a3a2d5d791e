import { expect, test } from 'vitest';
import { z } from 'zod';
import { problemsText } from '../../src/contracts/schema-problems.js';

const problemsOf = (schema: z.ZodType, value: unknown, whole?: string): string => {
  const { error } = schema.safeParse(value);
  return error === undefined ? '' : problemsText(error, whole);
};

test('problemsText: names place and problem, each after the other on one line', () => {
  const schema = z.object({ gates: z.array(z.object({ verdict: z.literal('pass', { error: 'expected pass' }) })) });
  const gates = [{ verdict: 'fail' }, { verdict: 'blocked' }];
  expect(problemsOf(schema, { gates })).toBe('gates.0.verdict: expected pass; gates.1.verdict: expected pass');
});

test('problemsText: calls a problem of the whole value what the caller calls the value', () => {
  const schema = z.strictObject({}, { error: 'expected a mapping' });
  expect(problemsOf(schema, 'text')).toBe('document: expected a mapping');
  expect(problemsOf(schema, 'text', 'input')).toBe('input: expected a mapping');
});

test('problemsText: names twenty problems and counts the rest', () => {
  const text = problemsOf(z.array(z.string({ error: 'expected text' })), Array.from({ length: 23 }).fill(1));
  expect(text).toMatch(/^0: expected text; .*19: expected text; and 3 more$/);
});
