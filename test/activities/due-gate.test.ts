import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createPinnedDocuments } from '../../src/activities/documents/pinned-documents.js';
import { createPrefixVerifier } from '../../src/activities/proof/verify-prefix.js';
import { ENGINE, runWorkflowId } from '../../src/contracts/names.js';
import {
  type JournalEntry,
  journalBytes,
  parseJournalEntry,
  type VerifiedHead,
} from '../../src/contracts/run/journal.js';
import type { LedgerEntry, LedgerEvent } from '../../src/contracts/run/ledger.js';
import { RULES_VERSION } from '../../src/contracts/run/rules-version.js';
import { ledgerHeadStatement } from '../../src/domain/attest/acts.js';
import { appendEntry, headOf } from '../../src/domain/ledger/ledger-chain.js';
import type { DrivenRun } from '../support/driven-run.js';
import { exampleOutputs } from '../support/gate-outputs.js';
import { outputs } from '../support/scripted-executor.js';
import { type SignedStart, signedStart } from '../support/signed-start.js';
import { makeTestKey, type TestKey } from '../support/signing.js';

const GOOD = exampleOutputs();
const OTHER = '0'.repeat(64);
const NOT_DUE = { code: 'STEP_NOT_DUE', retryable: false };

let start: SignedStart;
let driven: DrivenRun;
beforeEach(async () => {
  start = await signedStart();
  driven = await start.open();
});
afterEach(() => start.repository.remove());

const append = (entry: JournalEntry) =>
  start.repository.ports.store.appendJournal(start.run.run_id, journalBytes(entry));
const because = (why: RegExp) => ({ ...NOT_DUE, message: expect.stringMatching(why) });
const refuse = (work: Promise<unknown>, error: object = NOT_DUE) => expect(work).rejects.toMatchObject(error);

/** The ledger with an event more, or with others, as an attacker without keys would write it. */
function ledgerOf(events: readonly (LedgerEvent & { readonly at: string })[]) {
  const entries: LedgerEntry[] = [];
  for (const { at, ...event } of events) entries.push(appendEntry(headOf(entries), at, event as LedgerEvent));
  return { ledger: { segments: [], entries, head: headOf(entries) } };
}
const eventsOf = (entries: readonly LedgerEntry[]) =>
  entries.map(({ seq: _s, prev: _p, hash: _h, ...event }) => event as LedgerEvent & { at: string });

/** The first gate was carried out and awaits a decision. */
async function firstGateDone(): Promise<void> {
  start.repository.executors.script('nina', outputs(GOOD.P00));
  await driven.step();
}
const headBy = (key: TestKey, parts: Partial<VerifiedHead>): JournalEntry => {
  const { entries, hash } = headOf(driven.entries);
  const step = { purpose: 'gate', gate: 'P00', attempt: 1 } as const;
  const head = { run_id: start.run.run_id, by: ENGINE, ...step, entries, hash, ...parts };
  return { kind: 'head', head, envelope: key.seal(ledgerHeadStatement(head)) };
};

describe('findDueGate', () => {
  test('gives what follows from the ledger, and journals the head that the worker verified', async () => {
    const { gate, attempt } = await driven.start();
    const last = driven.entries.at(-1);
    expect(await driven.dueGate(gate, attempt)).toMatchObject({
      gate: 'P00',
      attempt: 1,
      principal: 'nina',
      inputs: {},
      feedback: [],
      nonce: last?.hash,
      ledger: headOf(driven.entries),
    });
    expect((await driven.journal()).map(({ kind }) => kind)).toEqual(['opened', 'head', 'head']);
    expect((await driven.journal()).at(-1)).toMatchObject({ head: { by: 'nina', hash: last?.hash } });
  });

  test('refuses a workflow that is not the run', async () => {
    const { gate, attempt } = await driven.start();
    await refuse(driven.dueGate(gate, attempt, {}, 'promptos/run/another'), because(/asked for by the workflow/));
    await refuse(driven.dueGate(gate, attempt, {}, ''));
    await refuse(driven.dueGate(gate, attempt, { run_id: 'another' }, 'promptos/run/another'));
  });

  test('refuses a gate that was not started, another gate and another attempt', async () => {
    await refuse(driven.dueGate('P00', 1));
    await driven.start();
    await refuse(driven.dueGate('P01', 1));
    await refuse(driven.dueGate('P00', 2));
  });

  test('refuses a gate that the engine has not signed to be due', async () => {
    driven.apply({ type: 'startGate', gate: 'P00', attempt: 1 });
    await refuse(driven.dueGate('P00', 1));
    await append(headBy(makeTestKey(), {}));
    await append(headBy(start.keys.nina, {}));
    await append(headBy(start.keys.engine, { attempt: 2 }));
    await append(headBy(start.keys.engine, { gate: 'P01' }));
    await append(headBy(start.keys.engine, { purpose: 'close' }));
    await refuse(driven.dueGate('P00', 1), because(/engine has not signed/));
    await append(headBy(start.keys.engine, {}));
    expect(await driven.dueGate('P00', 1)).toMatchObject({ gate: 'P00' });
  });

  test('signs nothing when it refuses', async () => {
    driven.apply({ type: 'startGate', gate: 'P00', attempt: 1 });
    const before = await driven.journal();
    await refuse(driven.dueGate('P00', 1));
    expect(await driven.journal()).toEqual(before);
  });
});

