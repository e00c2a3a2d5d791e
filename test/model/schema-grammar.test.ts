import { expect, test } from 'vitest';
import { boundSchema } from '../../src/boxed/model/ask-model.js';
import { boundedJsonSchema } from '../../src/contracts/answers/answer-schema.js';
import { GATE_IDS } from '../../src/contracts/names.js';
import { schemaGrammar } from './schema-grammar.js';

/** The rule of the whole, and those that it is made of. */
const rulesOf = (schema: object): readonly string[] => schemaGrammar(schema).split('\nchar ::=')[0]?.split('\n') ?? [];

test('schemaGrammar: a text is quoted, has its bounds, and no raw control character, quote or backslash', () => {
  expect(rulesOf({ type: 'string', minLength: 1, maxLength: 80 })).toEqual([
    'root ::= part0',
    String.raw`part0 ::= "\"" char{1,80} "\""`,
  ]);
  expect(schemaGrammar({ type: 'string' })).toContain(String.raw`char ::= [^"\\\x7F\x00-\x1F] | [\\] (`);
});

test('schemaGrammar: a pattern goes before bounds, as with llama.cpp', () => {
  expect(rulesOf({ type: 'string', pattern: '^[a-z][a-z0-9._-]{0,31}$', minLength: 1, maxLength: 240 })).toContain(
    String.raw`part0 ::= "\"" [a-z] [a-z0-9._-]{0,31} "\""`,
  );
});

test('schemaGrammar: objects have their members in order, lists their bounds, and equal parts are one rule', () => {
  const word = { type: 'string', enum: ['yes', 'no'] };
  const list = { type: 'array', items: word, minItems: 2, maxItems: 3 };
  const properties = { one: word, many: list, none: { anyOf: [word, { type: 'null' }] } };
  expect(rulesOf({ type: 'object', properties, required: Object.keys(properties) })).toEqual([
    'root ::= part4',
    String.raw`part0 ::= "\"yes\"" | "\"no\""`,
    'part1 ::= "[" space part0 space ("," space part0 space){1,2} "]"',
    'part2 ::= null',
    'part3 ::= part0 | part2',
    String.raw`part4 ::= "{" space "\"one\"" space ":" space part0 space "," space "\"many\"" space ":" space part1 space "," space "\"none\"" space ":" space part3 space "}"`,
  ]);
  expect(rulesOf({ type: 'array', items: { type: 'integer' } })).toContain(
    'part1 ::= "[" space (part0 space ("," space part0 space){0,})? "]"',
  );
});

test('schemaGrammar: the number of a line is 1 or more', () => {
  expect(rulesOf({ type: 'integer', exclusiveMinimum: 0 })).toContain('part0 ::= positive');
  expect(schemaGrammar({ type: 'integer' })).toContain('positive ::= [1-9] [0-9]{0,14}');
});

test.each([
  { type: 'string', format: 'date' },
  { type: 'string', pattern: '^(a|b)$' },
  { type: 'string', pattern: '^["]$' },
  { type: 'number' },
  { type: 'integer', exclusiveMinimum: 9 },
])('schemaGrammar: refuses %j, a form that it does not know', (schema) => {
  expect(() => schemaGrammar(schema)).toThrow(/has no form in a grammar here/);
});

test.each(GATE_IDS)('schemaGrammar: the bounded schema of an answer of %s is a small grammar', (gate) => {
  const grammar = schemaGrammar(boundSchema(boundedJsonSchema(gate), { items: 8, characters: 240 }));
  expect(grammar.length).toBeLessThan(6_000);
});
