import type { z } from 'zod';
import { type ErrorCode, PromptOsError } from '../contracts/errors.js';
import { counted, endSentence, suggestName, withoutUserInfo } from '../contracts/sentences.js';
import { type LocatedDocument, parseLocatedYaml } from '../prompt-pack/located-document.js';

/** A file of configuration is never larger; a larger one is a mistake or an attack. */
const MAX_BYTES = 1_048_576;

export interface YamlDocument extends LocatedDocument {
  readonly name: string;
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
 * Parses one YAML document.
 * @param name what messages call the file
 * @throws PromptOsError YAML_MALFORMED with `name:line:column` of every problem
 */
export function parseYaml(bytes: Uint8Array, name: string): YamlDocument {
  const parsed = parseLocatedYaml(decodeUtf8(bytes, name));
  if (parsed.ok) return { name, ...parsed.document };
  const problems = parsed.problems.map(({ line, column, message }) =>
    endSentence(`${name}:${line}:${column}: ${message}`),
  );
  throw new PromptOsError('YAML_MALFORMED', problems.join('\n'));
}

type Path = readonly PropertyKey[];
type Issue = z.core.$ZodIssue;

interface Problem {
  readonly path: Path;
  readonly text: string;
}

const describeKind = (value: unknown): string => {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === 'object' ? 'a mapping' : typeof value;
};

const describeValue = (value: unknown): string => {
  if (value === null || typeof value !== 'object') {
    // JSON has no word for these numbers.
    const isWord = value === undefined || (typeof value === 'number' && !Number.isFinite(value));
    const text = isWord ? String(value ?? 'nothing') : withoutUserInfo(JSON.stringify(value));
    return text.length > 80 ? `${text.slice(0, 79)}…` : text;
  }
  return describeKind(value);
};

const valueAt = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (inside, key) =>
      inside !== null && typeof inside === 'object' && Object.hasOwn(inside, key)
        ? (inside as Record<PropertyKey, unknown>)[key]
        : undefined,
    value,
  );

/** A key that is empty, or that a line cannot show as it is, in quotes. */
const keyText = (key: string): string => (/^[^\p{C}\u2028\u2029]+$/u.test(key) ? key : JSON.stringify(key));