describe('an unsigned past', () => {
  test('invented feedback', async () => {
    await firstGateDone();
    const decision = { kind: 'rejection', from_gate: 'P00', by: 'grace', text: 'push to main' } as const;
    const at = driven.entries.at(-1)?.at ?? '';
    const invented = [
      ...eventsOf(driven.entries),
      { type: 'gateSentBack', to_gate: 'P00', feedback: [decision], voided: [{ gate: 'P00', attempt: 1 }], at },
      { type: 'gateStarted', gate: 'P00', attempt: 2, principal: 'nina', at },
    ] as (LedgerEvent & { at: string })[];
    await refuse(driven.dueGate('P00', 2, ledgerOf(invented)), because(/FOLD_DIFFERS/));
  });

  test('a decision without a signature', async () => {
    await firstGateDone();
    const { gates } = driven.state;
    const [gate] = gates;
    const decision = {
      decision_id: 'forged',
      run_id: start.run.run_id,
      gate: 'P00' as const,
      attempt: 1,
      request_id: gate?.request?.request_id ?? '',
      output_sha256: gate?.current?.output_sha256 ?? '',
      policy_sha256: start.run.policy_sha256,
      actor: 'grace',
      choice: 'approve' as const,
    };
    const at = driven.entries.at(-1)?.at ?? '';
    const forged = [
      ...eventsOf(driven.entries),
      { type: 'decisionCounted', decision, envelope: null, at },
      { type: 'gatePassed', gate: 'P00', attempt: 1, approved_by: ['grace'], at },
      { type: 'gateStarted', gate: 'P01', attempt: 1, principal: 'nina', at },
    ] as (LedgerEvent & { at: string })[];
    await refuse(driven.dueGate('P01', 1, ledgerOf(forged)), because(/DECISION_REFUSED/));
  });

  test.each<[string, (plan: Record<string, unknown>) => object]>([
    ['takes unsigned decisions', (plan) => ({ ...plan, authentication: 'optional' })],
    ['takes unsigned results', (plan) => ({ ...plan, attestations: 'optional' })],
    ['has another writer', (plan) => ({ ...plan, principals: { ...(plan.principals as object), writer: 'vera' } })],
    ['is judged by the rules of before journals', (plan) => ({ ...plan, rules_version: 1 })],
    ['was made by the rules of before journals', ({ rules_version: _version, engine_keys: _keys, ...plan }) => plan],
    ['has another key of the engine', (plan) => ({ ...plan, engine_keys: [makeTestKey().pinned] })],
  ])('a plan that %s', async (_, change) => {
    const { gate, attempt } = await driven.start();
    const events = eventsOf(driven.entries).map((event) =>
      event.type === 'runOpened' ? { ...event, plan: change(event.plan) } : event,
    ) as (LedgerEvent & { at: string })[];
    await refuse(
      driven.dueGate(gate, attempt, ledgerOf(events)),
      because(/FOLD_DIFFERS|its plan is not the one|before runs had a journal/),
    );
  });

  test('a request that its developer did not sign', async () => {
    const { gate, attempt } = await driven.start();
    const events = eventsOf(driven.entries).map((event) =>
      event.type === 'runOpened' ? { ...event, run: { ...event.run, request_attestation_sha256: null } } : event,
    ) as (LedgerEvent & { at: string })[];
    await refuse(driven.dueGate(gate, attempt, ledgerOf(events)), because(/not signed|REQUEST_NOT_SIGNED|signed/));
  });

  test('another chain of executions than the one that has the run id', async () => {
    const { gate, attempt } = await driven.start();
    const events = eventsOf(driven.entries).map((event) =>
      event.type === 'runOpened'
        ? { ...event, workflow: { ...event.workflow, first_execution_run_id: 'another' } }
        : event,
    ) as (LedgerEvent & { at: string })[];
    await refuse(driven.dueGate(gate, attempt, ledgerOf(events)), because(/was not opened by this run/));
  });

  test('another opening in the journal than the one with which the same past was verified', async () => {
    const { store } = start.repository.ports;
    const { run_id } = start.run;
    let journal = await store.readJournal(run_id);
    const objects = { readObject: store.readObject, readJournal: async (_: string, from = 0) => journal.slice(from) };
    const verifier = createPrefixVerifier(objects, createPinnedDocuments(objects));
    const ledger = { segments: [], entries: [...driven.entries], head: headOf(driven.entries) };
    const verify = () => verifier.verify(run_id, runWorkflowId(run_id), ledger);
    await verify();
    const opened = parseJournalEntry(journal[0] as Uint8Array);
    journal = [journalBytes({ ...opened, first_execution_run_id: 'another' } as JournalEntry)];
    await refuse(verify(), because(/was not opened by this run/));
  });

  test('a ledger that does not lead to its head', async () => {
    const { gate, attempt } = await driven.start();
    const ledger = { ...driven.ledger(), head: { entries: driven.entries.length, hash: OTHER } };
    await refuse(driven.dueGate(gate, attempt, { ledger }), { code: 'LEDGER_BROKEN' });
  });
});

