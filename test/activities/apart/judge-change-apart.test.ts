import { expect, test } from 'vitest';
import { judgeChangeApart } from '../../../src/activities/apart/judge-change-apart.js';
import { judgeSeen } from '../../../src/activities/apart/judge-seen.js';
import { type Content, wholeOf } from '../../../src/contracts/long-bytes.js';
import type { LongPatch } from '../../../src/contracts/record/long-patch.js';
import type { SecretScanner } from '../../../src/ports/secret-scanner.js';
import { parsePatch } from '../../../src/rules/patch/parse-patch.js';
import type { JudgedPatch } from '../../../src/rules/patch/patch-rule.js';
import { judged } from '../../rules/patches.js';

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

const HIT = {
  rule: 'scanner',
  path: 'src/split.js',
  line: 2,
  message: 'looks like a credential',
  confidence: 'known' as const,
};
const scanner = (hits: readonly (typeof HIT)[]): SecretScanner => ({
  scan: async () => hits,
  scanLong: async () => hits,
});
const noAbort = () => new AbortController().signal;

/** The same change out of memory. */
function long({ bytes, files }: JudgedPatch['patch']): LongPatch {
  const content: Content = {
    byteLength: bytes.byteLength,
    read: async function* () {
      for (let from = 0; from < bytes.length; from += 65_536) yield bytes.subarray(from, from + 65_536);
    },
    release: () => undefined,
  };
  return { files, bytes: content, shown: content, moved_links: [], binaries: [], release: () => undefined };
}

test('judgeChangeApart: says of a large patch what judgeSeen says, in memory and out of it, and timers go on meanwhile', async () => {
  const { patch, secret_hits: _, ...terms } = largeChange(4_000_000);
  const { masked, ...expected } = judgeSeen({ patch, secret_hits: [], ...terms });
  expect(masked).toBeNull();
  expect(expected.findings.map(({ rule }) => rule)).toContain('scope');
  const began = performance.now();
  judgeSeen({ patch: { ...patch }, secret_hits: [], ...terms });
  const judging = performance.now() - began;
  expect(await judgeChangeApart(patch, terms, scanner([]), noAbort())).toEqual({ ...expected, masked: null });
  let [last, longest] = [performance.now(), 0];
  const tick = (): void => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  };
  const timer = setInterval(tick, 5);
  expect(await judgeChangeApart(long(patch), terms, scanner([]), noAbort())).toEqual({ ...expected, masked: null });
  clearInterval(timer);
  tick();
  expect(longest).toBeLessThan(judging / 2);
});

test('judgeChangeApart: a large patch in which a secret was found comes masked', async () => {
  const { patch, secret_hits: _, ...terms } = largeChange(1_500_000);
  const { masked } = judgeSeen({ patch, secret_hits: [HIT], ...terms });
  const apart = await judgeChangeApart(long(patch), terms, scanner([HIT]), noAbort());
  expect(apart.findings.map(({ rule }) => rule)).toContain('secrets');
  if (masked === null || apart.masked === null) throw new Error('expected a masked patch');
  expect(Buffer.from(await wholeOf(apart.masked)).equals(masked)).toBe(true);
});

test('judgeChangeApart: a scanner that reads no long changes is given all of it', async () => {
  const { patch, secret_hits: _, ...terms } = largeChange(1_200_000);
  const seen: string[] = [];
  const scan: SecretScanner['scan'] = async (files) => {
    seen.push(...files.map(({ path, text }) => `${path} ${text.split('\n').length}`));
    return [HIT];
  };
  const { findings } = await judgeChangeApart(long(patch), terms, { scan }, noAbort());
  expect(seen).toEqual([`src/split.js ${patch.added_lines.length}`]);
  expect(findings.map(({ rule }) => rule)).toContain('secrets');
});

test('judgeChangeApart: what cannot be read is the error', async () => {
  const { patch, secret_hits: _, ...terms } = largeChange(1_200_000);
  const lost = new Error('the disk is gone');
  const change = long(patch);
  const broken: LongPatch = {
    ...change,
    shown: {
      byteLength: 1,
      read: () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(lost) }) }),
      release: () => undefined,
    },
  };
  await expect(judgeChangeApart(broken, terms, scanner([]), noAbort())).rejects.toBe(lost);
});

test('judgeChangeApart: ends with the reason of its signal', async () => {
  const controller = new AbortController();
  const { patch, secret_hits: _, ...terms } = largeChange(4_000_000);
  const judging = judgeChangeApart(long(patch), terms, scanner([]), controller.signal);
  setTimeout(() => controller.abort(new Error('cancelled')), 20);
  await expect(judging).rejects.toThrow('cancelled');
});
