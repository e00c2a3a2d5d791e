import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { PromptOsError } from '../../src/contracts/errors.js';
import { canonicalJson } from '../../src/contracts/json.js';
import { PROMPT_IDS } from '../../src/contracts/names.js';
import { loadPack } from '../../src/prompt-pack/load.js';
import { INDEX_PATH, LOCK_PATH } from '../../src/prompt-pack/pack-digest.js';
import { bundleOf, edited, locked, samplePath, unlockedPack } from './sample-pack.js';

const good = locked(unlockedPack());
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const codeOf = (act: () => unknown) => {
  try {
    act();
  } catch (error) {
    if (error instanceof PromptOsError) return error.code;
    throw error;
  }
  return 'no error';
};

describe('loadPack', () => {
  test('loadPack: gives the seven prompts with their exact text and digest', () => {
    const pack = loadPack(bundleOf(good));
    expect(Object.keys(pack.prompts)).toEqual([...PROMPT_IDS]);
    expect(pack.version).toBe('v1.2.3');
    const text = good[samplePath('P05')] ?? '';
    expect(pack.prompts.P05).toEqual({
      prompt_id: 'P05',
      name: 'Prompt P05',
      version: '1.2.3',
      owner: 'somebody',
      path: 'gates/P05.md',
      sha256: sha256(text),
      text,
    });
  });

  test('loadPack: the digest covers index and prompts, and not the lock', () => {
    const digests = Object.entries(unlockedPack()).map(([path, text]) => [path, sha256(text)]);
    const expected = sha256(canonicalJson(Object.fromEntries(digests)));
    expect(loadPack(bundleOf(good)).digest).toBe(expected);
    expect(loadPack(bundleOf(unlockedPack())).digest).toBe(expected);
    const other = edited(unlockedPack(), samplePath('P08'), 'Do the work', 'Do all the work');
    expect(loadPack(bundleOf(other)).digest).not.toBe(expected);
  });

  test('loadPack: a pack with a fault that only the linter minds loads', () => {
    const files = locked(edited(unlockedPack(), samplePath('P01'), /stop_conditions:\n.*/, 'stop_conditions: []'));
    expect(loadPack(bundleOf(files)).prompts.P01.version).toBe('1.2.3');
  });

  test.each([
    ['a changed prompt', edited(good, samplePath('P01'), 'Do the work', 'Skip the work')],
    ['another version in the lock', edited(good, LOCK_PATH, '"1.2.3"', '"1.2.2"')],
    ['another pack version in the lock', edited(good, LOCK_PATH, '"v1.2.3"', '"v1.2.2"')],
    ['a prompt that the lock lacks', edited(good, LOCK_PATH, /,\s*"P08": \{[^}]*\}/, '')],
  ])('loadPack: refuses %s with PACK_LOCK_MISMATCH', (_, files) => {
    expect(codeOf(() => loadPack(bundleOf(files)))).toBe('PACK_LOCK_MISMATCH');
  });

  test.each([
    ['a missing file', Object.fromEntries(Object.entries(good).filter(([path]) => path !== samplePath('P07')))],
    ['a prompt that the index lacks', edited(good, INDEX_PATH, /,\s*\{\s*"prompt_id": "P08"[^}]*\}/, '')],
    ['a prompt that the index names twice', edited(good, INDEX_PATH, '"P08"', '"P07"')],
    ['a lock that is no JSON', { ...good, [LOCK_PATH]: 'lock' }],
  ])('loadPack: refuses %s with PACK_INVALID', (_, files) => {
    expect(codeOf(() => loadPack(bundleOf(files)))).toBe('PACK_INVALID');
  });

  test('loadPack: refuses an unreadable index and a missing one', () => {
    const bundle = bundleOf(good);
    const withIndex = (text: string) => ({ ...bundle, files: { ...bundle.files, [INDEX_PATH]: text } });
    expect(codeOf(() => loadPack(withIndex('{')))).toBe('PACK_INVALID');
    expect(codeOf(() => loadPack({ ...bundle, files: {} }))).toBe('PACK_NOT_FOUND');
  });

  test('loadPack: refuses a bundle whose digest is not that of its files', () => {
    expect(codeOf(() => loadPack({ ...bundleOf(good), digest: '0'.repeat(64) }))).toBe('PACK_INVALID');
  });
});
