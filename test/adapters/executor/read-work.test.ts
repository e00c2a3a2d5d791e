import { expect, test } from 'vitest';
import { AGENT_PRESETS } from '../../../src/adapters/executor/presets/presets.js';
import { readPrintedJson } from '../../../src/adapters/executor/printed-json.js';
import { readWork } from '../../../src/adapters/executor/read-work.js';
import { executorTrySchema } from '../../../src/contracts/attempt.js';

const lines = (...events: readonly object[]) => events.map((event) => JSON.stringify(event)).join('\n');
const { work } = AGENT_PRESETS.claude;
const use = (name: string, id: string) => ({
  type: 'assistant',
  message: {
    content: [
      { type: 'text', text: 'Now.' },
      { type: 'tool_use', name, id },
    ],
  },
});

test('readWork: a call that is reported twice counts once, and the most called tool is first', () => {
  const printed = lines(use('Read', 'a'), use('Bash', 'b'), use('Bash', 'c'), use('Bash', 'c'));
  expect(readWork(work, readPrintedJson(printed)).tool_calls).toEqual({
    total: 3,
    by_tool: [
      { tool: 'Bash', calls: 2 },
      { tool: 'Read', calls: 1 },
    ],
  });
});

test('readWork: of a program that printed no events nothing is known', () => {
  const nothing = { tools: null, tool_calls: null, settings: {} };
  expect(readWork(work, readPrintedJson('it broke'))).toEqual(nothing);
  expect(readWork({}, readPrintedJson(lines(use('Read', 'a'))))).toEqual(nothing);
});

test('readWork: lists are bounded, names are on one line, without credentials and of a bounded length', () => {
  const token = ['gh', 'p_q7Rk2VxT9mZp4LwB8nHs3JdF6cGy1aUe0oKi'].join('');
  const odd = [`x\n${token}`, 'y'.repeat(5_000)];
  const tools = [...odd, ...Array.from({ length: 500 }, (_, index) => `mcp__tool_${index}`)];
  const calls = tools.map((name, index) => use(name, `id-${index}`));
  const init = { type: 'system', tools, mcp_servers: [{ name: 'docs', status: 'connected' }], permissionMode: 'plan' };
  const read = readWork(work, readPrintedJson(lines(init, ...calls)));
  expect(read.tools).toMatchObject({ listed_by: 'agent', more: 402, mcp_servers: ['docs'] });
  expect(read.tools?.names).toHaveLength(100);
  expect(read.tool_calls?.by_tool).toHaveLength(100);
  expect(read.tool_calls?.total).toBe(502);
  expect(read.settings).toEqual({ permission_mode: 'plan' });
  expect(JSON.stringify(read)).not.toContain(token);
  const { settings: _, ...kept } = read;
  const tried = { number: 1, rendered_prompt_sha256: 'a'.repeat(64), exit_code: 0, duration_ms: 1, problem: null };
  expect(executorTrySchema.safeParse({ ...tried, ...kept }).error).toBeUndefined();
});
