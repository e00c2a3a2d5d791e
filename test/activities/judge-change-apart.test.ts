import { expect, test } from 'vitest';
import { judgeChangeApart } from '../../src/activities/judge-change-apart.js';
import { judgeChange } from '../../src/rules/judge-change.js';
import { parsePatch } from '../../src/rules/parse-patch.js';
import type { JudgedPatch } from '../../src/rules/patch-rule.js';
import { judged } from '../rules/patches.js';

const LINE = '+export const share = (total, people) => Math.floor(total / people);\n';

/** A patch of so many bytes that leaves its scope. */
function largeChange(bytes: number): JudgedPatch {
  const lines = Math.ceil(bytes / LINE.length);
  const head = [
    'diff --git a/src/split.js b/src/split.js',
    'new file mode 100644',
    `index ${'0'.repeat(40)}..${'1'.repeat(40)}`,
    '--- /dev/null',
    '+++ b/src/split.js',
    `@@ -0,0 +1,${lines} @@`,
  ];
  const patch = new TextEncoder().encode(`${head.join('\n')}\n${LINE.repeat(lines)}`);
  const { files, added_lines: added } = parsePatch(patch);
  return judged(files, { bytes: patch, lines: added, scopes: [{ allow: ['docs/**'], deny: [] }] });
}

test('judgeChangeApart: says of a large patch what judgeChange says, and timers go on meanwhile', async () => {
  const change = largeChange(6_000_000);
  const expected = judgeChange(change);
  // Compiled by now. Hits of secrets are known by the object that was judged.
  const again = { ...change };
  const began = performance.now();
  judgeChange(again);
  const judging = performance.now() - began;
  expect(expected.map(({ rule }) => rule)).toContain('scope');
  let [last, longest] = [performance.now(), 0];
  const tick = (): void => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  };
  const timer = setInterval(tick, 5);
  expect(await judgeChangeApart({ ...change }, new AbortController().signal)).toEqual(expected);
  clearInterval(timer);
  tick();
  expect(longest).toBeLessThan(judging / 2);
});

test('judgeChangeApart: ends with the reason of its signal', async () => {
  const controller = new AbortController();
  const judging = judgeChangeApart(largeChange(6_000_000), controller.signal);
  setTimeout(() => controller.abort(new Error('cancelled')), 20);
  await expect(judging).rejects.toThrow('cancelled');
});
