import type { DueGate, ExecuteGateInput } from '../contracts/run/activities.js';
import { journalBytes, type VerifiedHead } from '../contracts/run/journal.js';
import { rulesVersionOf } from '../contracts/run/rules-version.js';
import { budgetLeft } from '../domain/run/budget.js';
import { nextStep } from '../domain/run/next-step.js';
import type { GovernancePorts } from '../ports/index.js';
import { headEntry } from './proof/run-journal.js';
import { engineHeadsOf, notDue, type PrefixVerifier, refuseFork, type VerifiedPrefix } from './proof/verify-prefix.js';

/**
 * Finds out whether a gate is really the run's next step, before anything is done or signed for it: the whole ledger is
 * verified, it must account for the journal up to the engine's own signature over this step, and all that the gate is
 * given comes out of it. Then the head is journalled, so that no other past counts later.
 * @throws PromptOsError STEP_NOT_DUE, FORK, LEDGER_BROKEN, and what the store and the signer fail with
 */
export async function findDueGate(
  { store, signers }: Pick<GovernancePorts, 'store' | 'signers'>,
  verifier: PrefixVerifier,
  { run_id, gate, attempt, ledger }: ExecuteGateInput,
  workflowId: string | undefined,
): Promise<DueGate> {
  const prefix = await verifier.verify(run_id, workflowId, ledger);
  const { entries, opening, replay } = prefix;
  if (opening.type === 'openingFailed') throw notDue('the run was not opened');
  const next = nextStep(replay.state);
  if (next.kind !== 'awaitGate' || next.gate !== gate || next.attempt !== attempt) {
    const due = next.kind === 'awaitGate' ? `${next.gate}, attempt ${next.attempt}` : next.kind;
    throw notDue(`expected ${due}, received ${gate}, attempt ${attempt}`);
  }
  const started = entries.findLast(
    (entry) => entry.type === 'gateStarted' && entry.gate === gate && entry.attempt === attempt,
  );
  if (started === undefined) throw notDue(`${gate}, attempt ${attempt} was never started`);
  refuseFork(prefix, placeOfEngineHead(prefix, { gate, attempt }));
  const { principal, inputs, feedback } = next;
  const { entries: length, hash } = ledger.head;
  const head = { run_id, by: principal, purpose: 'gate', gate, attempt, entries: length, hash } as const;
  const signer = signers.forPrincipal(principal);
  if (signer !== null || opening.plan.attestations === 'optional') {
    await store.appendJournal(run_id, journalBytes(await headEntry(head, signer)));
  }
  const budget = budgetLeft(replay.state, gate);
  return {
    run: opening.run,
    rules_version: rulesVersionOf(opening.plan),
    pack_sha256: opening.plan.pack_sha256,
    gate,
    attempt,
    principal,
    inputs,
    feedback,
    nonce: started.hash,
    started_at: started.at,
    ...(budget === null ? {} : { budget }),
    ledger: { entries: started.seq + 1, hash: started.hash },
  };
}

/**
 * Where the journal has the engine's word that this step is due, the newest if there are several.
 * @throws PromptOsError STEP_NOT_DUE when it has none over this ledger
 */
function placeOfEngineHead(
  prefix: VerifiedPrefix,
  { gate, attempt }: Pick<ExecuteGateInput, 'gate' | 'attempt'>,
): number {
  const isDue = (head: VerifiedHead) => head.purpose === 'gate' && head.gate === gate && head.attempt === attempt;
  const found = engineHeadsOf(prefix, prefix.journal, isDue).at(-1);
  if (found === undefined) throw notDue(`the engine has not signed that ${gate}, attempt ${attempt} is due`);
  return found.seq;
}
