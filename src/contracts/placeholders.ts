import { counted } from './sentences.js';

/** What a worker fills in where an executor's `argv` and `env.set` name it in braces. */
export const PLACEHOLDERS = [
  'scratch',
  'schema_file',
  'schema_file_full',
  'schema_json',
  'prompt_file',
  'model',
] as const;
export type Placeholder = (typeof PLACEHOLDERS)[number];

/** A word in braces, or the same in double braces, which is a literal. JSON has a quote or a brace behind its braces. */
const IN_BRACES = /\{\{([a-z][a-z0-9_]*)\}\}|\{([a-z][a-z0-9_]*)\}/g;

const isPlaceholder = (word: string): word is Placeholder => (PLACEHOLDERS as readonly string[]).includes(word);

/** The words in single braces that a text has, each once. */
const wordsOf = (text: string): readonly string[] => [
  ...new Set([...text.matchAll(IN_BRACES)].flatMap(([, , word]) => (word === undefined ? [] : [word]))),
];

/** Which placeholders the texts have. */
export const placeholdersOf = (texts: readonly string[]): ReadonlySet<Placeholder> =>
  new Set(texts.flatMap(wordsOf).filter(isPlaceholder));

/** What is wrong with the words in braces of a text; null when all are known. */
export function placeholderProblem(text: string): string | null {
  const unknown = wordsOf(text).filter((word) => !isPlaceholder(word));
  const [first] = unknown;
  if (first === undefined) return null;
  const known = PLACEHOLDERS.map((word) => `{${word}}`).join(', ');
  const named = unknown.map((word) => `{${word}}`).join(', ');
  return `has ${counted(unknown.length, 'unknown placeholder')}, ${named}: expected ${known}; a literal is written {{${first}}}`;
}

/** A text with its placeholders filled in, and its literals without their second braces. */
export const fillPlaceholders = (text: string, value: (placeholder: Placeholder) => string): string =>
  text.replace(IN_BRACES, (whole, literal?: string, word?: string) => {
    if (literal !== undefined) return `{${literal}}`;
    return word !== undefined && isPlaceholder(word) ? value(word) : whole;
  });

/** A text in which words in braces mean themselves when placeholders are filled in. */
export const withoutPlaceholders = (text: string): string => text.replace(IN_BRACES, (whole) => `{${whole}}`);
