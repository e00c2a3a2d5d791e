import type { GovernedRunInput } from '../../src/contracts/run/run-plan.js';
import { runRequestStatement } from '../../src/domain/attest/acts.js';
import { envelopeText } from '../../src/domain/record/published-tree.js';
import { makeKeys, policyText, type RunKeys } from '../verify/genuine-run.js';
import { type DrivenRun, driveRun } from './driven-run.js';
import { createGovernedRepository, type GovernedRepository } from './governed-repository.js';
import { signersOf } from './signed-finished-run.js';

/** A run under a policy by which everything must be signed, in a real store, as its starter signed it. */
export interface SignedStart {
  readonly repository: GovernedRepository;
  readonly keys: RunKeys;
  readonly run: GovernedRunInput;
  /** Opens the run and goes on as its workflow would. */
  open(): Promise<DrivenRun>;
}

export async function signedStart(): Promise<SignedStart> {
  const keys = makeKeys();
  const repository = await createGovernedRepository({ policy: policyText(keys), signers: signersOf(keys) });
  const request = keys.ada.seal(runRequestStatement(repository.run, '2026-01-02T00:00:00.000Z'));
  const request_attestation_sha256 = await repository.putText(envelopeText(request));
  const run = { ...repository.run, request_attestation_sha256 };
  return { repository, keys, run, open: () => driveRun(repository, run, keys) };
}
