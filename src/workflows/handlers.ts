import { HandlerUnfinishedPolicy } from '@temporalio/common';
import { setHandler } from '@temporalio/workflow';
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
  const onSignal = (kind: MessageKind) => (content?: unknown) => run.inbox.receive(kind, content);
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
    },
  );
  setHandler(statusQuery, run.status, { description: 'The gates, and what is awaited.' });
  setHandler(ledgerQuery, run.entries, { description: 'The ledger entries of this execution.' });
}

const KINDS = ['decision', 'resolution', 'escalation', 'cancellation'] as const;

/** What an update brought, or null when it is no message of ours at all. The content is judged by the domain. */
function readHumanMessage(message: unknown): { readonly kind: MessageKind; readonly content: unknown } | null {
  if (typeof message !== 'object' || message === null) return null;
  const { kind } = message as { kind?: unknown };
  const known = KINDS.find((candidate) => candidate === kind);
  return known === undefined ? null : { kind: known, content: (message as Record<string, unknown>)[known] };
}
