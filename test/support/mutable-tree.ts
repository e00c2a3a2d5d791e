import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { canonicalSha256 } from '../../src/contracts/json.js';
import type { Envelope } from '../../src/contracts/keys.js';
import type { GateId } from '../../src/contracts/names.js';
import type { AttemptRecord } from '../../src/contracts/record/attempt.js';
import type { PromptSession } from '../../src/contracts/record/prompt-session.js';
import type { RunRecord } from '../../src/contracts/record/run-record.js';
import type { JournalEntry } from '../../src/contracts/run/journal.js';
import type { LedgerEntry } from '../../src/contracts/run/ledger.js';
import { journalLines } from '../../src/domain/ledger/journal-lines.js';
import { ledgerLines } from '../../src/domain/ledger/ledger-chain.js';
import { attemptFolder, envelopeText, TREE_PATHS } from '../../src/domain/record/published-tree.js';
import type { TreeEntry, TreeReader } from '../../src/ports/tree-reader.js';

/** The node at a path: a file's bytes, or another kind of entry. */
type Node = Buffer | { readonly link: string } | 'special' | 'empty_folder';

/** JSON values that a recipe changes; it knows what it changes, so nothing is checked. */
export type Loose<T> = { -readonly [K in keyof T]: T[K] extends object ? Loose<T[K]> : T[K] };

/** Hexadecimal SHA-256 of bytes, or of a text's UTF-8. */
export const sha256Of = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/** Of the list of an attempt's files, as its principal signs it. */
export const filesSha256 = ({ artifacts, transcripts }: Pick<AttemptRecord, 'artifacts' | 'transcripts'>): string =>
  canonicalSha256([...artifacts, ...transcripts]);

/** Two-space indented with one trailing newline, as the engine writes documents. */
export const indented = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** The digest that replaces another; null when the file is gone. */
export type Moved = Map<string, string | null>;

/** Maps `from` to `to`, and so does every digest that was mapped to `from` before. */
export function follow(moved: Moved, from: string, to: string): void {
  for (const [first, last] of moved) if (last === from) moved.set(first, to);
  moved.set(from, to);
}

/** A run's tree in memory, to be broken. Every edit fails that changes nothing: a recipe that does nothing proves nothing. */
export class MutableTree {
  readonly #nodes: Map<string, Node>;
  /** Digests that a change moved and that statements may still name: `forge` replaces them. Null: it is gone. */
  readonly moved: Moved = new Map();

  constructor(nodes: ReadonlyMap<string, Node>) {
    this.#nodes = new Map(nodes);
  }

  static read(folder: string): MutableTree {
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const place = (path: string): string => path.slice(folder.length + 1);
    return new MutableTree(
      new Map(
        files.map(({ parentPath, name }) => {
          const path = join(parentPath, name);
          return [place(path), readFileSync(path)];
        }),
      ),
    );
  }

