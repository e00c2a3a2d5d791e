import { describe, expect, test } from 'vitest';
import type { GateClaim } from '../../../src/contracts/run/gate-claim.js';
import type { JournalEntry } from '../../../src/contracts/run/journal.js';
import { gateClaimStatement } from '../../../src/domain/attest/acts.js';
import { heldClaim } from '../../../src/domain/ledger/gate-claims.js';
import { makeTestKey } from '../../support/signing.js';

const nina = makeTestKey();
const nonce = 'a'.repeat(64);
const step = { run_id: 'run-one', principal: 'nina', nonce, started_at: '2026-01-02T00:00:00.000Z' };
const hour = (number: number): string => `2026-01-02T${String(number).padStart(2, '0')}:00:00.000Z`;

function entry(parts: Partial<GateClaim>, key = nina): { readonly entry: JournalEntry } {
  const claim: GateClaim = {
    ...{ run_id: 'run-one', gate: 'P03', attempt: 1, principal: 'nina', nonce, claimant: 'nina@desk' },
    ...{ action: 'claim', at: hour(1), until: hour(9), ...parts },
  };
  return { entry: { kind: 'claim', claim, envelope: key.seal(gateClaimStatement(claim)) } };
}
const held = (entries: readonly { readonly entry: JournalEntry | null }[], at = hour(3), key = nina) =>
  heldClaim(entries, step, [key.pinned], at)?.claimant ?? null;

describe('heldClaim', () => {
  test('the first claim holds, until it ends or is released', () => {
    const first = entry({});
    const second = entry({ claimant: 'nina@laptop', at: hour(2), until: hour(12) });
    expect(held([first, second])).toBe('nina@desk');
    expect(held([first], hour(9))).toBeNull();
    expect(held([first, entry({ action: 'release', at: hour(2) })])).toBeNull();
    expect(held([first, entry({ action: 'release', at: hour(1) }), second])).toBe('nina@laptop');
    expect(held([first, entry({ claimant: 'nina@laptop', at: hour(10), until: hour(12) })], hour(11))).toBe(
      'nina@laptop',
    );
  });

  test('a claimant prolongs the own claim, and releases that of no other', () => {
    const first = entry({});
    expect(held([first, entry({ at: hour(8), until: hour(16) })], hour(10))).toBe('nina@desk');
    expect(held([first, entry({ claimant: 'nina@laptop', action: 'release', at: hour(2) })])).toBe('nina@desk');
  });

  test('an entry that is appended again changes nothing: neither a claim after its release nor a release after the next claim', () => {
    const [claim, release] = [entry({}), entry({ action: 'release', at: hour(2) })];
    expect(held([claim, release, claim])).toBeNull();
    const second = entry({ claimant: 'nina@desk', at: hour(3) });
    expect(held([claim, release, second, release], hour(4))).toBe('nina@desk');
  });

  test('a claim of another key, another attempt, another run or with other words holds nothing', () => {
    expect(held([entry({}, makeTestKey())])).toBeNull();
    expect(held([entry({})], hour(3), makeTestKey())).toBeNull();
    expect(held([entry({ nonce: 'b'.repeat(64) })])).toBeNull();
    expect(held([entry({ run_id: 'run-two' })])).toBeNull();
    expect(held([entry({ principal: 'vera' })])).toBeNull();
    const { entry: genuine } = entry({});
    if (genuine.kind !== 'claim') expect.unreachable('a claim');
    const changed: JournalEntry = { ...genuine, claim: { ...genuine.claim, claimant: 'mallory' } };
    expect(held([{ entry: changed }])).toBeNull();
  });

  test('a key that had ended before the claim was made does not count', () => {
    const ended = { ...nina, pinned: { ...nina.pinned, valid_until: hour(1) } };
    expect(held([entry({})], hour(3), ended)).toBeNull();
  });
});
