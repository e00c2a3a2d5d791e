import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { tracedDecisions } from '../../../../src/cli/audit/trace/trace.js';
import { type LedgerEntry, parseLedgerEntry } from '../../../../src/contracts/run/ledger.js';

/** The ledger of a recorded run. */
const ledgerOf = (tree: string): readonly LedgerEntry[] =>
  readFileSync(new URL(`../../../vectors/trees/${tree}/evidence/ledger.jsonl`, import.meta.url), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => parseLedgerEntry(JSON.parse(line)));

test('tracedDecisions: a cancelled run shows who cancelled it, and whether the signature holds', () => {
  const ledger = ledgerOf('cancelled-signed');
  const traced = { kind: 'cancellation', about: 'run', choice: 'cancel', actor: 'ada' };
  expect(tracedDecisions(ledger)).toMatchObject([{ ...traced, signature: 'valid' }]);
  const changed = ledger.map((entry) =>
    entry.type === 'cancellationCounted'
      ? { ...entry, cancellation: { ...entry.cancellation, reason: 'Another.' } }
      : entry,
  );
  expect(tracedDecisions(changed)).toMatchObject([{ ...traced, signature: 'invalid' }]);
});

test("tracedDecisions: Temporal's own cancellation is no decision of anybody", () => {
  expect(tracedDecisions(ledgerOf('cancelled'))).toEqual([]);
});
