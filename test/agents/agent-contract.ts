import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { GateId } from '../../src/contracts/names.js';
import type { ExecutorOutcome } from '../../src/ports/gate-executor.js';
import { type ModelTurn, SERVED_MODEL, TOKENS } from '../support/model-protocols.js';
import type { ScriptedTurn } from '../support/model-server.js';
import type { AgentCase } from './agent-cases.js';

const ANSWER = { kind: 'output', summary: 'The context is understood.', constraints: [], questions: [] };
const words: ModelTurn = {
  kind: 'text',
  text: `I read it.\n\n\`\`\`json\n${JSON.stringify(ANSWER, null, 2)}\n\`\`\`\n`,
};

const EDITED = 'made.txt';
const EDIT = 'made by the agent';

/** One thing that is asked of every preset: what the model does, and what must come of it. */
export interface Scenario {
  readonly name: string;
  readonly gate: GateId;
  readonly prompt: string;
  /** The last turn is repeated where the model answers with errors alone. */
  turns(agent: AgentCase, checkout: string): readonly ScriptedTurn[];
  judge(agent: AgentCase, outcome: ExecutorOutcome, checkout: string): void;
}

function judgeAnswer(agent: AgentCase, outcome: ExecutorOutcome): void {
  expect(outcome).toMatchObject({ exit_code: 0, problem: null });
  expect(outcome.failure).toBeUndefined();
  expect(JSON.parse(outcome.answer ?? '')).toEqual(ANSWER);
  expect(outcome.served_model).toBe(agent.served === 'served' ? SERVED_MODEL : null);
  expect(outcome.agent?.version).toBe(agent.version);
}

/** What the agent reports of its tools is what the record has; what it does not report is null. */
function judgeWork({ agent, program = agent, reports: { call, tool } }: AgentCase, { work }: ExecutorOutcome): void {
  const calls = call === null ? null : { total: 1, by_tool: [{ tool: call, calls: 1 }] };
  expect(work?.tool_calls).toEqual(calls);
  if (tool === undefined) expect(work?.tools).toBeNull();
  else expect(work?.tools?.names).toContain(tool);
  expect(work?.parameters?.argv?.[0]).toBe(program);
}

/** @param said the provider's words; an agent may put its own in their place */
function judgeFailure(
  { ownWords = {} }: AgentCase,
  outcome: ExecutorOutcome,
  expected: 'transient' | 'authentication',
  said: RegExp,
): void {
  expect(outcome.answer).toBeNull();
  expect(outcome.failure?.class).toBe(expected);
  expect(outcome.failure?.message).toMatch(ownWords[expected] ?? said);
}

const error = (status: number, message: string): ModelTurn => ({ kind: 'error', status, message });

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'answer',
    gate: 'P00',
    prompt: 'Restate the context.',
    turns: () => [words],
    judge: (agent, outcome) => {
      judgeAnswer(agent, outcome);
      if (!agent.counts) return;
      expect(outcome.used?.usage).toMatchObject({ input_tokens: TOKENS.input, output_tokens: TOKENS.output });
    },
  },
  {
    name: 'edit',
    gate: 'P05',
    prompt: 'Make the file made.txt.',
    turns: (agent, checkout) => {
      const path = join(checkout, EDITED);
      if (agent.editsByText !== true) return [(call) => agent.write(path, EDIT, call), words];
      return [
        (call) => {
          const edit = agent.write(path, EDIT, call);
          return edit.kind === 'text' ? { kind: 'text', text: `${edit.text}\n${words.text}` } : edit;
        },
      ];
    },
    judge: (agent, outcome, checkout) => {
      expect(readFileSync(join(checkout, EDITED), 'utf8').trim()).toBe(EDIT);
      judgeAnswer(agent, outcome);
      judgeWork(agent, outcome);
    },
  },
  {
    name: 'too-many-requests',
    gate: 'P00',
    prompt: 'Restate the context.',
    turns: () => [error(429, 'Too many requests.')],
    judge: (agent, outcome) => judgeFailure(agent, outcome, 'transient', /too many requests/i),
  },
  {
    name: 'wrong-key',
    gate: 'P00',
    prompt: 'Restate the context.',
    turns: () => [error(401, 'Incorrect API key provided: t***.')],
    judge: (agent, outcome) => judgeFailure(agent, outcome, 'authentication', /Incorrect API key provided/),
  },
];

/** Whether every answer of the model is an error, so that the agent may ask any number of times. */
export const onlyErrors = (turns: readonly ScriptedTurn[]): boolean =>
  turns.every((turn) => typeof turn === 'object' && turn.kind === 'error');
