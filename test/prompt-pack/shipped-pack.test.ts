import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { builtInPackDir } from '../../src/config/pack-folder.js';
import { readPackFolder, readPromptPack } from '../../src/config/prompt-pack.js';
import { GATE_OUTPUT_SCHEMAS } from '../../src/contracts/answers/gate-outputs.js';
import { GATE_IDS, GATES, PROMPT_IDS } from '../../src/contracts/names.js';
import { lintPack } from '../../src/prompt-pack/lint.js';
import { loadPack, requirePromptIndex } from '../../src/prompt-pack/load.js';
import { formatPromptLock, LOCK_PATH, makePromptLock } from '../../src/prompt-pack/pack-digest.js';

const files = await readPackFolder(builtInPackDir());
const pack = loadPack(await readPromptPack(builtInPackDir(), { PATH: process.env.PATH }));

describe('the shipped pack', () => {
  test('the shipped pack: passes the linter without a finding', () => {
    expect(lintPack(files)).toEqual({ passed: true, findings: [] });
  });

  test('the shipped pack: its lock is byte for byte the one that its files have now', async () => {
    const lock = await readFile(join(builtInPackDir(), LOCK_PATH), 'utf8');
    expect(lock).toBe(formatPromptLock(makePromptLock(files, requirePromptIndex(files))));
  });

  test('the shipped pack: has the version of its index, not the tag of the project that holds it', () => {
    expect(pack.version).toBe('v1.1.0');
  });

  test.each(GATE_IDS)('the shipped pack: %s names its gate, its role and every field of its output', (gate) => {
    const { name, text } = pack.prompts[gate];
    expect(name).toBe(GATES[gate].title);
    expect(text).toContain(`You are the **${GATES[gate].role}** of a governed run`);
    for (const field of Object.keys(GATE_OUTPUT_SCHEMAS[gate].shape)) expect(text).toContain(`| \`${field}\` |`);
  });

  test.each(PROMPT_IDS)('the shipped pack: %s says how to work, when to stop and what never to do', (id) => {
    const { text } = pack.prompts[id];
    expect(text.split('\n').length).toBeGreaterThan(50);
    expect(text.split('\n').length).toBeLessThan(111);
    expect(text).toMatch(/^## When to (stop and )?escalate$/m);
    expect(text).toMatch(/^## Never$/m);
  });
});
