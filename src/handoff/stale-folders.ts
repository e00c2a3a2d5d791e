import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { keysOfPrincipal } from '../activities/attempt/result-step.js';
import { createPinnedDocuments } from '../activities/documents/pinned-documents.js';
import { createPrefixVerifier } from '../activities/proof/verify-prefix.js';
import { PromptOsError } from '../contracts/errors.js';
import { runWorkflowId } from '../contracts/names.js';
import { heldClaim } from '../domain/ledger/gate-claims.js';
import { nextStep } from '../domain/run/next-step.js';
import type { GateDesk } from './gate-desk.js';
import { gateFolderName, isDraft, isGateFolder, removeGateFolder } from './gate-folder.js';

/** A folder of a gate on which no claimant works any more. */
export interface StaleFolder {
  readonly folder: string;
  /** Why it is not needed, as a clause. */
  readonly why: string;
  /**
   * What was written in it since it was made: then it is kept, since its work may be nowhere else. Null for a folder of which
   * that is not known.
   */
  readonly written: readonly string[] | null;
  readonly removed: boolean;
}

/** What is known of the gate that a run waits for: the name of its folder, and whether a claimant has it. */
interface WaitingGate {
  readonly name: string;
  readonly claimed: boolean;
}

const ENDED = 'its run has ended';
const OVER = 'its attempt is over';
const UNCLAIMED = 'no claimant has the gate';

/**
 * Removes the folders of gates that no claimant works on, of runs that have ended among them. One in which something was
 * written is kept: only a submission that counts, or the person, removes work.
 * @returns what was removed, and what was kept although no claimant works on it
 */
export async function removeStaleFolders(desk: GateDesk): Promise<readonly StaleFolder[]> {
  const stale: StaleFolder[] = [];
  for (const runId of await namesIn(desk.folder)) {
    const names = (await namesIn(join(desk.folder, runId))).filter(isGateFolder);
    if (names.length === 0) continue;
    const ended = await hasEnded(desk, runId);
    // A run of which nothing can be learnt now is looked at the next time.
    const waiting = ended ? null : await waitingGate(desk, runId).catch(() => undefined);
    if (waiting === undefined) continue;
    for (const name of names) {
      const why = ended ? ENDED : whyStale(name, waiting);
      if (why !== null) stale.push(await removeIfUnused(desk, runId, name, why));
    }
  }
  return stale;
}

function whyStale(name: string, waiting: WaitingGate | null): string | null {
  if (waiting === null || !name.startsWith(waiting.name)) return OVER;
  // Another process may be making it.
  return waiting.claimed || isDraft(name) ? null : UNCLAIMED;
}

async function removeIfUnused(desk: GateDesk, runId: string, name: string, why: string): Promise<StaleFolder> {
  const folder = join(desk.folder, runId, name);
  const written = isDraft(name) ? [] : await desk.files.writtenSince(folder).catch(() => null);
  const removed = written?.length === 0 && (await removeGateFolder({ folder }));
  return { folder, why, written, removed };
}

/** Empty for what is no folder, such as one that another process has just removed. */
const namesIn = async (folder: string): Promise<readonly string[]> => (await readdir(folder).catch(() => [])).sort();

/** A folder that is called like no run is of none that has ended. */
const hasEnded = async ({ ports }: GateDesk, runId: string): Promise<boolean> =>
  (await ports.store.published(runId).catch(onlyRefused)) !== null;

function onlyRefused(error: unknown): null {
  if (error instanceof PromptOsError) return null;
  throw error;
}

/** @returns null for a run that waits for no gate @throws PromptOsError when its past cannot be verified */
async function waitingGate({ ports: { store }, runs }: GateDesk, runId: string): Promise<WaitingGate | null> {
  const verifier = createPrefixVerifier(store, createPinnedDocuments(store));
  const prefix = await verifier.verify(runId, runWorkflowId(runId), await runs.ledger(runId));
  const { entries, journal, policy, replay } = prefix;
  const next = nextStep(replay.state);
  if (next.kind !== 'awaitGate') return null;
  const { gate, attempt, principal } = next;
  const started = entries.findLast(
    (entry) => entry.type === 'gateStarted' && entry.gate === gate && entry.attempt === attempt,
  );
  if (started === undefined) return null;
  const { hash: nonce, at: started_at } = started;
  const keys = keysOfPrincipal(policy, { principal });
  const claim = heldClaim(journal, { run_id: runId, principal, nonce, started_at }, keys, new Date().toISOString());
  return { name: gateFolderName({ gate, attempt, nonce }), claimed: claim !== null };
}
