import { describe, expect, test } from 'vitest';
import type { LedgerEntry, LedgerEvent } from '../../../src/contracts/run/ledger.js';
import { closedLedger } from '../../../src/domain/ledger/closed-ledger.js';
import { appendEntry, headOf } from '../../../src/domain/ledger/ledger-chain.js';
import { authenticationOf, signedActs } from '../../../src/domain/ledger/signed-acts.js';
import { buildPromptSession, sessionOfRun } from '../../../src/domain/record/prompt-session.js';
import {
  attestationPaths,
  bundleText,
  envelopeText,
  isAttestationFile,
  isSealFile,
} from '../../../src/domain/record/published-tree.js';
import { buildRunRecord } from '../../../src/domain/record/run-record.js';
import { finishedRun } from '../../support/finished-run.js';
import { memoryStore } from '../../support/memory-store.js';
import { signedFinishedRun } from '../../support/signed-finished-run.js';
import { makeTestKey } from '../../support/signing.js';

function rewritten(entries: readonly LedgerEntry[], change: (event: LedgerEvent) => LedgerEvent): LedgerEntry[] {
  const all: LedgerEntry[] = [];
  for (const { seq: _s, prev: _p, hash: _h, at, ...event } of entries) {
    all.push(appendEntry(headOf(all), at, change(event)));
  }
  return all;
}

const person = (envelope: LedgerEvent & { type: 'escalationOpened' }): LedgerEvent => ({
  ...envelope,
  report: { ...envelope.report, trigger: 'person' },
});

describe('signedActs', () => {
  test('contains every envelope of the ledger at its place, and nothing unsigned', async () => {
    const { entries } = await signedFinishedRun(memoryStore());
    const seqOf = (type: LedgerEntry['type']) => entries.filter((entry) => entry.type === type).map(({ seq }) => seq);
    const expected = [
      ...[...seqOf('decisionCounted'), ...seqOf('escalationResolved')].map(attestationPaths.decision),
      ...['P01.1', 'P03.1', 'P03.2', 'P05.1', 'P05.2', 'P06.1', 'P06.2'].map(
        (name) => `evidence/attestations/${name}.dsse.json`,
      ),
    ];
    expect(
      signedActs(entries)
        .map(({ path }) => path)
        .sort(),
    ).toEqual(expected.sort());
    expect(signedActs((await finishedRun(memoryStore())).entries)).toEqual([]);
  });
});

describe('authenticationOf', () => {
  test('signed when every act of people was', async () => {
    expect(authenticationOf((await signedFinishedRun(memoryStore())).entries)).toBe('signed');
  });

  test('none for an unsigned run', async () => {
    expect(authenticationOf((await finishedRun(memoryStore())).entries)).toBe('none');
  });

  test.each<[string, (event: LedgerEvent) => LedgerEvent]>([
    [
      'request',
      (event) => (event.type === 'runOpened' ? { ...event, plan: { ...event.plan, request_signed_by: null } } : event),
    ],
    ['resolution', (event) => (event.type === 'escalationResolved' ? { ...event, envelope: null } : event)],
    [
      'decision',
      (event) =>
        event.type === 'decisionCounted' && event.decision.gate === 'P06' ? { ...event, envelope: null } : event,
    ],
    ["person's escalation", (event) => (event.type === 'escalationOpened' ? person(event) : event)],
  ])('mixed when one %s was not signed', async (_, change) => {
    const { entries } = await signedFinishedRun(memoryStore());
    expect(authenticationOf(rewritten(entries, change))).toBe('mixed');
  });
});

test('buildRunRecord: names the key of everyone who signed, beside what was signed', async () => {
  const run = await signedFinishedRun(memoryStore());
  const { session } = buildPromptSession(sessionOfRun(closedLedger(run.entries), ''));
  const { ada, grace, quill, lens, engine } = run.keys;
  const record = buildRunRecord({
    ...run,
    ledger: closedLedger(run.entries),
    artifacts: [],
    session,
    sealedBy: engine.key.keyid,
  });
  expect(record).toMatchObject({
    authentication: 'signed',
    attestations: 'required',
    request_signed_by: ada.key.keyid,
    sealed_by: engine.key.keyid,
    roles: {
      writer: { principal: 'quill', keyids: [quill.key.keyid], executors: [{ principal: 'quill' }] },
      verifier: { principal: 'lens', keyids: [lens.key.keyid] },
      reviewer: { principal: 'fox', keyids: [] },
      integrator: [{ principal: 'grace', keyids: [grace.key.keyid] }],
    },
    escalations: [{ signed_by: null, resolution: { signed_by: grace.key.keyid } }],
  });
  const attempts = record.gates.flatMap(({ attempts }) => attempts);
  expect(attempts.map(({ signed_by }) => signed_by)).toEqual([
    ...Array.from({ length: 5 }, () => quill.key.keyid),
    ...Array.from({ length: 2 }, () => lens.key.keyid),
  ]);
  const decisions = attempts.flatMap(({ decisions }) => decisions);
  expect(decisions.every(({ signed_by }) => signed_by === grace.key.keyid)).toBe(true);
});

describe('attestation files', () => {
  const envelope = makeTestKey().seal({ a: 1 });

  test('envelopeText: two-space JSON with one newline, whatever the order of members was', () => {
    const { payloadType, payload, signatures } = envelope;
    const text = envelopeText({ signatures, payload, payloadType });
    expect(text).toBe(`${JSON.stringify({ payloadType, payload, signatures }, null, 2)}\n`);
  });

  test('bundleText: one canonical line each, in the order of file names', () => {
    const other = makeTestKey().seal({ b: 2 });
    const text = bundleText([
      { path: 'z', envelope },
      { path: 'B', envelope: other },
    ]);
    const lines = text.split('\n');
    expect(lines.pop()).toBe('');
    expect(lines.map((line) => JSON.parse(line))).toEqual([other, envelope]);
    expect(lines[0]).toMatch(/^\{"payload":/);
  });

  test('the files that a record cannot list are distinguished from those that it lists', () => {
    const { runRecord, ledgerSeal, bundle, runRequest } = attestationPaths;
    expect([runRecord, ledgerSeal, bundle, runRequest].map(isSealFile)).toEqual([true, true, true, false]);
    expect([runRecord, bundle, runRequest, 'evidence/x.dsse.json'].map(isAttestationFile)).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });
});
