import { describe, expect, test } from 'vitest';
import type { ArtifactRef } from '../../../src/contracts/primitives.js';
import { attemptFiles, orderedTree } from '../../../src/domain/record/published-tree.js';
import { finishedRun } from '../../support/finished-run.js';
import { memoryStore } from '../../support/memory-store.js';

const at = (path: string): ArtifactRef => ({ path, sha256: '0'.repeat(64), bytes: 0, media_type: 'text/plain' });

describe('published tree', () => {
  test('attemptFiles: artifacts of a standing attempt are public, its record and transcripts in its folder', async () => {
    const { attempts } = await finishedRun(memoryStore());
    const [sha256, record] = [...attempts].find(([, { gate, attempt }]) => gate === 'P03' && attempt === 2) ?? [];
    if (sha256 === undefined || record === undefined) throw new Error('the run has a second P03');
    const paths = (valid: boolean) => attemptFiles({ record, sha256, bytes: 7, valid }).map(({ path }) => path);
    const own = ['attempt.json', 'try-1/prompt.md', 'try-1/stdout.txt'].map(
      (path) => `evidence/attempts/P03/2/${path}`,
    );
    expect(paths(true)).toEqual([...own, 'plan.md', 'evidence/plan.json']);
    expect(paths(false)).toEqual([
      ...own,
      'evidence/attempts/P03/2/plan.md',
      'evidence/attempts/P03/2/evidence/plan.json',
    ]);
  });

  test('orderedTree: sorts by path', () => {
    expect(orderedTree(['b', 'a/c', 'a.txt'].map(at)).map(({ path }) => path)).toEqual(['a.txt', 'a/c', 'b']);
  });

  test('orderedTree: PATH_CLASH instead of an overwrite', () => {
    for (const paths of [
      ['a', 'a'],
      ['a/b', 'a'],
      ['a', 'a/b/c'],
      ['evidence/x', 'y', 'evidence/x'],
    ]) {
      expect(() => orderedTree(paths.map(at))).toThrow(expect.objectContaining({ code: 'PATH_CLASH' }));
    }
  });
});
