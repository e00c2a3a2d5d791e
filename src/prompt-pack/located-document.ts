import {
  Composer,
  type CST,
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  Parser,
  visit,
} from 'yaml';
import type { z } from 'zod';
import { messageOf } from '../contracts/errors.js';
import { parseJson } from '../contracts/json.js';
import { problemText } from '../contracts/schema-problems.js';

/** Something wrong at a line of a file. */
export interface Problem {
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

export interface Position {
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

type PathInDocument = readonly PropertyKey[];

/** A parsed YAML or JSON document that knows the position of each of its values. */
export interface LocatedDocument {
  /** Plain data, as JSON has it. */
  readonly value: unknown;
  /** The position of the key or item at a path; of its nearest parent when it is missing. */
  locate(path: PathInDocument): Position;
  /** The scalar as it was written, before YAML made a number or a boolean of it. */
  sourceOf(path: PathInDocument): string | undefined;
}

type Parsed<P> =
  | { readonly ok: true; readonly document: LocatedDocument }
  | { readonly ok: false; readonly problems: readonly P[] };

const keyText = (key: unknown): string => String(isScalar(key) ? key.value : key);

/**
 * Follows a path. Keys are pointed at rather than their values, which may begin lines below.
 * @returns the node to point at, and the value at the path; null for a value that is missing
 */
function walk(document: Document, path: PathInDocument): { readonly pointed: Node | null; readonly found: unknown } {
  let pointed = document.contents as Node | null;
  let found: unknown = pointed;
  for (const step of path) {
    const container = isAlias(found) ? found.resolve(document) : found;
    if (isMap(container)) {
      const pair = container.items.find(({ key }) => keyText(key) === String(step));
      if (pair === undefined) return { pointed, found: null };
      if (isNode(pair.key)) pointed = pair.key;
      found = pair.value;
    } else {
      const item = isSeq(container) ? container.items[Number(step)] : undefined;
      if (!isNode(item)) return { pointed, found: null };
      pointed = item;
      found = item;
    }
  }
  return { pointed, found };
}

/** Aliases that a document may resolve to before it counts as a bomb. */
const MAX_ALIASES = 100;

/** Levels of lists and mappings. Composing recurses, and a regular expression that finds no stack ends the process. */
const MAX_NESTING = 200;

class NestedTooDeeply extends Error {
  constructor(readonly offset: number) {
    super(`expected at most ${MAX_NESTING} levels of lists and mappings, received more`);
  }
}

function* tokensOf(text: string, lines: LineCounter): Generator<CST.Token, void> {
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  for (const lexeme of new Lexer().lex(text)) {
    yield* parser.next(lexeme);
    if (parser.stack.length > MAX_NESTING) throw new NestedTooDeeply(parser.offset);
  }
  yield* parser.end();
}

/** The document of a text, and where a second one begins, if there is one. */
function compose(text: string, lines: LineCounter): { readonly document: Document; readonly second: number | null } {
  const documents = new Composer({ prettyErrors: false }).compose(tokensOf(text, lines), true, text.length);
  const [document, second] = [documents.next(), documents.next()];
  // An empty text is a document too.
  return { document: document.value as Document, second: second.done === true ? null : second.value.range[0] };
}

/** What the parser takes, and data cannot be made of: where, and what is wrong. */
function mistakesIn(document: Document): readonly (readonly [offset: number, message: string])[] {
  const anchors = new Set<string>();
  const mistakes: [number, string][] = [];
  visit(document, {
    Value: (_, { anchor }) => {
      if (anchor !== undefined) anchors.add(anchor);
    },
    Alias: (_, { source, range }) => {
      if (anchors.has(source)) return;
      const what = `an alias to an anchor that is not set before it; a text that begins with "*" needs quotes: "*${source}"`;
      mistakes.push([range?.[0] ?? 0, what]);
    },
    // A schema would leave such a key out without a word.
    Pair: (_, { key }) => {
      if (isScalar(key) && key.value === '__proto__')
        mistakes.push([key.range?.[0] ?? 0, 'the key __proto__ is refused']);
    },
  });
  return mistakes;
}

/**
 * Parses one YAML 1.2 document; JSON is YAML too. Refuses duplicate keys, unknown tags, several documents, aliases that
 * multiply, and nesting that is too deep.
 * @param firstLine the line of the file on which the text begins
 */
export function parseLocatedYaml(text: string, firstLine = 1): Parsed<Position & Problem> {
  const lines = new LineCounter();
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1) + firstLine - 1, column: Math.max(col, 1) };
  };
  try {
    const { document, second } = compose(text, lines);
    const problems = [...document.errors, ...document.warnings].map(({ message, pos }) => ({
      ...position(pos[0]),
      message,
    }));
    for (const [offset, message] of mistakesIn(document)) problems.push({ ...position(offset), message });
    if (second !== null) {
      problems.push({ ...position(second), message: 'expected one document, received multiple ones' });
    }
    if (problems.length > 0) return { ok: false, problems };
    return {
      ok: true,
      document: {
        value: document.toJS({ maxAliasCount: MAX_ALIASES }),
        locate: (path) => position(walk(document, path).pointed?.range?.[0] ?? 0),
        sourceOf: (path) => {
          const { found } = walk(document, path);
          return isScalar(found) ? found.source : undefined;
        },
      },
    };
  } catch (error) {
    // Aliases that multiply end here too.
    const place = position(error instanceof NestedTooDeeply ? error.offset : 0);
    return { ok: false, problems: [{ ...place, message: messageOf(error) }] };
  }
}

/** Whether a text is JSON as far as it goes. */
function beginsJson(text: string): boolean {
  try {
    parseJson(text);
    return true;
  } catch (error) {
    const message = messageOf(error);
    // What is open at the end of a line may go on in the next one; a string may not.
    if (message.startsWith('Unterminated string')) return false;
    const [, position] = /at position (\d+)/.exec(message) ?? [];
    return position === undefined ? message.startsWith('Unexpected end') : Number(position) >= text.trimEnd().length;
  }
}

/** Node.js gives a position for some mistakes only. No token of JSON is on two lines, so whole lines can be tried. */
function lineOfMistake(text: string): number {
  const lines = text.split('\n');
  let [right, wrong] = [0, lines.length];
  while (wrong - right > 1) {
    const middle = Math.floor((right + wrong) / 2);
    if (beginsJson(lines.slice(0, middle).join('\n'))) right = middle;
    else wrong = middle;
  }
  return wrong;
}

/** Parses JSON, strictly; a key that is given twice is a problem too. */
export function parseLocatedJson(text: string): Parsed<Problem> {
  try {
    parseJson(text);
  } catch (error) {
    // The message may quote several lines of the text.
    const message = messageOf(error).replaceAll(/\s+/g, ' ');
    return { ok: false, problems: [{ line: lineOfMistake(text), message }] };
  }
  // The YAML parser gives the lines.
  return parseLocatedYaml(text);
}

export interface SchemaProblem extends Problem {
  readonly path: PathInDocument;
}

/** A schema's judgement on a document, each problem with its line. */
export function checkDocument<T>(
  schema: z.ZodType<T>,
  document: LocatedDocument,
  value: unknown = document.value,
): { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problems: readonly SchemaProblem[] } {
  const parsed = schema.safeParse(value);
  if (parsed.success) return { ok: true, value: parsed.data };
  const problems = parsed.error.issues.map((issue) => {
    const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : issue.path;
    return { path, line: document.locate(path).line, message: problemText(issue) };
  });
  return { ok: false, problems };
}
