import { describe, expect, test } from 'vitest';
import {
  fillPlaceholders,
  PLACEHOLDERS,
  placeholderProblem,
  placeholdersOf,
} from '../../src/contracts/placeholders.js';

const upper = (text: string) => fillPlaceholders(text, (placeholder) => placeholder.toUpperCase());

describe('placeholders', () => {
  test('each known one is filled in, wherever it is in the text', () => {
    for (const placeholder of PLACEHOLDERS)
      expect(upper(`--x={${placeholder}}`)).toBe(`--x=${placeholder.toUpperCase()}`);
    expect(upper('{scratch}/{model}{model}')).toBe('SCRATCH/MODELMODEL');
    expect([...placeholdersOf(['a {model}', '{scratch}{model}', '{{prompt_file}}', '{other}'])]).toEqual([
      'model',
      'scratch',
    ]);
  });

  test.each([
    '{"a":1}',
    '{"a":{"b":{}}}',
    '{}',
    '{ model }',
    'x={name="x",env="K"}',
    '{Model}',
    '{1}',
    '{a-b}',
    '{{"a":1}}',
  ])('JSON and other braces pass unchanged: %s', (text) => {
    expect(upper(text)).toBe(text);
    expect(placeholderProblem(text)).toBeNull();
  });

  test('double braces are a literal', () => {
    expect(upper('{{model}} {{other}}')).toBe('{model} {other}');
    expect(placeholderProblem('{{other}}')).toBeNull();
  });

  test('an unknown one is refused with the known ones and the way to write it', () => {
    expect(placeholderProblem('--x={schemafile}')).toBe(
      'has 1 unknown placeholder, {schemafile}: expected {scratch}, {schema_file}, {schema_file_full}, {schema_json}, {prompt_file}, {model}; a literal is written {{schemafile}}',
    );
  });

  test('what is filled in is not read again', () => {
    expect(fillPlaceholders('{model}', () => '{scratch}')).toBe('{scratch}');
  });
});
