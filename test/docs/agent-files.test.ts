import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { AGENT_FILES } from '../../src/rules/agent-files/agent-files.js';

test('docs/agent-files.md: lists every entry of the table', async () => {
  const page = await readFile(new URL('../../docs/agent-files.md', import.meta.url), 'utf8');
  const block = /```text\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
  expect(block.split(/\s{2,}|\n/).filter(Boolean)).toEqual([...AGENT_FILES]);
});
