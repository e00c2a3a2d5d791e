import { ApplicationFailure, HandlerUnfinishedPolicy } from '@temporalio/common';
import { setHandler } from '@temporalio/workflow';
import { fitsMessage } from '../domain/judge/read-message.js';
import type { MessageKind } from '../domain/run/commands.js';
import {
  approveSignal,
  cancelSignal,
  decideUpdate,
  escalateSignal,
  handOffSignal,
  ledgerQuery,
  rejectSignal,
  resolveEscalationSignal,
  statusQuery,
} from './messages.js';
import type { RunDriver } from './run-driver.js';

/** What the signals that decide take. */
const INPUT =
  'Input: the signed JSON that the command in the current details prints; under a policy that takes unsigned answers, the JSON shown there.';

/** The signals, queries and updates of a run. */
export function registerHandlers(run: RunDriver): void {
  /** Messages that came as signals, and counted. */
  const counted = new Set<string>();
  const onSignal = (kind: MessageKind) => (content?: unknown) =>
    run.inbox.receive(kind, content, (answer) => {
      if (answer.accepted) counted.add(JSON.stringify(content));
    });
  const unfinishedPolicy = HandlerUnfinishedPolicy.ABANDON;
  setHandler(approveSignal, onSignal('approve'), {
    description: `Approve the request that is pending. ${INPUT}`,
    unfinishedPolicy,
  });
  setHandler(rejectSignal, onSignal('reject'), {
    description: `Reject the request that is pending, with a reason. ${INPUT}`,
    unfinishedPolicy,
  });
  setHandler(escalateSignal, onSignal('escalation'), {
    description:
      'Stop the run: nothing new starts until an integrator answers. Works with no input and no signature; say why with {"issue": "…"}. Signed by `promptos escalate RUN --issue … --as NAME --print` it is yours, else who sent it is a claim.',
    unfinishedPolicy,
  });
  setHandler(resolveEscalationSignal, onSignal('resolution'), {
    description: `Answer an open escalation: continue, retry, rework or abort. ${INPUT}`,
    unfinishedPolicy,
  });
  setHandler(cancelSignal, onSignal('cancellation'), {
    description: 'End the run as cancelled. Input: the JSON that `promptos run cancel RUN --print` prints.',
    unfinishedPolicy,
  });
  setHandler(handOffSignal, run.lookAgain, {
    description:
      'Look whether the output of a gate that is done elsewhere was submitted. `promptos gate submit` sends it; it takes no input.',
    unfinishedPolicy,
  });
  setHandler(
    decideUpdate,
    (message) => {
      const { kind, content } = readHumanMessage(message) ?? { kind: 'signal' as const, content: message };
      return new Promise((resolve) => run.inbox.receive(kind, content, resolve));
    },
    {
      description:
        'Send a decision, a resolution, an escalation or a cancellation, and learn at once whether it counted.',
      unfinishedPolicy,
      // A client whose update has no answer in time sends the message as a signal too. A worker that starts then gets both,
      // the signal first. What is rejected here is no event of the history, and a replay does not ask again.
      validator: (message) => {
        const content = readHumanMessage(message)?.content;
        if (!isSigned(content) || !fitsMessage(content) || !counted.has(JSON.stringify(content))) return;
        throw ApplicationFailure.nonRetryable('This signed message has counted already, as a signal.');
      },
    },
  );
  setHandler(statusQuery, run.status, { description: 'The gates, and what is awaited.' });
  setHandler(ledgerQuery, run.entries, { description: 'The ledger entries of this execution.' });
}

/** Without a signature, and so without its time, the same text may be another message. */
const isSigned = (content: unknown): boolean =>
  typeof content === 'object' && content !== null && 'signatures' in content;

const KINDS = ['decision', 'resolution', 'escalation', 'cancellation'] as const;

/** What an update brought, or null when it is no message of ours at all. The content is judged by the domain. */
function readHumanMessage(message: unknown): { readonly kind: MessageKind; readonly content: unknown } | null {
  if (typeof message !== 'object' || message === null) return null;
  const { kind } = message as { kind?: unknown };
  const known = KINDS.find((candidate) => candidate === kind);
  return known === undefined ? null : { kind: known, content: (message as Record<string, unknown>)[known] };
}
