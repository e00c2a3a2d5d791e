import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createPinnedDocuments } from '../../../src/activities/documents/pinned-documents.js';
import { createFinalise } from '../../../src/activities/finalise.js';
import { resumeRun } from '../../../src/activities/index.js';
import { headEntry } from '../../../src/activities/proof/run-journal.js';
import { endJournal, syncJournal } from '../../../src/activities/proof/sync-journal.js';
import { createPrefixVerifier, type PrefixVerifier } from '../../../src/activities/proof/verify-prefix.js';
import { canonicalSha256 } from '../../../src/contracts/json.js';
import { ENGINE } from '../../../src/contracts/names.js';
import { journalBytes } from '../../../src/contracts/run/journal.js';
import { cancellationStatement, decisionStatement, escalationStatement } from '../../../src/domain/attest/acts.js';
import { appendEntry, headOf } from '../../../src/domain/ledger/ledger-chain.js';
import type { Command } from '../../../src/domain/run/commands.js';
import { carriedState } from '../../../src/domain/run/run-state.js';
import { DrivenRun } from '../../support/driven-run.js';
import { exampleOutputs } from '../../support/gate-outputs.js';
import { outputs } from '../../support/scripted-executor.js';
import { signerOfKey } from '../../support/signed-finished-run.js';
import { type SignedStart, signedStart } from '../../support/signed-start.js';
import { makeTestKey } from '../../support/signing.js';

const GOOD = exampleOutputs();
const NOT_DUE = { code: 'STEP_NOT_DUE', retryable: false };

let start: SignedStart;
let driven: DrivenRun;
beforeEach(async () => {
  start = await signedStart();
  driven = await start.open();
});
afterEach(() => start.repository.remove());

const kinds = async () =>
  (await driven.journal()).map((entry) =>
    entry.kind === 'head' ? `${entry.head.by} ${entry.head.purpose}` : entry.kind,
  );

/** A message that Ada signed. */
const stop = (issue = 'Wait.', decision_id = 'stop-1') => {
  const times = { decided_at: '2026-01-02T00:00:02.000Z', expires_at: '2026-02-01T00:00:00.000Z' };
  const said = { actor: 'ada', run_id: start.run.run_id, decision_id, issue, ...times };
  return start.keys.ada.seal(escalationStatement(said, start.run.policy_sha256));
};
/** A cancellation, and as Ada signed it. */
const cancelling = () => {
  const { run_id, policy_sha256 } = start.run;
  const cancellation = { decision_id: 'c-1', run_id, policy_sha256, actor: 'ada', reason: 'Wrong branch.' };
  const times = { decided_at: '2026-01-02T00:00:02.000Z', expires_at: '2026-02-01T00:00:00.000Z' };
  return { cancellation, signed: start.keys.ada.seal(cancellationStatement({ ...cancellation, ...times })) };
};
const journalled = (envelope: ReturnType<typeof stop>) =>
  start.repository.ports.store.appendJournal(
    start.run.run_id,
    journalBytes({ kind: 'message', message: 'escalation', envelope }),
  );

/** As the run's own workflow asks, of a worker that differs from the others in its ports. */
const syncWith = (ports: Parameters<typeof syncJournal>[0], verifier: PrefixVerifier) => {
  const step = { purpose: 'save', gate: null, attempt: 0 } as const;
  const asked = { run_id: start.run.run_id, ...step, ledger: driven.ledger() };
  return syncJournal(ports, verifier, asked, { workflowId: driven.workflowId, isLocal: true });
};

