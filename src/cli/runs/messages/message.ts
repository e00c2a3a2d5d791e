import type { z } from 'zod';
import type { GovernedRuns } from '../../../client/client.js';
import type { Delivery } from '../../../client/options.js';
import { PromptOsError } from '../../../contracts/errors.js';
import { runWorkflowId } from '../../../contracts/names.js';
import type { DecisionAnswer, RefusalReason } from '../../../contracts/run/decisions.js';
import { problemsText } from '../../../contracts/schema-problems.js';
import type { TemporalAddress } from '../../app/connect.js';
import type { Output } from '../../app/output.js';
import { printableJson, shellWord } from '../../app/printable.js';
import { requireNoSecret } from '../../app/require-no-secret.js';
import type { SelectedRun } from '../../app/select-run.js';
import type { OpenedRuns } from '../read/governed-runs.js';

/** @throws PromptOsError NOT_A_TERMINAL when the line names no one */
export function requireActor(as: string | undefined): string {
  if (as !== undefined) return as;
  throw new PromptOsError('NOT_A_TERMINAL', 'The line does not say who decides, and there is no terminal to ask on.', {
    hint: 'Say who decides: --as NAME.',
  });
}

/** A message as the contracts have it. Whether it counts is for the run to judge. @throws PromptOsError USAGE */
export function readMessage<T>(schema: z.ZodType<T>, message: Readonly<Record<string, unknown>>): T {
  const said = Object.fromEntries(Object.entries(message).filter(([, value]) => value !== undefined));
  const parsed = schema.safeParse(said);
  if (parsed.success) {
    requireNoSecret(said, 'MESSAGE_HOLDS_SECRET');
    return parsed.data;
  }
  throw new PromptOsError(
    'USAGE',
    `The message has not the form that runs take: ${problemsText(parsed.error, 'message')}.`,
  );
}

/** What every command takes that sends a signed message. */
export interface SendingOptions {
  readonly as?: string;
  readonly key?: string;
  readonly print?: true;
}

/** A message that is ready to leave: which signal takes it, and how it is signed and sent. */
export interface Outgoing {
  readonly signal: string;
  /** Such as `approval of P03`. */
  readonly what: string;
  seal(runs: GovernedRuns): Promise<object>;
  send(runs: GovernedRuns): Promise<Delivery>;
}

/**
 * Sends a message and says what became of it; with `--print` it is signed and printed instead.
 * @throws PromptOsError DECISION_REFUSED
 */
export async function sendOrPrint(
  { runs, temporal }: OpenedRuns,
  run: SelectedRun,
  { signal, what, seal, send }: Outgoing,
  print: true | undefined,
  output: Output,
): Promise<void> {
  if (print === true) printMessage({ message: await seal(runs), signal, runId: run.run_id, temporal }, output);
  else reportDelivery(await send(runs), what, output, run);
}

const ANOTHER_KEY = 'Sign with a key that counts in the policy of the run; `promptos keys fingerprint` names yours.';

/** What to do about refusals that come from the sender's machine: the state of the run does not show it. */
const NEXT_STEPS: Partial<Record<RefusalReason, string>> = {
  DECISION_TIME_INVALID: 'Set the clock of this machine right, and give the command again.',
  KEY_UNKNOWN: ANOTHER_KEY,
  KEY_NOT_VALID: ANOTHER_KEY,
  MALFORMED:
    'If it names an unknown field, the worker is of an older release of PromptOS than this command: give the command with that release.',
  SIGNER_MISMATCH: ANOTHER_KEY,
};

/** The error for a message that the run refused. */
export function refusedMessage({ reason, message }: DecisionAnswer): PromptOsError {
  const hint = reason === null ? undefined : NEXT_STEPS[reason];
  return new PromptOsError('DECISION_REFUSED', `Refused (${reason}): ${message}`, hint === undefined ? {} : { hint });
}

/** @throws PromptOsError DECISION_REFUSED */
export function requireCounted(delivery: Delivery, output: Output, { run_id, target_repo }: SelectedRun): void {
  if (delivery.kind === 'queued') {
    output.emit({ run_id, target_repo, delivery: 'queued' });
    return;
  }
  const { accepted, reason, message } = delivery.answer;
  output.emit({ run_id, target_repo, delivery: 'answered', accepted, reason, message });
  if (!accepted) throw refusedMessage(delivery.answer);
}

/** Says what became of a message. @throws PromptOsError DECISION_REFUSED */
export function reportDelivery(delivery: Delivery, what: string, output: Output, run: SelectedRun): void {
  requireCounted(delivery, output, run);
  output.say(
    delivery.kind === 'queued'
      ? `queued: no worker answered, so ${what} waits in the run's history for the next one`
      : `counted: ${what}`,
  );
}

/** A message that is printed and not sent: which signal takes it, of which run, on which server. */
export interface PrintedMessage {
  readonly message: object;
  readonly signal: string;
  readonly runId: string;
  readonly temporal: Pick<TemporalAddress, 'connectionOptions' | 'namespace' | 'embedded'>;
}

/**
 * Writes a message as one line of JSON on standard output, for a signal form or `temporal workflow signal --input`. The
 * signal, and the whole command that sends the message, go to standard error.
 */
export function printMessage({ message, signal, runId, temporal }: PrintedMessage, output: Output): void {
  // An apostrophe would end the quotes of a shell; JSON means the same without it.
  const json = printableJson(message).replaceAll("'", '\\u0027');
  const workflow = runWorkflowId(runId);
  output.note(`signal  ${signal} of the workflow ${workflow}`);
  const server = [
    // Nothing else tells the Temporal CLI of it: a server of the user's own is in its configuration.
    ...(temporal.embedded ? ['--address', shellWord(temporal.connectionOptions.address)] : []),
    ...(temporal.namespace === 'default' ? [] : ['--namespace', shellWord(temporal.namespace)]),
  ];
  const command = ['temporal workflow signal', ...server, '--workflow-id', workflow, '--name', signal];
  output.note(`send    ${command.join(' ')} --input '${json}'`);
  if (output.json) output.emit(message);
  else output.say(json);
}
