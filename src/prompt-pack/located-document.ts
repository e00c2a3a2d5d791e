import { type Document, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import type { z } from 'zod';

/** Something wrong at a line of a file. */
export interface Problem {
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

export type PathInDocument = readonly PropertyKey[];

/** A parsed YAML or JSON document that knows the line of each of its values. */
export interface LocatedDocument {
  readonly value: unknown;
  /** The line of the value at a path; of its nearest parent when it is absent. */
  lineOf(path: PathInDocument): number;
  /** The scalar as it was written, before YAML made a number or a boolean of it. */
  sourceOf(path: PathInDocument): string | undefined;
}

export type ParseResult =
  | { readonly ok: true; readonly document: LocatedDocument }
  | { readonly ok: false; readonly problems: readonly Problem[] };

function walk(root: Node | null, path: PathInDocument): { node: Node | null; offset: number; complete: boolean } {
  let node = root;
  let offset = root?.range?.[0] ?? 0;
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && key.value === part);
      if (pair === undefined || !isScalar(pair.key)) return { node, offset, complete: false };
      offset = pair.key.range?.[0] ?? offset;
      node = pair.value as Node | null;
    } else if (isSeq(node) && typeof part === 'number') {
      const item = node.items[part] as Node | undefined;
      if (item === undefined) return { node, offset, complete: false };
      offset = item.range?.[0] ?? offset;
      node = item;
    } else {
      return { node, offset, complete: false };
    }
  }
  return { node, offset, complete: true };
}

/** Parses YAML. `firstLine` is the line of the file on which the text begins. */
export function parseLocatedYaml(text: string, firstLine = 1): ParseResult {
  const lines = new LineCounter();
  const document: Document<Node> = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const lineAt = (offset: number): number => Math.max(lines.linePos(offset).line, 1) + firstLine - 1;
  const problems = [...document.errors, ...document.warnings].map(({ message, pos }) => ({
    line: lineAt(pos[0]),
    message,
  }));
  if (problems.length > 0) return { ok: false, problems };
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 20 });
  } catch (error) {
    return { ok: false, problems: [{ line: firstLine, message: error instanceof Error ? error.message : 'not YAML' }] };
  }
  return {
    ok: true,
    document: {
      value,
      lineOf: (path) => lineAt(walk(document.contents, path).offset),
      sourceOf: (path) => {
        const { node, complete } = walk(document.contents, path);
        return complete && isScalar(node) ? node.source : undefined;
      },
    },
  };
}

/** Parses JSON, strictly; a key that is given twice is a problem too. */
export function parseLocatedJson(text: string): ParseResult {
  try {
    JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : 'not JSON';
    const position = /at position (\d+)/.exec(message)?.[1];
    const before = text.slice(0, position === undefined ? text.length : Number(position));
    return { ok: false, problems: [{ line: before.split('\n').length, message }] };
  }
  // JSON is YAML 1.2, so the same parser gives the lines.
  return parseLocatedYaml(text);
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
    const at = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : issue.path;
    const where = issue.path.map(String).join('.');
    return {
      path: at,
      line: document.lineOf(at),
      message: where === '' ? issue.message : `${where}: ${issue.message}`,
    };
  });
  return { ok: false, problems };
}

export interface SchemaProblem extends Problem {
  readonly path: PathInDocument;
}
