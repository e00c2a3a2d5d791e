import type { GateOutputs } from '../../src/contracts/answers/gate-outputs.js';
import type { RunRequest } from '../../src/contracts/run/run-request.js';
import { exampleRequest } from './run-request.js';

/** An honest output of each gate, for the example request. */
export const exampleOutputs = (request: RunRequest = exampleRequest()) => {
  const { constraints, project, goal, stack } = request.context;
  const { title, acceptance_criteria: criteria } = request.task;
  const P00: GateOutputs['P00'] = { project, summary: 'A bill splitter.', goal, stack, constraints, assumptions: [] };
  const P01: GateOutputs['P01'] = {
    title,
    objective: goal,
    deliverables: ['src/split.js'],
    acceptance_criteria: criteria,
    scope: { allow: ['src/**'], deny: [] },
    exclusions: [],
  };
  const P03: GateOutputs['P03'] = {
    summary: 'Hand out the rest.',
    components: [{ name: 'split', responsibility: 'Splits.', files: ['src/split.js'] }],
    interfaces: [],
    data_flow: 'total → parts',
    alternatives: [
      { name: 'floats', description: 'Use floats.', rejected_because: 'They lose cents.' },
      { name: 'last pays', description: 'The last one pays.', rejected_because: 'Unfair.' },
    ],
    risks: [],
    open_questions: [],
    rollback: { steps: ['Revert the commit.'], irreversible: [] },
    security_impact: { level: 'none', statement: 'It computes with numbers alone.' },
  };
  const P05: GateOutputs['P05'] = {
    summary: 'Done.',
    criteria: criteria.map(({ id }) => ({ id, how: 'So.' })),
    notes: [],
  };
  const P06: GateOutputs['P06'] = {
    verdict: 'pass',
    summary: 'All met.',
    criteria: criteria.map(({ id }) => ({ id, met: true, evidence: 'The tests.' })),
    findings: [],
  };
  const P07: GateOutputs['P07'] = { verdict: 'pass', summary: 'Held.', attacks: ['odd totals'], findings: [] };
  return { P00, P01, P03, P05, P06, P07 };
};
