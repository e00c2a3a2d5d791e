import type { ContextOutput } from '../../contracts/gate-outputs.js';
import { gateInputs } from '../../prompt-pack/index.js';
import { judgeContext } from '../../rules/context-output.js';
import { observeBaseline } from './baseline.js';
import { type GateDefinition, publishOutput } from './gate-definition.js';

/**
 * P00: the engine sees what the checks do before any change, and the writer restates the context; a constraint that is
 * lost or reworded fails the gate.
 */
export const contextLock: GateDefinition<ContextOutput> = {
  editsFiles: false,
  begin: async (task) => ({
    patch: null,
    inputs: gateInputs('P00', { request: task.request }),
    observed: await observeBaseline(task),
    judge: async (output) => ({
      findings: judgeContext(task.request, output),
      artifacts: await publishOutput(task, 'P00', output),
    }),
  }),
};
