import type { DueGate } from '../contracts/run/activities.js';
import type { HandedOff } from '../contracts/run/gate-claim.js';
import { handOffDescriptor } from '../domain/judge/separation.js';
import { heldClaim } from '../domain/ledger/gate-claims.js';
import type { GovernancePorts } from '../ports/index.js';
import type { Checkout } from '../ports/workspace.js';
import { createObjectBatch } from './attempt/object-batch.js';
import { keysOfPrincipal, resultStep } from './attempt/result-step.js';
import { checkDispatchedDuty, isHandedOff } from './documents/check-separation.js';
import type { PinnedDocuments } from './documents/pinned-documents.js';
import { createTask, type ExecuteGateOptions, loadTrustedGate, promptOf, takeCheckout } from './execute-gate.js';
import type { GateDefinition } from './gates/gate-definition.js';
import { GATE_DEFINITIONS } from './gates/gate-definitions.js';
import { createGateProgress } from './progress/gate-progress.js';
import { createSpending } from './progress/spending.js';
import { readRunJournal } from './proof/run-journal.js';

/**
 * What a worker answers for a gate that is done elsewhere: who has claimed it. It has checked by then that it trusts the run,
 * and that the duties are separate.
 * @returns null for a gate that this worker carries out
 * @throws PromptOsError POLICY_NOT_TRUSTED, PACK_NOT_TRUSTED, PACK_LOCK_MISMATCH, PRINCIPAL_NOT_BOUND, DUTIES_CLASH, and
 *   what the store fails with
 */
export async function handOffGate(
  ports: GovernancePorts,
  documents: PinnedDocuments,
  due: DueGate,
): Promise<HandedOff | null> {
  if (!isHandedOff(ports.executors, due.principal)) return null;
  const { policy } = await loadTrustedGate(ports, documents, due);
  await checkDispatchedDuty(documents, due, handOffDescriptor(due.principal, policy), policy);
  const journal = await readRunJournal(ports.store, due.run.run_id);
  const keys = keysOfPrincipal(policy, due);
  return { handed_off: { claim: heldClaim(journal, resultStep(due), keys, new Date().toISOString()) } };
}

/** What an executor of an attempt would be given. */
export interface ShownGate {
  readonly prompt: string;
  /** The caller discards it. */
  readonly checkout: Checkout;
  readonly edits_files: boolean;
}

/**
 * What a claimant of a gate that is done elsewhere is given, as an executor would be: the engine's own checks of before the
 * question are carried out here, and nothing is asked, judged or signed.
 * @throws PromptOsError as `executeGate`
 */
export async function showGate(
  ports: GovernancePorts,
  documents: PinnedDocuments,
  input: DueGate,
  options: ExecuteGateOptions,
): Promise<ShownGate> {
  const trusted = await loadTrustedGate(ports, documents, input);
  const { policy } = trusted;
  await checkDispatchedDuty(documents, input, handOffDescriptor(input.principal, policy), policy);
  const { signal } = options;
  const spending = createSpending();
  const progress = createGateProgress(input, options.progress, null, spending);
  const batch = createObjectBatch(ports.store);
  const task = await createTask(ports, documents, input, { signal, progress, spending }, trusted, batch);
  const definition: GateDefinition = GATE_DEFINITIONS[input.gate];
  progress.begin('prepare');
  const work = await definition.begin(task);
  progress.begin('make the checkout');
  const prompt = promptOf(task, trusted, work)();
  return { prompt, checkout: await takeCheckout(task, work), edits_files: definition.editsFiles };
}