  clone(): MutableTree {
    return new MutableTree(this.#nodes);
  }

  /** The paths of files, in order. */
  paths(): string[] {
    return [...this.#nodes].flatMap(([path, node]) => (Buffer.isBuffer(node) ? [path] : [])).sort();
  }

  has(path: string): boolean {
    return this.#nodes.has(path);
  }

  bytes(path: string): Buffer {
    const node = this.#nodes.get(path);
    if (!Buffer.isBuffer(node)) throw new Error(`the tree has no file ${path}`);
    return node;
  }

  text(path: string): string {
    return this.bytes(path).toString('utf8');
  }

  json<T>(path: string): T {
    return JSON.parse(this.text(path)) as T;
  }

  put(path: string, content: Node | string): this {
    const node = typeof content === 'string' && !isMark(content) ? Buffer.from(content) : (content as Node);
    this.#nodes.set(path, node);
    return this;
  }

  putJson(path: string, value: unknown): this {
    return this.put(path, indented(value));
  }

  /** As `putJson`, but leaves a file alone that says the same in another order of members. */
  putValue(path: string, value: unknown): this {
    const plain: unknown = JSON.parse(indented(value));
    return this.has(path) && isDeepStrictEqual(this.json(path), plain) ? this : this.putJson(path, value);
  }

  remove(path: string): this {
    if (!this.#nodes.delete(path)) throw new Error(`the tree has no ${path}`);
    return this;
  }

  move(from: string, to: string): this {
    return this.put(to, this.bytes(from)).remove(from);
  }

  swap(one: string, other: string): this {
    const [first, second] = [this.bytes(one), this.bytes(other)];
    if (first.equals(second)) throw new Error(`${one} and ${other} are the same`);
    return this.put(one, second).put(other, first);
  }

  /** Changes a file's text. */
  edit(path: string, change: (text: string) => string): this {
    const before = this.text(path);
    const after = change(before);
    if (after === before) throw new Error(`the edit of ${path} changes nothing`);
    return this.put(path, Buffer.from(after));
  }

  replace(path: string, from: string | RegExp, to: string): this {
    return this.edit(path, (text) => text.replace(from, () => to));
  }

  editJson<T>(path: string, change: (value: Loose<T>) => void): this {
    return this.edit(path, (text) => {
      const value = JSON.parse(text) as Loose<T>;
      change(value);
      return indented(value);
    });
  }

  record(): Loose<RunRecord> {
    return this.json(TREE_PATHS.record);
  }

  editRecord(change: (record: Loose<RunRecord>) => void): this {
    return this.editJson<RunRecord>(TREE_PATHS.record, change);
  }

  editSession(change: (session: Loose<PromptSession>) => void): this {
    return this.editJson<PromptSession>(TREE_PATHS.session, change);
  }

  editAttempt(gate: GateId, attempt: number, change: (record: Loose<AttemptRecord>) => void): this {
    const path = `${attemptFolder(gate, attempt)}/attempt.json`;
    const before = filesSha256(this.json<AttemptRecord>(path));
    this.editJson<AttemptRecord>(path, change);
    const after = filesSha256(this.json<AttemptRecord>(path));
    if (after !== before) follow(this.moved, before, after);
    return this;
  }

  ledger(): LedgerEntry[] {
    return this.text(TREE_PATHS.ledger)
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as LedgerEntry);
  }

  /** Writes entries as they are; `rechain` makes a chain of them first. */
  putLedger(entries: readonly LedgerEntry[]): this {
    return this.edit(TREE_PATHS.ledger, () => ledgerLines(entries));
  }

  /** What the engine and people wrote down outside Temporal. */
  journal(): Loose<JournalEntry>[] {
    if (!this.has(TREE_PATHS.journal)) return [];
    const lines = this.text(TREE_PATHS.journal).trimEnd().split('\n');
    return lines.map((line) => (JSON.parse(line) as { entry: Loose<JournalEntry> }).entry);
  }

  putJournal(entries: readonly (Loose<JournalEntry> | JournalEntry)[]): this {
    const text = journalLines(entries.map((entry, seq) => ({ seq, entry: entry as JournalEntry })));
    return this.edit(TREE_PATHS.journal, () => text);
  }

  envelope(path: string): Envelope {
    return this.json<Envelope>(path);
  }

  putEnvelope(path: string, envelope: Envelope): this {
    return this.put(path, envelopeText(envelope));
  }

  /** As the verifier reads it. */
  reader(): TreeReader {
    const read = async (path: string) => this.bytes(path);
    return {
      list: async () =>
        [...this.#nodes]
          .map(([path, node]): TreeEntry => ({ path, ...describe(node) }))
          .sort((a, b) => (a.path < b.path ? -1 : 1)),
      read,
      openStream: async function* (path) {
        yield await read(path);
      },
      digest: async (path) => {
        const bytes = await read(path);
        return { sha256: sha256Of(bytes), bytes: bytes.byteLength };
      },
    };
  }

  /** Writes the tree into an existing folder: links as links, what is special as a named pipe. */
  writeTo(folder: string): void {
    for (const [path, node] of this.#nodes) {
      const place = join(folder, path);
      mkdirSync(node === 'empty_folder' ? place : dirname(place), { recursive: true });
      if (Buffer.isBuffer(node)) writeFileSync(place, node);
      else if (typeof node === 'object') symlinkSync(node.link, place);
      else if (node === 'special') execFileSync('mkfifo', [place]);
    }
  }
}

const isMark = (content: string): boolean => content === 'special' || content === 'empty_folder';

function describe(node: Node): Pick<TreeEntry, 'kind' | 'bytes'> {
  if (Buffer.isBuffer(node)) return { kind: 'file', bytes: node.byteLength };
  return typeof node === 'object' ? { kind: 'link', bytes: node.link.length } : { kind: node, bytes: 0 };
}
