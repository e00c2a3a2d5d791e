import { type Document, isAlias, isMap, isNode, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { PromptOsError } from '../contracts/errors.js';
import { endSentence } from '../contracts/sentences.js';

/** A file of configuration is never larger; a larger one is a mistake or an attack. */
const MAX_BYTES = 1_048_576;
/** Aliases that a document may resolve to before it counts as a bomb. */
const MAX_ALIASES = 100;

export interface Position {
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

/** A parsed YAML or JSON file that still knows where everything stands. */
export interface YamlDocument {
  /** The file's name, as messages show it. */
  readonly name: string;
  /** Plain data: what `JSON.parse` could give. */
  readonly value: unknown;
  /** Where the key or item at a path stands, or the nearest thing around it when it is missing. */
  locate(path: readonly PropertyKey[]): Position;
}

const keyText = (key: unknown): string => String(isScalar(key) ? key.value : key);

/** The node to point at for a path: keys are pointed at rather than their values, which may begin lines below. */
function nodeAt(document: Document, path: readonly PropertyKey[]): Node | null {
  let pointed: Node | null = document.contents as Node | null;
  let inside: Node | null = pointed;
  for (const step of path) {
    const container = isAlias(inside) ? inside.resolve(document) : inside;
    if (isMap(container)) {
      const pair = container.items.find(({ key }) => keyText(key) === String(step));
      if (pair === undefined) break;
      if (isNode(pair.key)) pointed = pair.key;
      inside = isNode(pair.value) ? pair.value : null;
    } else if (isSeq(container)) {
      const item = container.items[Number(step)];
      if (!isNode(item)) break;
      pointed = item;
      inside = item;
    } else break;
  }
  return pointed;
}

function decodeUtf8(bytes: Uint8Array, name: string): string {
  if (bytes.byteLength > MAX_BYTES) {
    throw new PromptOsError(
      'YAML_MALFORMED',
      `${name}: expected at most ${MAX_BYTES} bytes, received ${bytes.byteLength}.`,
      { hint: 'Give a smaller file.' },
    );
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new PromptOsError('YAML_MALFORMED', `${name}: expected UTF-8 text, received other bytes.`, {
      cause: error,
      hint: 'Save the file as UTF-8.',
    });
  }
}

/**
 * Parses one YAML 1.2 document; JSON is YAML too.
 * Refuses duplicate keys, unknown tags, several documents, and aliases that multiply.
 * @param name what messages call the file
 * @throws PromptOsError YAML_MALFORMED with `name:line:column` of every problem
 */
export function parseYaml(bytes: Uint8Array, name: string): YamlDocument {
  const text = decodeUtf8(bytes, name);
  const lines = new LineCounter();
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const malformed = (problems: readonly string[], cause?: unknown) =>
    new PromptOsError('YAML_MALFORMED', problems.join('\n'), { cause });
  try {
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, strict: true, uniqueKeys: true });
    const problems = [...document.errors, ...document.warnings];
    if (problems.length > 0) {
      throw malformed(
        problems.map((problem) => {
          const { line, column } = position(problem.pos[0]);
          return endSentence(`${name}:${line}:${column}: ${problem.message}`);
        }),
      );
    }
    return {
      name,
      value: document.toJS({ maxAliasCount: MAX_ALIASES }),
      locate: (path) => position(nodeAt(document, path)?.range?.[0] ?? 0),
    };
  } catch (error) {
    if (error instanceof PromptOsError) throw error;
    // Aliases that multiply, aliases without an anchor, and nesting that exhausts the stack all end here.
    throw malformed([`${name}:1:1: ${error instanceof Error ? error.message : String(error)}.`], error);
  }
}
