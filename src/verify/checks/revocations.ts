import { type Envelope, envelopeSchema } from '../../contracts/keys.js';
import { attestationPaths, isAttestationFile } from '../../governance/attestation-files.js';
import { closingOf, openingOf } from '../../governance/ledger-ends.js';
import { pinKey } from '../../governance/pin-keys.js';
import { TREE_PATHS } from '../../governance/published-tree.js';
import { keyidOf } from '../../governance/signed-acts.js';
import type { TreeDocuments } from '../open-documents.js';
import { VerifyFailure } from '../verify-codes.js';

/** An envelope of the tree, and the ledger's time at which it was taken. */
interface Signed {
  readonly envelope: Envelope;
  readonly at: string;
  readonly path: string;
}

/** What a policy handed in says of a key's end counts for every envelope of the tree, whenever the policy was written. */
export async function checkRevocations(documents: TreeDocuments): Promise<void> {
  const revoked = revocations(documents);
  if (revoked.size === 0) return;
  for await (const { envelope, at, path } of everyEnvelope(documents)) {
    const keyid = keyidOf(envelope);
    const since = keyid === null ? undefined : revoked.get(keyid);
    if (since === undefined || Date.parse(at) < Date.parse(since)) continue;
    throw new VerifyFailure('KEY_REVOKED', {
      path,
      expected: `a signature before ${since}`,
      found: `${keyid} at ${at}`,
    });
  }
}

/** Those of the ledger at the time of their entries, then those of the folder. */
async function* everyEnvelope(documents: TreeDocuments): AsyncGenerator<Signed, void, undefined> {
  const entries = await documents.ledger();
  for (const [index, entry] of entries.entries()) {
    const envelope = entry.type === 'gateFinished' ? entry.attestation : 'envelope' in entry ? entry.envelope : null;
    if (envelope !== null) yield { envelope, at: entry.at, path: `${TREE_PATHS.ledger}:${index + 1}` };
  }
  const taken = await takenAt(documents);
  const closed = closingOf(entries).at;
  for (const path of [...(await documents.entries()).keys()].filter(isAttestationFile)) {
    // What nothing accounts for was there when the run closed, at the latest.
    yield { envelope: await documents.json(path, envelopeSchema), at: taken.get(path) ?? closed, path };
  }
}

/** The ledger's time for the envelopes that were taken before the run closed, by path; attempts that were voided too. */
async function takenAt(documents: TreeDocuments): Promise<ReadonlyMap<string, string>> {
  const entries = await documents.ledger();
  const opening = openingOf(entries);
  const taken = new Map([[attestationPaths.runRequest as string, opening.at]]);
  for (const entry of entries) {
    if (entry.type === 'gateFinished') {
      const { gate, attempt, at } = entry;
      taken.set(attestationPaths.gateAttempt(gate, attempt), at);
      taken.set(attestationPaths.provenance(gate, attempt), at);
      taken.set(attestationPaths.testResult(gate, attempt), at);
    } else if ('envelope' in entry) taken.set(attestationPaths.decision(entry.seq), entry.at);
  }
  return taken;
}

/** The earliest instant from which any policy handed in calls a key revoked, by key. */
function revocations({ trust }: TreeDocuments): ReadonlyMap<string, string> {
  const earliest = new Map<string, string>();
  for (const { policy } of trust.policies) {
    const keys = [...Object.values(policy.principals).flatMap((principal) => principal.keys), ...policy.engine.keys];
    for (const { keyid, revoked_at } of keys.map(pinKey)) {
      if (revoked_at === null) continue;
      const known = earliest.get(keyid);
      if (known === undefined || Date.parse(revoked_at) < Date.parse(known)) earliest.set(keyid, revoked_at);
    }
  }
  return earliest;
}
