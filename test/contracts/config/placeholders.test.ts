import { describe, expect, test } from 'vitest';
import {
  fillPlaceholders,
  PLACEHOLDERS,
  placeholderProblem,
  placeholdersOf,
  withoutPlaceholders,
} from '../../../src/contracts/config/placeholders.js';

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
    '{Other}',
    '{CamelCase}',
    `\${MODEL}`,
    '{Code}',
    '{{Other}}',
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
      'has 1 unknown placeholder, {schemafile}: expected {scratch}, {schema_file}, {schema_file_full}, {schema_json}, {prompt_file}, {model}; a literal is written {{schemafile}}. Did you mean {schema_file}?',
    );
  });

  test.each([
    ['{Model}', 'model'],
    ['{MODEL}', 'model'],
    ['{schemaFile}', 'schema_file'],
    ['{schema-file-full}', 'schema_file_full'],
    ['{Prompt-Fil}', 'prompt_file'],
    ['{modle}', 'model'],
  ])(
    'one that is nearly known is refused with the one that is meant, and is written in double braces: %s',
    (text, known) => {
      expect(placeholderProblem(`--x=${text}`)).toContain(`Did you mean {${known}}?`);
      expect(placeholderProblem(`{${text}}`)).toBeNull();
      expect(upper(`{${text}}`)).toBe(text);
      expect(upper(withoutPlaceholders(text))).toBe(text);
    },
  );

  test('a text whose braces mean themselves comes back as it was', () => {
    for (const text of ['{model} {Model} {Other} {{model}} {Code} {"a":{"b":1}}', '{other}', '{{Other}}']) {
      expect(upper(withoutPlaceholders(text))).toBe(text);
    }
  });

  test('what is filled in is not read again', () => {
    expect(fillPlaceholders('{model}', () => '{scratch}')).toBe('{scratch}');
  });
});
