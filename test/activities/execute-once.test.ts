import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createPinnedDocuments } from '../../src/activities/documents/pinned-documents.js';
import { executeOnce } from '../../src/activities/execute-gate.js';
import type { Envelope } from '../../src/contracts/keys.js';
import type { DueGate, ExecuteGateResult, SentGateResult } from '../../src/contracts/run/activities.js';
import { journalBytes } from '../../src/contracts/run/journal.js';
import type { ArtifactStore } from '../../src/ports/index.js';
import { gateResult } from '../support/domain.js';
import type { DrivenRun } from '../support/driven-run.js';
import { exampleOutputs } from '../support/gate-outputs.js';
import { outputs } from '../support/scripted-executor.js';
import { type SignedStart, signedStart } from '../support/signed-start.js';
import { makeTestKey, type TestKey } from '../support/signing.js';

const GOOD = exampleOutputs();
const { signal } = new AbortController();

let start: SignedStart;
let driven: DrivenRun;
let due: DueGate;
beforeEach(async () => {
  start = await signedStart();
  driven = await start.open();
  const { gate, attempt } = await driven.start();
  due = await driven.dueGate(gate, attempt);
});
afterEach(() => start.repository.remove());

const store = (): ArtifactStore => start.repository.ports.store;
const journal = (envelope: Envelope) =>
  store().appendJournal(start.run.run_id, journalBytes({ kind: 'result', envelope }));
const results = async () => (await driven.journal()).filter(({ kind }) => kind === 'result');
const never = async () => expect.unreachable('the gate was carried out once more');

/** The gate carried out by its executor, which returns a given answer. */
const carryOut = (output: object = GOOD.P00) => {
  start.repository.executors.script('nina', outputs(output));
  return start.repository.executeGate(due);
};
const once = (execute: () => Promise<ExecuteGateResult>, parts: Partial<DueGate> = {}): Promise<SentGateResult> =>
  executeOnce(store(), createPinnedDocuments(store()), { ...due, ...parts }, execute, signal);

/** Another genuine result of the same attempt, signed by any key. */
async function signedBy(key: TestKey, parts: object = {}): Promise<Envelope> {
  const { attestation } = await carryOut();
  if (attestation === null) throw new Error('expected a signed result');
  const statement = JSON.parse(Buffer.from(attestation.payload, 'base64').toString('utf8'));
  return key.seal({ ...statement, predicate: { ...statement.predicate, reason: 'another', ...parts } });
}

describe('executeOnce', () => {
  test('journals a signed result, and gives it again without asking anybody', async () => {
    const first = await once(carryOut);
    expect(Object.keys(first)).toEqual(['attestation']);
    expect(await results()).toEqual([{ kind: 'result', envelope: first.attestation }]);
    expect(await once(never)).toEqual(first);
    expect(await results()).toHaveLength(1);
  });

  test('a worker that is slower than another gives the result of the other', async () => {
    const quicker = await signedBy(start.keys.nina);
    const given = await once(async () => {
      const own = await carryOut();
      await journal(quicker);
      return own;
    });
    expect(given).toEqual({ attestation: quicker });
    expect(await results()).toHaveLength(1);
  });

  test('a message that comes meanwhile takes nothing away', async () => {
    const ports = store();
    let interrupted = false;
    const busy: ArtifactStore = {
      ...ports,
      appendJournal: async (runId, entry, after) => {
        if (!interrupted) {
          interrupted = true;
          await ports.appendJournal(runId, new TextEncoder().encode('{}'));
        }
        return ports.appendJournal(runId, entry, after);
      },
    };
    const given = await executeOnce(busy, createPinnedDocuments(ports), due, carryOut, signal);
    expect(await results()).toEqual([{ kind: 'result', envelope: given.attestation }]);
  });

  test.each<[string, () => Promise<Envelope>]>([
    ['a key of another principal', () => signedBy(start.keys.vera ?? start.keys.grace)],
    ['a key that the policy does not list', () => signedBy(makeTestKey())],
    ['its principal, for another attempt', () => signedBy(start.keys.nina, { nonce: '0'.repeat(64) })],
    ['its principal, for another run', () => signedBy(start.keys.nina, { runId: 'another' })],
    ['its principal, in the name of another', () => signedBy(start.keys.nina, { principal: 'rex' })],
  ])('a journalled result signed by %s is passed over', async (_, make) => {
    await journal(await make());
    const given = await once(carryOut);
    expect(await results()).toContainEqual({ kind: 'result', envelope: given.attestation });
    expect(await once(never)).toEqual(given);
  });

  test('a result that Temporal does not wait for any more is not journalled', async () => {
    const given = executeOnce(store(), createPinnedDocuments(store()), due, carryOut, AbortSignal.abort());
    await expect(given).rejects.toMatchObject({ name: 'AbortError' });
    expect(await results()).toEqual([]);
  });

  test('an unsigned result is not journalled', async () => {
    const unsigned = gateResult({ attestation: null });
    expect(await once(async () => unsigned)).toEqual(unsigned);
    expect(await results()).toEqual([]);
  });
});