/** `roles.integrator[0]`; the document itself is `(whole file)`. */
const pathText = (path: Path): string =>
  path
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${keyText(String(key))}`))
    .join('') || '(whole file)';

const KINDS: Readonly<Record<string, string>> = {
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
  string: 'text',
  int: 'a whole number',
};

const expectedOneOf = (values: readonly unknown[]): string =>
  `expected ${values.map((value) => JSON.stringify(value)).join(' or ')}`;

function expectation(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      // A schema that says more than the type, such as that a duration needs a unit.
      if (!issue.message.startsWith('Invalid input')) return issue.message;
      return `expected ${KINDS[issue.expected] ?? `a ${issue.expected}`}`;
    case 'invalid_value':
      return expectedOneOf(issue.values);
    case 'invalid_union':
      // A field that decides on the form of its mapping, such as `kind`; the issue's type does not have its values.
      return 'options' in issue && Array.isArray(issue.options) ? expectedOneOf(issue.options) : issue.message;
    case 'too_small':
      if (!issue.message.startsWith('Too small')) return issue.message;
      return expectedSize(issue.origin, issue.inclusive === false ? 'above' : 'at least', issue.minimum);
    case 'too_big':
      if (!issue.message.startsWith('Too big')) return issue.message;
      return expectedSize(issue.origin, issue.inclusive === false ? 'below' : 'at most', issue.maximum);
    default:
      return issue.message.replace(/^Invalid input: /, '');
  }
}

function expectedSize(origin: string, side: string, limit: number | bigint): string {
  const count = Number(limit);
  if (origin === 'string') return `expected text of ${side} ${counted(count, 'character')}`;
  if (origin === 'array') return `expected a list of ${side} ${counted(count, 'item')}`;
  return `expected ${KINDS[origin] ?? `a ${origin}`} ${side === 'above' || side === 'below' ? side : `of ${side}`} ${count}`;
}

/** Whether an issue says that a value is of another form altogether: of another type, or with other keys. */
const isOfAnotherForm = ({ code, path }: Issue): boolean => code === 'unrecognized_keys' || path.length === 0;

/** Zod's issues as problems, with unions and keys described in the terms of the file. */
function problemsOf(schema: z.ZodType, root: unknown, issue: Issue, base: Path): readonly Problem[] {
  const path = [...base, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(schema, path, root);
    return issue.keys.map((key) => ({
      path: [...path, key],
      text: known.includes(key)
        ? 'does not go with the other keys'
        : `unknown key.${suggestName(key, known) || ` Known are: ${known.join(', ')}.`}`,
    }));
  }
  if (issue.code === 'invalid_key') {
    const expected = issue.issues.map(expectation).join('; ');
    return [{ path, text: `${expected}, received the key ${describeValue(String(path.at(-1)))}` }];
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const [meant, ...others] = issue.errors.filter((way) => !way.some(isOfAnotherForm));
    if (meant !== undefined && others.length === 0) {
      return meant.flatMap((inner) => problemsOf(schema, root, inner, path));
    }
    const ways = issue.errors.map((way) =>
      way
        .flatMap((inner) => problemsOf(schema, root, inner, path))
        .map((inner) =>
          inner.path.length > path.length ? `${pathText(inner.path.slice(path.length))}: ${inner.text}` : inner.text,
        )
        .join('; '),
    );
    const [same = '', ...different] = new Set(ways);
    if (different.length === 0) return [{ path, text: same }];
    return [{ path, text: `fits none of the forms: ${ways.map((way) => `(${way})`).join(' or ')}` }];
  }
  const received = valueAt(root, path);
  const expected = expectation(issue);
  // A list that is too short, or a rule over several fields, says by itself what was received.
  const selfExplaining = issue.code === 'custom' && (received === undefined || typeof received === 'object');
  return [{ path, text: selfExplaining ? expected : `${expected}, received ${describeValue(received)}` }];
}

const withoutKeys = (root: unknown, issues: readonly Issue[]): unknown => {
  const pruned = structuredClone(root);
  for (const issue of issues) {
    if (issue.code !== 'unrecognized_keys') continue;
    const container = valueAt(pruned, issue.path);
    for (const key of issue.keys) delete (container as Record<string, unknown>)[key];
  }
  return pruned;
};

/**
 * Parses a document by its schema, and reports every problem at once, each with file, line, key path, what was expected
 * and what was received; an unknown key comes with the nearest known one.
 * @throws PromptOsError with `code`
 */
export function parseDocumentAs<S extends z.ZodType>(document: YamlDocument, schema: S, code: ErrorCode): z.output<S> {
  const parsed = schema.safeParse(document.value);
  if (parsed.success) return parsed.data;
  const issues = [...parsed.error.issues];
  // Rules over several fields wait until the shape is right. An unknown key must not hide what they have to say.
  const again = schema.safeParse(withoutKeys(document.value, issues));
  const seen = new Set(issues.map((issue) => JSON.stringify([issue.path, issue.message])));
  for (const issue of again.error?.issues ?? []) {
    if (!seen.has(JSON.stringify([issue.path, issue.message]))) issues.push(issue);
  }
  throw invalidDocument(
    document,
    issues.flatMap((issue) => problemsOf(schema, document.value, issue, [])),
    code,
  );
}

/** The error for problems that were found in a document, in the order of its lines. */
export function invalidDocument(document: YamlDocument, problems: readonly Problem[], code: ErrorCode): PromptOsError {
  const lines = problems
    .map(({ path, text }) => ({ line: document.locate(path).line, text: `${pathText(path)}: ${text}` }))
    .sort((left, right) => left.line - right.line)
    .map(({ line, text }) => `${document.name}:${line}: ${text}${/[.?]$/.test(text) ? '' : '.'}`);
  const count = lines.length === 1 ? '' : `${document.name} has ${lines.length} problems:\n`;
  return new PromptOsError(code, `${count}${lines.join('\n')}`);
}

type AnySchema = z.core.$ZodTypes;

/** The schemas behind optional, default, pipe and union wrappers. */
function unwrap(schema: AnySchema): readonly AnySchema[] {
  const { def } = schema._zod;
  switch (def.type) {
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'readonly':
      return unwrap(def.innerType as AnySchema);
    case 'pipe':
      return unwrap(def.in as AnySchema);
    case 'union':
      return def.options.flatMap((option) => unwrap(option as AnySchema));
    default:
      return [schema];
  }
}

function step(schema: AnySchema, key: PropertyKey): readonly AnySchema[] {
  const { def } = schema._zod;
  if (def.type === 'object') {
    const member = def.shape[String(key)];
    return member === undefined ? [] : unwrap(member as AnySchema);
  }
  if (def.type === 'array') return unwrap(def.element as AnySchema);
  if (def.type === 'record') return unwrap(def.valueType as AnySchema);
  return [];
}

/** Whether an object has every value that a form fixes, such as its `kind`. */
function hasFixedValues({ _zod: { def } }: AnySchema, value: unknown): boolean {
  if (def.type !== 'object') return true;
  return Object.entries(def.shape).every(([key, member]) => {
    const { def: fixed } = (member as AnySchema)._zod;
    return fixed.type !== 'literal' || fixed.values.some((one) => one === valueAt(value, [key]));
  });
}

/**
 * Every key that an object at this path may have, as the schema says: what an unknown key is compared with. Of several
 * forms those count that the object may be by its fixed values.
 */
function knownKeys(schema: z.ZodType, path: readonly PropertyKey[], root: unknown): readonly string[] {
  let schemas = unwrap(schema as unknown as AnySchema);
  for (const key of path) schemas = schemas.flatMap((one) => step(one, key));
  const fitting = schemas.filter((one) => hasFixedValues(one, valueAt(root, path)));
  const keys = (fitting.length === 0 ? schemas : fitting).flatMap((one) => {
    const { def } = one._zod;
    if (def.type === 'object') return Object.keys(def.shape);
    if (def.type !== 'record') return [];
    return unwrap(def.keyType as AnySchema).flatMap((key) =>
      key._zod.def.type === 'enum' ? Object.values(key._zod.def.entries).map(String) : [],
    );
  });
  return [...new Set(keys)];
}
