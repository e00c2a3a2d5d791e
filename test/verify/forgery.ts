import { sha256Hex } from '../../src/contracts/digest.js';
import type { RunRecord } from '../../src/contracts/record/run-record.js';
import type { LedgerEntry, LedgerEvent } from '../../src/contracts/run/ledger.js';
import { appendEntry, EMPTY_LEDGER, headOf, ledgerLines } from '../../src/domain/ledger/ledger-chain.js';

/** A tree that a test changes as an attacker with the files, and perhaps some keys, could. */
export class Forgery {
  readonly files: Map<string, Uint8Array>;

  constructor(genuine: ReadonlyMap<string, Uint8Array>) {
    this.files = new Map(genuine);
  }

  text(path: string): string {
    const bytes = this.files.get(path);
    if (bytes === undefined) throw new Error(`the tree has no ${path}`);
    return new TextDecoder().decode(bytes);
  }

  put(path: string, text: string): this {
    this.files.set(path, new TextEncoder().encode(text));
    return this;
  }

  /** Changes a file's text; the change must change something. */
  edit(path: string, change: (text: string) => string): this {
    const before = this.text(path);
    const after = change(before);
    if (after === before) throw new Error(`nothing changed in ${path}`);
    return this.put(path, after);
  }

  json<T>(path: string, change: (value: T) => void): this {
    return this.edit(path, (text) => {
      const value = JSON.parse(text);
      change(value);
      return `${JSON.stringify(value, null, 2)}\n`;
    });
  }

  record(change: (record: RunRecord) => void): this {
    return this.json('run_record.json', change);
  }

  /** Lists every file again with its digest and size, as an attacker without keys can. */
  relist(): this {
    return this.record((record) => {
      for (const ref of record.artifacts) {
        const bytes = this.files.get(ref.path);
        if (bytes !== undefined) Object.assign(ref, { sha256: sha256Hex(bytes), bytes: bytes.byteLength });
      }
    });
  }

  entries(): LedgerEntry[] {
    return this.text('evidence/ledger.jsonl')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  }

  /** Rewrites the ledger's events and chains them again, record included. */
  ledger(change: (events: (LedgerEvent & { at: string })[]) => (LedgerEvent & { at: string })[]): this {
    const events = this.entries().map(({ seq: _seq, prev: _prev, hash: _hash, ...event }) => event);
    const chained: LedgerEntry[] = [];
    for (const { at, ...event } of change(structuredClone(events))) {
      chained.push(appendEntry(chained.length === 0 ? EMPTY_LEDGER : headOf(chained), at, event as LedgerEvent));
    }
    this.put('evidence/ledger.jsonl', ledgerLines(chained));
    const head = headOf(chained);
    return this.record((record) => {
      record.ledger.entries = head.entries;
      record.ledger.head = head.hash;
    });
  }

  /** Changes the first event of a type. */
  event<T extends LedgerEvent['type']>(type: T, change: (event: Extract<LedgerEvent, { type: T }>) => void): this {
    return this.ledger((events) => {
      const found = events.find((event) => event.type === type);
      if (found === undefined) throw new Error(`the ledger has no ${type}`);
      change(found as unknown as Extract<LedgerEvent, { type: T }>);
      return events;
    });
  }
}
