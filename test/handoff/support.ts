import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { makeFolders } from '../../src/adapters/platform/make-folders.js';
import { copyCheckout, replaceFiles } from '../../src/adapters/workspace/tree/copy-files.js';
import { sealFolder, writtenSince } from '../../src/adapters/workspace/tree/written-since.js';
import { createHandedOffRuns } from '../../src/client/ledger.js';
import type { GateDesk } from '../../src/handoff/gate-desk.js';
import { EXAMPLE_POLICY } from '../support/governed-repository.js';
import { eventually, type GovernedWorker, type WorkedRun } from '../support/governed-worker.js';
import { signerOfKey } from '../support/signed-finished-run.js';
import type { TestKey } from '../support/signing.js';

/** A policy whose writer, Nina, is a person, who is an executor of her own. */
export const HUMAN_WRITER = EXAMPLE_POLICY.replace('nina: { kind: agent }', 'nina: { kind: human }');

/** The desk of a claimant of Nina's, who has her key unless the test says otherwise. */
export async function deskOf(
  worker: GovernedWorker,
  claimant: string,
  parts: Partial<GateDesk> & { readonly key?: TestKey } = {},
): Promise<GateDesk> {
  const folder = await mkdtemp(join(tmpdir(), 'promptos-desk-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const key = parts.key ?? worker.keys?.nina;
  if (key === undefined) throw new Error('expected a policy with keys');
  return {
    ports: worker.ports,
    runs: createHandedOffRuns(worker.client, worker.store),
    principal: 'nina',
    signer: async () => signerOfKey(key),
    claimant,
    folder,
    files: { makeFolders, copyCheckout, replaceFiles, sealFolder, writtenSince },
    signal: new AbortController().signal,
    ...parts,
  };
}

/** Waits until the run has handed off a gate, and has saved that. */
export const untilHandedOff = (worker: GovernedWorker, run: WorkedRun, gate: string) =>
  eventually(async () => {
    const { entries } = await createHandedOffRuns(worker.client, worker.store).ledger(run.runId);
    return entries.some((entry) => entry.type === 'gateHandedOff' && entry.gate === gate) ? true : null;
  }, `the hand-off of ${gate}`);
