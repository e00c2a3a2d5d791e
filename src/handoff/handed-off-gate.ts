import { keysOfPrincipal, resultStep } from '../activities/attempt/result-step.js';
import { createPinnedDocuments, type PinnedDocuments } from '../activities/documents/pinned-documents.js';
import { findDueGate } from '../activities/due-gate.js';
import { createPrefixVerifier, type VerifiedPrefix } from '../activities/proof/verify-prefix.js';
import { PromptOsError } from '../contracts/errors.js';
import type { PinnedKey } from '../contracts/keys.js';
import { GATES, runWorkflowId } from '../contracts/names.js';
import type { Policy } from '../contracts/policy/policy.js';
import type { DueGate } from '../contracts/run/activities.js';
import { isValidAt } from '../domain/judge/authenticate.js';
import type { ResultStep } from '../domain/ledger/journalled-results.js';
import { type AttemptStep, nextStep } from '../domain/run/next-step.js';
import { handedOffGate } from '../domain/run/run-state.js';
import type { GovernancePorts } from '../ports/index.js';
import type { Signer } from '../ports/signer.js';
import type { GateDesk, WantedGate } from './gate-desk.js';

/** A gate that a run has handed off to the principal of a desk, verified from the run's first entry. */
export interface HandedOffGate {
  readonly due: DueGate;
  readonly documents: PinnedDocuments;
  readonly policy: Policy;
  readonly signer: Signer;
  /** The desk's, with the principal's key. */
  readonly ports: GovernancePorts;
  readonly claim_timeout_ms: number;
  /** What claims and results of this attempt are found by. */
  readonly step: ResultStep;
  readonly keys: readonly PinnedKey[];
}

/**
 * Finds out what the run has handed off, as a role's worker finds out what is due: the ledger is verified, and the journal
 * must have the engine's word for the step. What the server says of the run is not taken on trust.
 * @throws PromptOsError NOTHING_HANDED_OFF, PRINCIPAL_NOT_BOUND, EXECUTOR_NOT_CONFIGURED, KEY_NOT_FOUND, STEP_NOT_DUE, FORK,
 *   LEDGER_BROKEN, and what the store and the signer fail with
 */
export async function findHandedOffGate(desk: GateDesk, { run_id, gate }: WantedGate): Promise<HandedOffGate> {
  const { store } = desk.ports;
  const documents = createPinnedDocuments(store);
  const verifier = createPrefixVerifier(store, documents);
  const workflowId = runWorkflowId(run_id);
  const ledger = await desk.runs.ledger(run_id);
  if (ledger.head.entries === 0) throw nothingHandedOff(run_id, WHY_NOT.open);
  const prefix = await verifier.verify(run_id, workflowId, ledger);
  const step = requireHandedOff(prefix, run_id, gate);
  requireBound(step, desk.principal);
  const handOff = desk.ports.executors.handOff?.(desk.principal) ?? null;
  if (handOff === null) {
    throw new PromptOsError(
      'EXECUTOR_NOT_CONFIGURED',
      `The worker config of this place does not hand off the gates of "${desk.principal}".`,
      { hint: 'Write `kind: handoff` under `executors` in worker.yaml, as the worker of the role has it.' },
    );
  }
  const signer = await desk.signer(prefix.opening.run.policy_sha256);
  const keys = keysOfPrincipal(prefix.policy, desk);
  requireListedKey(signer, keys, desk.principal);
  const ports = { ...desk.ports, signers: { forPrincipal: () => signer, forEngine: () => null } };
  const asked = { run_id, gate: step.gate, attempt: step.attempt, ledger: ledgerUpToStart(prefix, step) };
  const due = await findDueGate(ports, verifier, asked, workflowId);
  const { policy } = prefix;
  const { claim_timeout_ms } = handOff;
  return { due, documents, policy, signer, ports, claim_timeout_ms, step: resultStep(due), keys };
}

function requireHandedOff({ replay }: VerifiedPrefix, runId: string, gate: WantedGate['gate']): AttemptStep {
  const next = nextStep(replay.state);
  const elsewhere = handedOffGate(replay.state);
  if (next.kind !== 'awaitGate' || elsewhere === undefined) {
    const why = next.kind === 'awaitGate' ? `a worker carries out ${next.gate}` : WHY_NOT[next.kind];
    throw nothingHandedOff(runId, why);
  }
  if (gate === null || gate === next.gate) return next;
  throw new PromptOsError(
    'NOTHING_HANDED_OFF',
    `Run ${runId} has not handed off ${gate}: it waits for ${next.gate} ${GATES[next.gate].title}, which is for "${next.principal}".`,
  );
}

const nothingHandedOff = (runId: string, why: string): PromptOsError =>
  new PromptOsError('NOTHING_HANDED_OFF', `Run ${runId} has handed off no gate: ${why}.`);

const WHY_NOT = {
  open: 'it has not opened',
  executeGate: 'its next gate has not started',
  awaitDecision: 'it waits for a decision',
  awaitResolution: 'it waits for the answer to an escalation',
  close: 'all its gates have passed',
  finalise: 'it has ended',
} as const;

function requireBound({ gate, principal }: AttemptStep, received: string): void {
  if (principal === received) return;
  const { role } = GATES[gate];
  throw new PromptOsError('PRINCIPAL_NOT_BOUND', `${gate} is for ${role} "${principal}", received "${received}".`);
}

function requireListedKey({ keyid }: Signer, keys: readonly PinnedKey[], principal: string): void {
  const now = new Date().toISOString();
  if (keys.some((key) => key.keyid === keyid && isValidAt(key, now))) return;
  throw new PromptOsError(
    'KEY_NOT_FOUND',
    `The key ${keyid} is none that the run's policy lists for "${principal}" now, so nothing that it signs would count.`,
    { hint: 'Name the key with --key, or have the policy list yours, and start another run.' },
  );
}

/** As the worker had it when the step began: what came since is no part of what the principal vouches for. */
function ledgerUpToStart({ entries }: VerifiedPrefix, { gate, attempt }: AttemptStep) {
  const isStart = (entry: VerifiedPrefix['entries'][number]) =>
    entry.type === 'gateStarted' && entry.gate === gate && entry.attempt === attempt;
  const upToStart = entries.slice(0, entries.findLastIndex(isStart) + 1);
  return { segments: [], entries: upToStart, head: { entries: upToStart.length, hash: upToStart.at(-1)?.hash ?? '' } };
}
