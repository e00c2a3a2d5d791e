import { z } from 'zod';
import { PromptOsError } from '../../../contracts/errors.js';
import { personEscalationSchema } from '../../../contracts/run/decisions.js';
import { selectRun } from '../../app/select-run.js';
import { escalationOf } from '../messages/escalate-run.js';
import { withRuns } from '../read/governed-runs.js';
import { runArgument } from './run-facts.js';
import { defineTool } from './tool.js';

const { impact, context, options, recommendation, security_sensitive } = personEscalationSchema.shape;

/** Raises a P08 in the principal's name: the one message to a run that a principal without a gate may send. */
export const raiseEscalation = defineTool({
  name: 'raise_escalation',
  title: 'Raise an escalation (P08)',
  description:
    "Stops a run until an integrator, who is a person, resolves it. Signed with this principal's key. For what the principal cannot or must not settle itself: a contradiction in the request, a missing decision, something unsafe.",
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  input: z.strictObject({
    run: runArgument,
    issue: z.string().trim().min(1).max(4_000).describe('what is wrong, in one or two sentences'),
    impact: impact.describe('what happens without an answer'),
    context: context.describe('what a decider must know'),
    options: options.describe('what could be done'),
    recommendation: recommendation.describe('what you would do, and why'),
    security_sensitive: security_sensitive.describe('whether it is a matter of security'),
  }),
  output: z.object({
    run_id: z.string(),
    delivery: z
      .enum(['counted', 'queued'])
      .describe('counted: the run is stopped; queued: no worker answered, so it waits in the history of the run'),
    message: z.string(),
  }),
  run: async ({ context: command, principal, key }, { run: given, ...said }) =>
    withRuns(
      command,
      async (session) => {
        const { run_id } = await selectRun(given, session);
        const delivery = await (await escalationOf(session, { run_id }, { ...said, actor: principal })).send(
          session.runs,
        );
        if (delivery.kind === 'queued') {
          return { run_id, delivery: 'queued' as const, message: 'it counts when a worker takes it up' };
        }
        const { accepted, reason, message } = delivery.answer;
        if (!accepted) throw new PromptOsError('DECISION_REFUSED', `Refused (${reason}): ${message}`);
        return { run_id, delivery: 'counted' as const, message };
      },
      { key },
    ),
});
