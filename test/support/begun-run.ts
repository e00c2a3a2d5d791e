import type { Envelope } from '../../src/contracts/keys.js';
import { type JournalEntry, journalBytes, type RunOpening } from '../../src/contracts/run/journal.js';
import type { GovernedRunInput } from '../../src/contracts/run/run-plan.js';
import { runRequestStatement } from '../../src/domain/attest/acts.js';
import type { ArtifactStore } from '../../src/ports/artifact-store.js';

/** An envelope that no key has signed: what a listing reads of it is not verified. */
export const unsignedEnvelope = (predicate: object): Envelope => ({
  payloadType: 'application/vnd.in-toto+json',
  payload: Buffer.from(JSON.stringify({ predicate })).toString('base64'),
  signatures: [{ keyid: 'any', sig: 'any' }],
});

/** Begins the journal of ada's run `run-1` of the repository `shop`. */
export async function beginRun(
  store: Pick<ArtifactStore, 'putObject' | 'appendJournal'>,
  policy: string,
  opened: Partial<RunOpening> = {},
): Promise<void> {
  const put = async (text: string) => (await store.putObject(new TextEncoder().encode(text))).sha256;
  const run = { run_id: 'run-1', developer: 'ada', target_repo: 'shop', request_sha256: '0'.repeat(64) };
  const { predicate } = runRequestStatement(run as GovernedRunInput, '2026-01-02T03:04:05.000Z');
  const opening: JournalEntry = {
    kind: 'opened',
    run_id: 'run-1',
    first_execution_run_id: 'first',
    policy_sha256: await put(policy),
    request_sha256: '0'.repeat(64),
    request_attestation_sha256: await put(JSON.stringify(unsignedEnvelope(predicate as object))),
    failed: null,
    ...opened,
    envelope: null,
  };
  await store.appendJournal('run-1', journalBytes(opening));
}
