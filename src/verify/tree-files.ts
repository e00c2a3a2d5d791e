import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { PromptOsError } from '../contracts/errors.js';
import { type ArtifactRef, PATH_ISSUE } from '../contracts/primitives.js';
import {
  INCOMPLETE_PATH,
  type IncompleteTree,
  incompleteTreeSchema,
  type RunRecord,
  runRecordSchema,
} from '../contracts/record/run-record.js';
import { keepLast, oncePerObject } from '../contracts/remember.js';
import { problemText } from '../contracts/schema-problems.js';
import { counted } from '../contracts/sentences.js';
import { TREE_PATHS } from '../domain/record/published-tree.js';
import type { TreeEntry, TreeReader } from '../ports/tree-reader.js';
import { MAX_FILE_BYTES, MAX_JSON_BYTES, MAX_TREE_BYTES, TREE_LIMITS } from './limits.js';
import { type JsonLayout, readStrictJson } from './parse-json.js';
import { VerifyFailure } from './verify-codes.js';

/** The files of a tree. A document is read and checked when it is first asked for; what is wrong with it is reported each time. */
export interface TreeFiles {
  readonly reader: TreeReader;
  /** By path. */
  entries(): Promise<ReadonlyMap<string, TreeEntry>>;
  has(path: string): Promise<boolean>;
  /** The entry of a path, which must be a plain file: nothing else is ever opened. */
  plainFile(path: string): Promise<TreeEntry>;
  /** A plain file of a limited size, as a stream. */
  stream(path: string, limit: number): Promise<AsyncGenerator<Uint8Array>>;
  record(): Promise<RunRecord>;
  recordSha256(): Promise<string>;
  /** What the tree of a run without a record says of itself; null for the tree of a finished run. */
  incomplete(): Promise<IncompleteTree | null>;
  /** What the record lists, by path; of an incomplete tree, what that lists. */
  artifacts(): Promise<ReadonlyMap<string, ArtifactRef>>;
  /** A file whose bytes are those that the record lists. */
  bytes(path: string, limit?: number): Promise<Uint8Array>;
  json<T>(path: string, schema: z.ZodType<T>, layout?: JsonLayout): Promise<T>;
}

/** Hexadecimal SHA-256, by node's own code: documents may be large. */
export const sha256Of = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/** Files that are kept while a tree is judged, and the size of the largest: most are small, and several checks read each. */
const KEPT_FILES = 128;
const KEPT_BYTES = 32 * 1_024;

/** Loads a value when it is first asked for, and gives the same one, or the same failure, each time. */
export function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | null = null;
  return () => {
    loaded ??= load();
    return loaded;
  };
}

/** @throws VerifyFailure SHAPE_INVALID, PATH_NOT_ALLOWED */
export function checkShape<T>(schema: z.ZodType<T>, value: unknown, path: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const isPath = issue?.code === 'custom' && issue.params?.about === PATH_ISSUE.about;
  throw new VerifyFailure(
    isPath ? 'PATH_NOT_ALLOWED' : 'SHAPE_INVALID',
    path,
    issue === undefined ? 'another shape' : problemText(issue, 'the document'),
    counted(parsed.error.issues.length, 'problem'),
  );
}

