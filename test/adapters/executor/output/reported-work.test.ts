import { expect, test } from 'vitest';
import { readPrintedJson } from '../../../../src/adapters/executor/output/printed-json.js';
import { readWork } from '../../../../src/adapters/executor/output/reported-work.js';
import { AGENT_PRESETS } from '../../../../src/adapters/executor/presets/presets.js';
import { executorTrySchema } from '../../../../src/contracts/record/attempt.js';

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

test('readWork: events and figures of a hostile program end no gate', () => {
  const odd = lines({ type: { toString: 1 } }, { type: 'tool.execution_start', data: { toolName: { toString: 1 } } });
  expect(readWork(AGENT_PRESETS.copilot.work, readPrintedJson(odd)).tool_calls).toEqual({ total: 0, by_tool: [] });
  const byName = { a: { count: Number.MAX_SAFE_INTEGER }, b: { count: Number.MAX_SAFE_INTEGER } };
  const huge = JSON.stringify({ stats: { tools: { byName } } });
  expect(readWork(AGENT_PRESETS.gemini.work, readPrintedJson(huge)).tool_calls).toBeNull();
});

test('readWork: of a credential that is longer than any name nothing is kept', () => {
  const token = `eyJ${'hbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9'}.eyJ${'zdWIiOiIxMjM0NTY3ODkwIn'.repeat(60)}.${'c2lnbmF0dXJl'.repeat(8)}`;
  const { tools } = readWork(work, readPrintedJson(lines({ tools: [token] })));
  expect(JSON.stringify(tools)).not.toContain('zdWIiOi');
});

test('readWork: a name that is a credential only once it is cut is masked, and fits the record', () => {
  const cut = `${'x'.repeat(78)} ${['AK', 'IAQ7RK2VXT9MZP4LWB'].join('')}`;
  const { tools, tool_calls } = readWork(work, readPrintedJson(lines({ tools: [`${cut}KKKK`] })));
  expect(cut).toHaveLength(99);
  expect(tools?.names).toEqual(['[masked]']);
  expect(tool_calls?.total).toBe(0);
});
