import { counted, editDistance, nearestName } from '../sentences.js';

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
const IN_BRACES = /\{\{([A-Za-z][\w-]*)\}\}|\{([A-Za-z][\w-]*)\}/g;

const isPlaceholder = (word: string): word is Placeholder => (PLACEHOLDERS as readonly string[]).includes(word);

/** A word without what is easily mistaken in it: capitals, and what is between its parts. */
const plain = (word: string): string => word.toLowerCase().replaceAll(/[_-]/g, '');

/** The placeholder that a word is, but for what is easily mistaken and one letter more; null for a word that is none. */
const mistaken = (word: string): Placeholder | null =>
  PLACEHOLDERS.find((known) => plain(known) === plain(word)) ??
  PLACEHOLDERS.find((known) => editDistance(plain(known), plain(word)) === 1) ??
  null;

/**
 * Whether a word in braces is one of ours, be it right or wrong. Another spelling than that of placeholders is a word of the
 * program's own, unless it nearly is one of them; a shell's `${MODEL}` is one too.
 */
function isOurs(word: string, before: string | undefined): boolean {
  return /^[a-z][a-z0-9_]*$/.test(word) || (before !== '$' && mistaken(word) !== null);
}

/** The words in single braces that a text has, each once. */
const wordsOf = (text: string): readonly string[] => [
  ...new Set(
    [...text.matchAll(IN_BRACES)].flatMap(({ 2: word, index }) =>
      word !== undefined && isOurs(word, text[index - 1]) ? [word] : [],
    ),
  ),
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
  const nearest = mistaken(first) ?? nearestName(first, PLACEHOLDERS);
  const question = nearest === null ? '' : `. Did you mean {${nearest}}?`;
  return `has ${counted(unknown.length, 'unknown placeholder')}, ${named}: expected ${known}; a literal is written {{${first}}}${question}`;
}

/** A text with its placeholders filled in, and its literals without their second braces. */
export const fillPlaceholders = (text: string, value: (placeholder: Placeholder) => string): string =>
  text.replace(IN_BRACES, (whole, literal: string | undefined, word: string | undefined, offset: number) => {
    if (literal !== undefined) return isOurs(literal, text[offset - 1]) ? `{${literal}}` : whole;
    return word !== undefined && isPlaceholder(word) ? value(word) : whole;
  });

/** A text in which words in braces mean themselves when placeholders are filled in. */
export const withoutPlaceholders = (text: string): string =>
  text.replace(IN_BRACES, (whole, literal: string | undefined, word: string | undefined, offset: number) =>
    isOurs(literal ?? word ?? '', text[offset - 1]) ? `{${whole}}` : whole,
  );
