import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LedgerEntry, LedgerEvent } from '../../../src/contracts/run/ledger.js';
import { appendEntry, checkChain, EMPTY_LEDGER, headOf, ledgerLines } from '../../../src/domain/ledger/ledger-chain.js';

const reminded = (request_id: string): LedgerEvent => ({ type: 'reminded', request_id });

function chain(...requests: readonly string[]): LedgerEntry[] {
  const entries: LedgerEntry[] = [];
  for (const [index, request] of requests.entries()) {
    entries.push(appendEntry(headOf(entries), `2026-01-02T03:04:0${index + 5}.000Z`, reminded(request)));
  }
  return entries;
}

describe('ledger chain', () => {
  test('appendEntry: hashes the RFC 8785 form of the entry, as an independent program computed it', () => {
    const first = appendEntry(EMPTY_LEDGER, '2026-01-02T03:04:05.006Z', reminded('P03.1.1'));
    const second = appendEntry(headOf([first]), '2026-01-02T03:04:06.000Z', reminded('E1.1'));
    expect(first.hash).toBe('497fd76408423c1c910acda9ba1a30f14a188d149f1129df5e7b9a4fb60a1694');
    expect(second.hash).toBe('b0026881c12615e320cc297ae036d90738b5d6f5addc6f341802d1936d10e20c');
    expect(second).toMatchObject({ seq: 1, prev: first.hash });
  });

  test('headOf: the head of nothing is the empty ledger', () => {
    expect(headOf([])).toBe(EMPTY_LEDGER);
    expect(EMPTY_LEDGER).toEqual({ entries: 0, hash: '0'.repeat(64) });
  });

  test('checkChain: accepts what was appended, in whole and from a head on', () => {
    const entries = chain('a', 'b', 'c', 'd');
    expect(checkChain(entries, EMPTY_LEDGER)).toEqual({ ok: true, head: headOf(entries) });
    expect(checkChain(entries.slice(2), headOf(entries.slice(0, 2)))).toEqual({ ok: true, head: headOf(entries) });
    expect(checkChain([], EMPTY_LEDGER)).toEqual({ ok: true, head: EMPTY_LEDGER });
  });

  test('checkChain: names the first entry that was changed, left out, exchanged or put in', () => {
    const entries = chain('a', 'b', 'c', 'd') as [LedgerEntry, LedgerEntry, LedgerEntry, LedgerEntry];
    const [a, b, c, d] = entries;
    const changed = { ...b, request_id: 'x' } as LedgerEntry;
    expect(checkChain([a, changed, c, d], EMPTY_LEDGER)).toMatchObject({ ok: false, seq: 1 });
    expect(checkChain([a, { ...b, at: a.at }, c, d], EMPTY_LEDGER)).toMatchObject({ ok: false, seq: 1 });
    expect(checkChain([a, c, d], EMPTY_LEDGER)).toMatchObject({ ok: false, seq: 1 });
    expect(checkChain([a, c, b, d], EMPTY_LEDGER)).toMatchObject({ ok: false, seq: 1 });
    expect(checkChain([a, b, b, c, d], EMPTY_LEDGER)).toMatchObject({ ok: false, seq: 2 });
    expect(checkChain([b, c, d], EMPTY_LEDGER)).toMatchObject({ ok: false, seq: 0 });
    const forged = appendEntry({ entries: 1, hash: 'e'.repeat(64) }, b.at, reminded('b'));
    expect(checkChain([a, forged], EMPTY_LEDGER)).toMatchObject({ ok: false, seq: 1 });
  });

  test('checkChain: no change of one character of a line goes unnoticed', () => {
    const lines = ledgerLines(chain('a', 'b'));
    fc.assert(
      fc.property(fc.nat(lines.length - 1), fc.constantFrom('0', '9', 'a', 'z'), (at, character) => {
        fc.pre(lines[at] !== character && lines[at] !== '\n');
        const parsed = parse(`${lines.slice(0, at)}${character}${lines.slice(at + 1)}`);
        fc.pre(parsed !== null);
        const check = checkChain(parsed as LedgerEntry[], EMPTY_LEDGER);
        expect(check).not.toEqual({ ok: true, head: headOf(chain('a', 'b')) });
      }),
    );
  });

  test('ledgerLines: one canonical JSON a line', () => {
    const [entry] = chain('a');
    const { at, hash, prev } = entry as LedgerEntry;
    expect(ledgerLines([entry as LedgerEntry])).toBe(
      `{"at":"${at}","hash":"${hash}","prev":"${prev}","request_id":"a","seq":0,"type":"reminded"}\n`,
    );
    expect(ledgerLines([])).toBe('');
  });
});

function parse(lines: string): LedgerEntry[] | null {
  try {
    return lines
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  } catch {
    return null;
  }
}
