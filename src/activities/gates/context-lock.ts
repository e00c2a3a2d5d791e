import type { ContextOutput } from '../../contracts/gate-outputs.js';
import { judgeContext } from '../../rules/context-output.js';
import { type GateDefinition, NOTHING_OBSERVED, presentInputs, prettyJson } from './gate-definition.js';

/** P00: the writer restates the context; a constraint that is lost or reworded fails the gate. */
export const contextLock: GateDefinition<ContextOutput> = {
  editsFiles: false,
  begin: async ({ request, putArtifact }) => ({
    patch: null,
    inputs: presentInputs({ request }),
    observed: NOTHING_OBSERVED,
    judge: async (output) => ({
      findings: judgeContext(request, output),
      artifacts: [await putArtifact('evidence/context.json', prettyJson(output), 'application/json')],
    }),
  }),
};