describe('syncJournal', () => {
  test('saves what is new, and signs the step that is due', async () => {
    const first = await driven.sync();
    expect(first).toMatchObject({ segment: { entries: 1 }, fork: null });
    expect(await kinds()).toEqual(['opened']);
    expect(await driven.sync({ purpose: 'gate', gate: 'P00', attempt: 1 })).toEqual({ segment: null, fork: null });
    expect(await kinds()).toEqual(['opened', 'engine gate']);
  });

  test('a store that is not mounted is no proof that the step is not due', async () => {
    const { store } = start.repository.ports;
    let mounted = true;
    const readJournal: typeof store.readJournal = async (...asked) => (mounted ? store.readJournal(...asked) : []);
    const readObject: typeof store.readObject = (sha256) => store.readObject(mounted ? sha256 : '0'.repeat(64));
    const ports = { ...start.repository.ports, store: { ...store, readJournal, readObject } };
    const verifier = createPrefixVerifier(ports.store, createPinnedDocuments(ports.store));
    const sync = () => syncWith(ports, verifier);
    await sync();
    mounted = false;
    await expect(sync()).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND' });
    mounted = true;
    expect(await sync()).toMatchObject({ fork: null });
  });

  test('a policy that is not trusted any more ends what the engine itself has opened, and nothing else', async () => {
    start.repository.trusted.clear();
    expect(await driven.sync()).toMatchObject({ fork: null });
    const other = makeTestKey();
    const { signers } = start.repository.ports;
    const another = { ...signers, forEngine: () => signerOfKey(other) };
    const ports = { ...start.repository.ports, signers: another };
    const refused = { code: 'POLICY_NOT_TRUSTED' };
    await expect(syncWith(ports, driven.newVerifier())).rejects.toMatchObject(refused);
    const finalise = createFinalise(ports, driven.newVerifier());
    const published = finalise({ run_id: start.run.run_id, ledger: driven.ledger() }, driven.workflowId);
    await expect(published).rejects.toMatchObject(refused);
  });

  test('is refused to everything but a local activity of the run itself', async () => {
    await expect(driven.sync({}, { isLocal: false })).rejects.toMatchObject(NOT_DUE);
    await expect(driven.sync({}, { workflowId: 'promptos/run/another' })).rejects.toMatchObject(NOT_DUE);
    expect(await kinds()).toEqual(['opened']);
  });

  test('signs no gate but the one that is due, and no closing while there is something to do', async () => {
    for (const step of [
      { purpose: 'gate', gate: 'P01', attempt: 1 },
      { purpose: 'gate', gate: 'P00', attempt: 2 },
      { purpose: 'gate', gate: null, attempt: 0 },
      { purpose: 'close', gate: null, attempt: 0 },
    ] as const) {
      await expect(driven.sync(step)).rejects.toMatchObject(NOT_DUE);
    }
    expect(await driven.sync({ purpose: 'gate', gate: 'P00', attempt: 1 })).toMatchObject({ fork: null });
  });

  test('journals a signed message that came past the clients, once', async () => {
    driven.apply({ type: 'message', kind: 'escalation', content: stop() });
    await driven.sync();
    await driven.sync();
    expect(await kinds()).toEqual(['opened', 'message']);
  });

  test('journals it also when it is in the journal as another kind, which is ignored', async () => {
    const envelope = stop();
    await start.repository.ports.store.appendJournal(
      start.run.run_id,
      journalBytes({ kind: 'message', message: 'decision', envelope }),
    );
    driven.apply({ type: 'message', kind: 'escalation', content: envelope });
    await driven.sync();
    const messages = (await driven.journal()).flatMap((entry) => (entry.kind === 'message' ? [entry.message] : []));
    expect(messages).toEqual(['decision', 'escalation']);
  });

  test('says what is missing and signs nothing; a message may still arrive', async () => {
    await journalled(stop());
    expect(await driven.sync()).toMatchObject({
      fork: { missing: ['an escalation by ada: Wait.'], may_arrive: true, fork: { journal_entries: 2, missing: 1 } },
    });
    expect(await kinds()).toEqual(['opened', 'message']);
    driven.apply({ type: 'message', kind: 'escalation', content: stop() });
    expect(await driven.sync()).toMatchObject({ fork: null });
  });

  test('journals what came past the clients with a fork too, so that a Reset does not lose it', async () => {
    await journalled(stop('Forgotten.', 'stop-0'));
    driven.apply({ type: 'message', kind: 'escalation', content: stop() });
    expect(await driven.sync()).toMatchObject({ fork: { fork: { journal_entries: 2, missing: 1 } } });
    expect(await kinds()).toEqual(['opened', 'message', 'message']);
  });

  test('a cancellation that a Reset dropped is missing; an unsigned one makes the past refused', async () => {
    const { cancellation, signed } = cancelling();
    const { store } = start.repository.ports;
    await store.appendJournal(
      start.run.run_id,
      journalBytes({ kind: 'message', message: 'cancellation', envelope: signed }),
    );
    expect(await driven.sync()).toMatchObject({ fork: { missing: ['a cancellation by ada: Wrong branch.'] } });

    const [opening] = driven.entries;
    if (opening === undefined) throw new Error('expected an opening');
    const events = [
      { type: 'cancellationCounted', cancellation, envelope: null },
      { type: 'runClosed', outcome: 'cancelled', reason: 'Wrong branch.', refusals_counted: {} },
    ] as const;
    const entries = [opening];
    for (const event of events) entries.push(appendEntry(headOf(entries), opening.at, event));
    const forged = { segments: [], entries, head: headOf(entries) };
    await expect(driven.sync({ purpose: 'end', ledger: forged })).rejects.toMatchObject({
      ...NOT_DUE,
      message: expect.stringContaining('CANCELLATION_REFUSED'),
    });
    driven.apply({ type: 'message', kind: 'cancellation', content: signed });
    expect(await driven.sync({ purpose: 'end' })).toMatchObject({ fork: null });
  });

  test('a head of a past that was reset can not arrive any more', async () => {
    start.repository.executors.script('nina', outputs(GOOD.P00));
    await driven.step();
    await driven.sync();
    // As after a Reset to before the gate: the same opening, and nothing of what came then.
    const opening = driven.entries.slice(0, 1);
    const ledger = { segments: [], entries: opening, head: { entries: 1, hash: opening[0]?.hash ?? '' } };
    const { fork } = await driven.sync({ ledger });
    expect(fork).toMatchObject({ may_arrive: false });
    expect(fork?.missing.join()).toContain('verified by nina');
  });

  test('goes on after a fork that a signed resolution answered', async () => {
    await journalled(stop());
    const found = await driven.sync();
    expect(found.fork).not.toBeNull();
    await driven.raiseFork();
    driven.answer();
    expect(driven.state.escalations).toEqual([]);
    expect(await driven.sync()).toMatchObject({ fork: null });
  });
});