export function openFiles(given: TreeReader): TreeFiles {
  const reader = failingReader(given);
  const entries = once(async () => {
    const listed = await reader.list(TREE_LIMITS);
    checkTreeSize(listed);
    return new Map(listed.map((entry) => [entry.path, entry] as const));
  });
  const has = async (path: string) => (await entries()).has(path);

  // One failure for each path, so that it is reported once.
  const unusable = new Map<string, VerifyFailure>();
  const plainFile = async (path: string): Promise<TreeEntry> => {
    const entry = (await entries()).get(path);
    if (entry?.kind === 'file') return entry;
    const code = entry === undefined ? 'FILE_MISSING' : entry.kind === 'link' ? 'LINK_IN_TREE' : 'SPECIAL_FILE';
    const found = entry === undefined ? 'nothing' : entry.kind.replace('_', ' ');
    const failure = unusable.get(path) ?? new VerifyFailure(code, path, 'a file', found);
    unusable.set(path, failure);
    throw failure;
  };

  const fileUpTo = async (path: string, limit: number): Promise<TreeEntry> => {
    const entry = await plainFile(path);
    if (entry.bytes > limit) throw differentSize('FILE_TOO_LARGE', path, `at most ${limit}`, entry.bytes);
    return entry;
  };
  const readWhole = async (path: string, limit = MAX_FILE_BYTES): Promise<Uint8Array> => {
    const { bytes } = await fileUpTo(path, limit);
    const content = await reader.read(path, bytes);
    if (content.byteLength !== bytes) throw differentSize('FILE_CHANGED', path, `${bytes}`, content.byteLength);
    return content;
  };

  const recordBytes = once(() => readWhole(TREE_PATHS.record, MAX_JSON_BYTES));
  const record = once(async () => {
    const value = readStrictJson(await recordBytes(), TREE_PATHS.record, 'indented');
    return checkShape(runRecordSchema, value, TREE_PATHS.record);
  });
  const incomplete = once(async () => {
    if (!(await has(INCOMPLETE_PATH))) return null;
    const value = readStrictJson(await readWhole(INCOMPLETE_PATH, MAX_JSON_BYTES), INCOMPLETE_PATH, 'indented');
    return checkShape(incompleteTreeSchema, value, INCOMPLETE_PATH);
  });
  const artifacts = once(async () => {
    const listed = (await incomplete())?.files ?? (await record()).artifacts;
    return new Map(listed.map((ref) => [ref.path, ref] as const));
  });

  const kept = new Map<string, Uint8Array>();
  const bytes = async (path: string, limit = MAX_FILE_BYTES): Promise<Uint8Array> => {
    const known = kept.get(path);
    if (known !== undefined && known.byteLength <= limit) return keepLast(kept, path, known, KEPT_FILES);
    const content = await readWhole(path, limit);
    const listed = (await artifacts()).get(path);
    const actual = sha256Of(content);
    if (listed !== undefined && listed.sha256 !== actual) {
      throw new VerifyFailure('DIGEST_MISMATCH', path, listed.sha256, actual);
    }
    return content.byteLength <= KEPT_BYTES ? keepLast(kept, path, content, KEPT_FILES) : content;
  };
  /** Documents by the schema that they have, the layout and the bytes. */
  const parsed = oncePerObject((_schema: z.ZodType) =>
    oncePerObject((_content: Uint8Array) => new Map<JsonLayout, unknown>()),
  );
  const json = async <T>(path: string, schema: z.ZodType<T>, layout: JsonLayout = 'indented'): Promise<T> => {
    const content = await bytes(path, MAX_JSON_BYTES);
    const known = parsed(schema)(content);
    if (known.has(layout)) return known.get(layout) as T;
    const value = readStrictJson(content, path, layout);
    checkShape(schema, value, path);
    known.set(layout, value);
    // As it is written, not as the schema would rewrite it: digests and comparisons are about what was written.
    return value as T;
  };

  return {
    reader,
    entries,
    has,
    plainFile,
    stream: async (path, limit) => streamOf(reader, await fileUpTo(path, limit)),
    record,
    recordSha256: once(async () => sha256Of(await recordBytes())),
    incomplete,
    artifacts,
    bytes,
    json,
  };
}

/** A reader for which a file that cannot be read is a failure of the tree: nothing is known of it, so it is not verified. */
function failingReader(reader: TreeReader): TreeReader {
  const whole = async <T>(path: string, read: () => Promise<T>): Promise<T> => {
    try {
      return await read();
    } catch (error) {
      throw notReadable(path, error);
    }
  };
  return {
    list: (limits) => whole('the tree', () => reader.list(limits)),
    read: (path, most) => whole(path, () => reader.read(path, most)),
    openStream: async function* (path) {
      try {
        yield* reader.openStream(path);
      } catch (error) {
        throw notReadable(path, error);
      }
    },
    digest: (path, most) => whole(path, () => reader.digest(path, most)),
  };
}

function notReadable(path: string, error: unknown): unknown {
  if (!(error instanceof PromptOsError)) return error;
  if (error.code === 'BUNDLE_MALFORMED') {
    return new VerifyFailure('BUNDLE_MALFORMED', path, 'a bundle', error.summary);
  }
  const found = `${error.code}: ${error.summary}`;
  return new VerifyFailure('FILE_NOT_READABLE', path, 'something that can be read', found);
}

/** A file as a stream, which ends with a failure when it does not have the size that was listed. */
async function* streamOf(reader: TreeReader, { path, bytes: listed }: TreeEntry): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of reader.openStream(path)) {
    bytes += chunk.byteLength;
    if (bytes > listed) break;
    yield chunk;
  }
  if (bytes !== listed) throw differentSize('FILE_CHANGED', path, `${listed}`, bytes);
}

const differentSize = (
  code: 'FILE_TOO_LARGE' | 'FILE_CHANGED',
  path: string,
  expected: string,
  found: number,
): VerifyFailure => new VerifyFailure(code, path, `${expected} bytes`, `${found} bytes`);

/** @throws VerifyFailure TREE_TOO_LARGE */
function checkTreeSize(entries: readonly TreeEntry[]): void {
  const tooLarge = (expected: string, found: string, path?: string) =>
    new VerifyFailure('TREE_TOO_LARGE', path, expected, found);
  if (entries.length > TREE_LIMITS.entries) throw tooLarge(`at most ${TREE_LIMITS.entries} files`, 'more files');
  let sum = 0;
  for (const { path, kind, bytes } of entries) {
    const folders = path.split('/').length - (kind === 'empty_folder' ? 0 : 1);
    if (folders > TREE_LIMITS.depth)
      throw tooLarge(`folders at most ${TREE_LIMITS.depth} deep`, 'deeper folders', path);
    sum += bytes;
  }
  if (sum > MAX_TREE_BYTES) throw tooLarge(`at most ${MAX_TREE_BYTES} bytes`, `${sum} bytes`);
}