describe('rules that are newer than the worker', () => {
  const NEWER = { code: 'RULES_VERSION_UNKNOWN', retryable: true };

  /** The past of a run that a newer release opened, with something in its plan that this release does not know. */
  function openedByNewerRelease(more: object = {}) {
    const events = eventsOf(driven.entries).map((event) =>
      event.type === 'runOpened'
        ? { ...event, plan: { ...event.plan, rules_version: RULES_VERSION + 1, ...more } }
        : event,
    ) as (LedgerEvent & { at: string })[];
    return ledgerOf(events);
  }

  test.each([
    ['of the known shape', {}],
    ['of another shape', { of_a_later_release: true }],
  ])('a gate under a plan %s is left to another worker, and nothing is signed', async (_, more) => {
    const { gate, attempt } = await driven.start();
    const before = await driven.journal();
    const versions = new RegExp(`version ${RULES_VERSION + 1} of the rules.*up to version ${RULES_VERSION}`);
    await refuse(driven.dueGate(gate, attempt, openedByNewerRelease(more)), {
      ...NEWER,
      message: expect.stringMatching(versions),
    });
    expect(await driven.journal()).toEqual(before);
  });

  test('so are the steps of the engine', async () => {
    const { gate, attempt } = await driven.start();
    const before = await driven.journal();
    await refuse(driven.sync({ purpose: 'gate', gate, attempt, ...openedByNewerRelease() }), NEWER);
    await refuse(driven.sync({ purpose: 'save', ...openedByNewerRelease() }), NEWER);
    expect(await driven.journal()).toEqual(before);
  });
});

describe('FORK', () => {
  test('a head of another past in the journal before the engine signed', async () => {
    await append(headBy(start.keys.nina, { by: 'nina', hash: OTHER, purpose: 'gate', gate: 'P00', attempt: 1 }));
    driven.apply({ type: 'startGate', gate: 'P00', attempt: 1 });
    await append(headBy(start.keys.engine, {}));
    await refuse(driven.dueGate('P00', 1), { code: 'FORK', retryable: false });
  });

  test('one that was journalled behind the word of the engine does not stop this step', async () => {
    const { gate, attempt } = await driven.start();
    await append(headBy(start.keys.engine, { hash: OTHER, purpose: 'close', gate: null, attempt: 0 }));
    expect(await driven.dueGate(gate, attempt)).toMatchObject({ gate });
  });
});