describe('resumeRun', () => {
  const resume = (parts: object = {}, asking: object = {}) =>
    resumeRun(
      driven.newVerifier(),
      {
        run: start.run,
        first_execution_run_id: 'first-execution',
        ledger: driven.ledger(),
        state_sha256: canonicalSha256(carriedState(driven.state)),
        ...parts,
      },
      { workflowId: driven.workflowId, isLocal: true, ...asking },
    );

  test('takes the state that the ledger leads to', async () => {
    await driven.sync();
    await expect(resume()).resolves.toBeUndefined();
  });

  test.each<[string, object, object]>([
    ['another state', { state_sha256: '0'.repeat(64) }, {}],
    ['another chain of executions', { first_execution_run_id: 'second' }, {}],
    ['another workflow', {}, { workflowId: 'promptos/run/another' }],
    ['an activity that anybody scheduled', {}, { isLocal: false }],
  ])('refuses %s', async (_, parts, asking) => {
    await expect(resume(parts, asking)).rejects.toMatchObject(NOT_DUE);
  });

  test('refuses another input', async () => {
    await expect(resume({ run: { ...start.run, developer: 'grace' } })).rejects.toMatchObject(NOT_DUE);
  });
});

describe('endJournal', () => {
  test('ends the journal once, with late messages in it', async () => {
    driven.apply({ type: 'cancel' });
    await journalled(stop());
    expect(await driven.sync({ purpose: 'end' })).toMatchObject({ fork: null });
    expect(await kinds()).toEqual(['opened', 'message', 'engine end']);
    await journalled(stop('too late'));
    await driven.sync({ purpose: 'end' });
    expect(await kinds()).toEqual(['opened', 'message', 'engine end', 'message']);
  });

  test('journals a signed cancellation that came past the clients before the end', async () => {
    driven.apply({ type: 'message', kind: 'cancellation', content: cancelling().signed });
    await driven.sync({ purpose: 'end' });
    expect(await kinds()).toEqual(['opened', 'message', 'engine end']);
  });

  test('signs no end of a run that goes on', async () => {
    await expect(driven.sync({ purpose: 'end' })).rejects.toMatchObject(NOT_DUE);
    expect(await kinds()).toEqual(['opened']);
  });

  /** The run as if every gate had passed: what of it is verified is not the subject here. */
  const approved = async () => {
    const prefix = await driven.newVerifier().verify(start.run.run_id, driven.workflowId, driven.ledger());
    const closing = { type: 'runClosed', outcome: 'approved', reason: 'all', refusals_counted: {} } as const;
    const last = appendEntry(headOf(prefix.entries), '2026-01-02T01:00:00.000Z', closing);
    return endJournal(start.repository.ports, { ...prefix, entries: [...prefix.entries, last] });
  };
  const permit = async () => {
    const { entries, hash } = headOf(driven.entries);
    const step = { purpose: 'close', gate: null, attempt: 0 } as const;
    const head = { run_id: start.run.run_id, by: ENGINE, ...step, entries, hash };
    const entry = await headEntry(head, start.repository.ports.signers.forEngine());
    await start.repository.ports.store.appendJournal(start.run.run_id, journalBytes(entry));
  };

  test('refuses to end a run as approved that the engine did not let close', async () => {
    await expect(approved()).rejects.toMatchObject(NOT_DUE);
    await permit();
    await approved();
    expect(await kinds()).toEqual(['opened', 'engine close', 'engine end']);
  });

  test('FORK when an approved run lacks what was journalled before the engine let it close; later is late', async () => {
    await journalled(stop());
    await permit();
    await expect(approved()).rejects.toMatchObject({ code: 'FORK' });
    await permit();
    await expect(approved()).rejects.toMatchObject({ code: 'FORK' });
    expect(await kinds()).toEqual(['opened', 'message', 'engine close', 'engine close']);
  });

  test('a message behind the closing word of the engine is late and stays in the journal', async () => {
    await permit();
    await journalled(stop());
    await approved();
    expect(await kinds()).toEqual(['opened', 'engine close', 'message', 'engine end']);
  });
});

