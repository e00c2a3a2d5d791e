import { runWorkflowId } from '../contracts/names.js';
import type { TemporalAddress } from './connect.js';
import type { Output } from './output.js';
import { printableJson, shellWord } from './printable.js';

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
