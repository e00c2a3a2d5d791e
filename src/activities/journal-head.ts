import { ledgerHeadStatement } from '../attestation/journal-acts.js';
import type { JournalEntry, VerifiedHead } from '../contracts/journal.js';
import type { Signer } from '../ports/signer.js';
import { signStatement } from './attest-attempt.js';

/** A verified head as the journal has it, signed where there is a key. @throws what the signer throws */
export async function headEntry(head: VerifiedHead, signer: Signer | null): Promise<JournalEntry> {
  return {
    kind: 'head',
    head,
    envelope: signer === null ? null : await signStatement(ledgerHeadStatement(head), signer),
  };
}
