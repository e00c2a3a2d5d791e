import { GATE_IDS, type GateId } from '../../src/contracts/names.js';
import type { RunRequest } from '../../src/contracts/run/run-request.js';
import { exampleOutputs } from '../support/gate-outputs.js';
import type { ModelTurn } from '../support/model-protocols.js';
import type { ModelCall, ScriptedTurn } from '../support/model-server.js';
import type { AgentCase } from './agent-cases.js';

/** The file that the run is about. */
export const MADE = {
  path: 'src/total.js',
  text: 'export const total = (prices) => prices.reduce((a, b) => a + b, 0);\n',
};

/** Every text of a call, at whatever depth. */
function* textsIn(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (typeof value === 'object' && value !== null) for (const part of Object.values(value)) yield* textsIn(part);
}

/** The prompt of a gate in what an agent sent. */
function promptOf({ text }: ModelCall): string {
  const prompt = [...textsIn(JSON.parse(text))].find((part) => part.includes('<<<PROMPTOS-DATA request>>>'));
  if (prompt === undefined) throw new Error(`no prompt of a gate was sent: ${text.slice(0, 500)}`);
  return prompt;
}

function requestOf(prompt: string): RunRequest {
  const [, json = ''] = /<<<PROMPTOS-DATA request>>>\n([\s\S]*?)\n<<<END PROMPTOS-DATA request>>>/.exec(prompt) ?? [];
  return JSON.parse(json);
}

function gateOf(prompt: string): GateId {
  const found = GATE_IDS.find((gate) => prompt.includes(`\n# ${gate} `) || prompt.startsWith(`# ${gate} `));
  if (found === undefined) throw new Error(`the prompt names no gate: ${prompt.slice(0, 500)}`);
  return found;
}

/** An honest answer of a gate, for the request that its prompt holds. */
function answerOf(gate: GateId, call: ModelCall): ModelTurn {
  const prompt = promptOf(call);
  if (gateOf(prompt) !== gate) throw new Error(`expected a call of ${gate}, received one of ${gateOf(prompt)}`);
  const request = requestOf(prompt);
  const outputs = exampleOutputs(request);
  const output = {
    ...outputs,
    P01: { ...outputs.P01, deliverables: [MADE.path], scope: request.scope },
    P03: { ...outputs.P03, components: [{ name: 'total', responsibility: 'Adds up.', files: [MADE.path] }] },
  }[gate];
  return {
    kind: 'text',
    text: `I have done it.\n\n\`\`\`json\n${JSON.stringify({ kind: 'output', ...output })}\n\`\`\`\n`,
  };
}

/** The file as the agent's tools want it: absolute where the agent says which folder it works in. */
function madeAt({ text }: ModelCall): string {
  const [, folder] = /working (?:in the )?directory:? ?(\/[^\s\\"]+)/i.exec(text) ?? [];
  return folder === undefined ? MADE.path : `${folder}/${MADE.path}`;
}

/** What a model does in a whole run: one answer a gate, and at P05 the edit before it. */
export const runTurns = (agent: AgentCase): readonly ScriptedTurn[] =>
  GATE_IDS.flatMap((gate): readonly ScriptedTurn[] => [
    ...(gate === 'P05' ? [(call: ModelCall) => agent.write(madeAt(call), MADE.text, call)] : []),
    (call) => answerOf(gate, call),
  ]);
