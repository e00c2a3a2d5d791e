import { type RunRequest, runRequestSchema } from '../../src/contracts/run/run-request.js';

/** A small run request; parts that a test looks at can be given. */
export const exampleRequest = (parts: Partial<RunRequest> = {}): RunRequest => ({
  ...runRequestSchema.parse({
    context: {
      project: 'split-bill',
      description: 'Splits a bill.',
      stack: ['node'],
      constraints: [
        { id: 'C1', text: 'No new dependency.' },
        { id: 'C2', text: 'Amounts are whole cents.' },
      ],
      goal: 'The parts add up to the total.',
    },
    task: {
      title: 'Fix the split',
      description: 'The parts must add up to the total.',
      acceptance_criteria: [
        { id: 'AC1', text: 'The tests pass.', check: 'tests' },
        { id: 'AC2', text: 'The README says how.' },
      ],
    },
    scope: { allow: ['src/**', 'README.md'], deny: ['src/secret/**'] },
  }),
  ...parts,
});
