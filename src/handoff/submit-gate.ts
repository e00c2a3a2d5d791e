import { existsSync } from 'node:fs';
import type { PinnedDocuments } from '../activities/documents/pinned-documents.js';
import { executeGate, executeOnce } from '../activities/execute-gate.js';
import { readRunJournal } from '../activities/proof/run-journal.js';
import { readAnswer } from '../contracts/answers/read-answer.js';
import { PromptOsError } from '../contracts/errors.js';
import type { Envelope } from '../contracts/keys.js';
import { envelopeSha256, statementOf } from '../domain/attest/envelope.js';
import { PREDICATES, readStatement } from '../domain/attest/statement.js';
import { handOffDescriptor } from '../domain/judge/separation.js';
import { firstResult } from '../domain/ledger/journalled-results.js';
import type { GateExecutor } from '../ports/gate-executor.js';
import { refuseClaimOfOthers } from './claims.js';
import type { GateDesk, Submission, SubmissionAnswer, SubmittedResult } from './gate-desk.js';
import { gateFiles, removeGateFolder } from './gate-folder.js';
import { findHandedOffGate, type HandedOffGate } from './handed-off-gate.js';
import { sayProgress } from './open-gate.js';
import { bareOutput } from './output-json.js';

/**
 * Judges the output by the rules of the gate, as a role's worker does, signs the result, journals it, and has the run look.
 * @throws PromptOsError OUTPUT_UNUSABLE with what is wrong, PATCH_NOT_APPLICABLE, NOTHING_HANDED_OFF, GATE_CLAIMED,
 *   PRINCIPAL_NOT_BOUND, KEY_NOT_FOUND, and what the ports throw; nothing is submitted then
 */
export async function submitGate(desk: GateDesk, given: Submission): Promise<SubmissionAnswer> {
  const submission = { ...given, output: bareOutput(given.output) };
  const found = await findHandedOffGate(desk, submission);
  const { due, documents, ports } = found;
  const { run_id } = due.run;
  const journal = await readRunJournal(ports.store, run_id);
  const before = firstResult(journal, found.step, found.keys);
  if (before !== null) {
    // Whoever journalled it may have ended before the run was notified.
    await desk.runs.lookAgain(run_id);
    return { kind: 'submitted', result: await resultOf(documents, digestIn(before)), before: true };
  }
  refuseClaimOfOthers(found, journal, desk.claimant);
  const executed = await withChange(desk, found, submission, (change) => {
    const executors = { forPrincipal: () => submittedExecutor(desk, found, submission.output, change) };
    const options = { signal: desk.signal, progress: sayProgress(desk) };
    return executeGate({ ...ports, executors }, documents, due, options);
  });
  const result = await resultOf(documents, executed.output_sha256);
  if (executed.verdict === 'fail' && !submission.submit_failing) return { kind: 'failing', result };
  const counting = await executeOnce(ports.store, documents, due, async () => executed, desk.signal);
  await desk.runs.lookAgain(run_id);
  if (isSame(counting.attestation, executed.attestation)) {
    // The store has this work now. Work in place of which another's counts is in this folder alone.
    await removeGateFolder(gateFiles(desk, due));
    return { kind: 'submitted', result, before: false };
  }
  const first = counting.attestation === null ? executed.output_sha256 : digestIn(counting.attestation);
  return { kind: 'submitted', result: await resultOf(documents, first), before: true };
}

const isSame = (one: Envelope | null, other: Envelope | null): boolean =>
  one !== null && other !== null && envelopeSha256(one) === envelopeSha256(other);

/** The digest of the attempt's record that a signed result is about. */
const digestIn = (envelope: Envelope): string =>
  readStatement(statementOf(envelope), PREDICATES.gateAttemptV2)?.subject[0]?.digest.sha256 ?? '';

async function resultOf(documents: PinnedDocuments, output_sha256: string): Promise<SubmittedResult> {
  const { run_id, gate, attempt, verdict, reason, findings } = await documents.attempt(output_sha256);
  return { run_id, gate, attempt, verdict, reason, output_sha256, findings };
}

/**
 * Finds the files that are submitted with an output, and has them judged.
 * @param judge is given the folder that has them; null for a gate, or an answer, without any
 * @throws PromptOsError OUTPUT_UNUSABLE, USAGE, PATCH_NOT_APPLICABLE, and what `judge` throws
 */
async function withChange<T>(
  desk: GateDesk,
  { due, ports }: HandedOffGate,
  { gate, output, patch }: Submission,
  judge: (change: string | null) => Promise<T>,
): Promise<T> {
  const answer = readAnswer(gate, output);
  if (answer.kind === 'unusable') {
    throw new PromptOsError('OUTPUT_UNUSABLE', `The output of ${gate} cannot be used. ${answer.problem}`);
  }
  if (patch !== null && gate !== 'P05') {
    throw new PromptOsError('USAGE', `${gate} changes no files: expected no patch.`);
  }
  if (gate !== 'P05' || answer.kind === 'escalation') return judge(null);
  if (patch === null) return judge(claimedCheckout(desk, due));
  const { target_repo: repository, base_commit: commit } = due.run;
  const order = { repository, commit, patch, signal: desk.signal };
  const patched = await ports.workspace.checkout(order).catch((error: unknown) => {
    if (!(error instanceof PromptOsError && error.code === 'PATCH_NOT_APPLICABLE')) throw error;
    const hint = `Make the patch on the base commit ${commit}, and submit it again; nothing was submitted.`;
    throw new PromptOsError(error.code, error.summary, { cause: error, hint });
  });
  try {
    return await judge(patched.directory);
  } finally {
    await patched.discard().catch(() => undefined);
  }
}

function claimedCheckout(desk: GateDesk, due: HandedOffGate['due']): string {
  const { checkout } = gateFiles(desk, due);
  if (existsSync(checkout)) return checkout;
  throw new PromptOsError('USAGE', `There is no change to submit: expected a patch, or the checkout ${checkout}.`, {
    hint: 'Give the change with --patch, or claim the gate first: `promptos gate next`.',
  });
}

/** Gives what was made elsewhere, in the place of a program. */
function submittedExecutor(
  { files, principal }: GateDesk,
  { policy }: HandedOffGate,
  answer: string,
  change: string | null,
): GateExecutor {
  return {
    descriptor: handOffDescriptor(principal, policy),
    execute: async ({ directory }) => {
      if (change !== null) await files.replaceFiles(change, directory);
      const empty = new Uint8Array();
      const nothing = { stdout: empty, stderr: empty, problem: null, served_model: null };
      return { exit_code: 0, duration_ms: 0, answer, ...nothing };
    },
  };
}
