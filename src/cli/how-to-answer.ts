import {
  type AwaitedDecision,
  type AwaitedResolution,
  isInterruption,
  type RunStatus,
} from '../contracts/run-status.js';

/** Those whose word counts on this run. */
export const ableIntegrators = ({ integrators, developer, self_approval }: RunStatus): readonly string[] =>
  integrators.filter((name) => self_approval === 'allowed' || name !== developer);

/** The commands that answer what is awaited. */
export function howToAnswer(
  status: RunStatus,
  awaited: AwaitedDecision | AwaitedResolution,
  program = 'promptos',
): readonly string[] {
  const able = ableIntegrators(status);
  const who = able.length === 1 ? able[0] : 'NAME';
  const run = status.run_id;
  if (awaited.kind === 'resolution') {
    // Of a gate that could not be carried out there is no output to go on with: the same gate is done again.
    const choices = isInterruption(awaited) ? 'retry' : 'continue|retry|rework|abort';
    return [`${program} resolve ${run} ${awaited.escalation_id} --choose ${choices} --as ${who}`];
  }
  const acknowledged = awaited.to_acknowledge.map((id) => ` --acknowledge ${id}`).join('');
  // Where nothing but a rejection can count, the command says where it goes.
  const to = awaited.approvable ? '' : ` --to ${awaited.rejects_to}`;
  const reject = `${program} reject ${run} --gate ${awaited.gate}${to} --as ${who} --comment "why"`;
  return awaited.approvable
    ? [`${program} approve ${run} --gate ${awaited.gate} --as ${who}${acknowledged}`, reject]
    : [reject];
}