describe('finalise', () => {
  test('publishes no ending that the engine did not sign', async () => {
    driven.apply({ type: 'cancel' });
    await expect(driven.publish()).rejects.toMatchObject(NOT_DUE);
    await driven.sync({ purpose: 'end' });
    await expect(driven.publish()).resolves.toMatchObject({ files: expect.any(Number) });
  });

  test('an opening that failed is published only if the engine said so of this run', async () => {
    const [opened] = driven.entries;
    if (opened?.type !== 'runOpened') throw new Error('expected an opening');
    const failed = {
      type: 'failToOpen',
      run: opened.run,
      workflow: opened.workflow,
      code: 'GATE_ORDER',
      message: 'no',
    };
    const forged = new DrivenRun(start.repository, start.run, start.keys);
    forged.apply(failed as Command);
    await expect(forged.publish()).rejects.toMatchObject(NOT_DUE);
    await expect(forged.sync({ purpose: 'end' })).rejects.toMatchObject(NOT_DUE);
    expect(await kinds()).toEqual(['opened']);
  });
});

test('a decision that is journalled before the run closes must be part of it', async () => {
  start.repository.executors.script('nina', outputs(GOOD.P00));
  await driven.step();
  const request = driven.state.gates[0];
  const envelope = start.keys.grace.seal(
    decisionStatement({
      decision_id: 'late',
      run_id: start.run.run_id,
      gate: 'P00',
      attempt: 1,
      request_id: request?.request?.request_id ?? '',
      output_sha256: request?.current?.output_sha256 ?? '',
      policy_sha256: start.run.policy_sha256,
      actor: 'grace',
      choice: 'reject',
      reason: 'no',
      decided_at: '2026-01-02T00:00:10.000Z',
      expires_at: '2026-02-01T00:00:00.000Z',
    }),
  );
  await start.repository.ports.store.appendJournal(
    start.run.run_id,
    journalBytes({ kind: 'message', message: 'decision', envelope }),
  );
  expect(await driven.sync()).toMatchObject({ fork: { missing: ['reject of P00.1.1 by grace: no'] } });
});
