import { beforeAll, describe, expect, test } from 'vitest';
import { type CheckOutcome, judgeTree } from '../../src/verify/verify-tree.js';
import { Forgery } from './forgery.js';
import { type GenuineRun, genuineRun } from './genuine-run.js';
import { memoryTree } from './memory-tree.js';

const DAY = 86_400_000;

let kept: GenuineRun;
let forever: GenuineRun;
let silent: GenuineRun;
beforeAll(async () => {
  kept = await genuineRun({ story: 'straight', keep: '30d' });
  forever = await genuineRun({ story: 'straight', keep: 'forever' });
  silent = await genuineRun({ story: 'straight' });
});

const TRANSCRIPT = 'evidence/attempts/P05/1/try-1/stdout.txt';
const transcripts = ({ files }: GenuineRun) =>
  [...files.keys()].filter((path) => /\/try-\d+\/(?:stdout|stderr)\.txt$/.test(path));
const without = (run: GenuineRun, ...paths: readonly string[]): Forgery => {
  const tree = new Forgery(run.files);
  for (const path of paths) if (!tree.files.delete(path)) throw new Error(`the tree has no ${path}`);
  return tree;
};
const endOf = ({ files }: GenuineRun): number => Date.parse(new Forgery(files).entries().at(-1)?.at ?? '');

/** @param after milliseconds between the end of the run and the judgement; null for a verifier without a clock */
async function judge(run: GenuineRun, tree: Forgery, after: number | null, policies = [run.policy]) {
  const now = after === null ? {} : { now: endOf(run) + after };
  const verdict = await judgeTree(memoryTree(tree.files), { policies, ...now });
  const failed = ({ status }: CheckOutcome) => status === 'failed';
  return {
    codes: verdict.outcomes.filter(failed).map(({ failure }) => failure?.code),
    remarks: verdict.remarks.filter((remark) => remark.startsWith('removed')),
  };
}

describe('transcripts that are missing', () => {
  test('are accepted once the policy keeps them no longer, and said', async () => {
    const until = new Date(endOf(kept) + 30 * DAY).toISOString();
    const all = transcripts(kept);
    const removed = `removed by retention: ${all.length} transcripts, kept until ${until} by \`transcripts.keep\` of the run's policy`;
    expect(await judge(kept, without(kept, ...all), 30 * DAY)).toEqual({ codes: [], remarks: [removed] });
  });

  test('of a tree that has them all nothing is said, whatever the time', async () => {
    expect(await judge(kept, without(kept), 300 * DAY)).toEqual({ codes: [], remarks: [] });
  });

  test('are refused until that time, and by a verifier without a clock', async () => {
    const tree = () => without(kept, TRANSCRIPT);
    expect((await judge(kept, tree(), 30 * DAY - 1)).codes).toEqual(['FILE_MISSING']);
    expect((await judge(kept, tree(), null)).codes).toEqual(['FILE_MISSING']);
  });

  test('are refused where the policy keeps them forever, or says nothing of them', async () => {
    for (const run of [forever, silent]) {
      expect((await judge(run, without(run, TRANSCRIPT), 9_999 * DAY)).codes).toEqual(['FILE_MISSING']);
    }
  });

  test('are refused where the policy of the run is not among those handed in', async () => {
    const { codes } = await judge(kept, without(kept, TRANSCRIPT), 300 * DAY, [forever.policy]);
    expect(codes).toEqual(['FILE_MISSING', 'POLICY_UNKNOWN']);
  });

  test('are refused where another policy was put into the tree', async () => {
    const tree = without(silent, TRANSCRIPT);
    tree.edit('evidence/policy.yaml', (text) => `${text}transcripts: { keep: 1s }\n`).relist();
    expect((await judge(silent, tree, 300 * DAY, [])).codes).toContain('FILE_MISSING');
  });

  test('are refused where the end of the run was moved', async () => {
    const tree = without(kept, TRANSCRIPT).record((record) => {
      record.finished_at = new Date(endOf(kept) - 31 * DAY).toISOString();
    });
    expect((await judge(kept, tree, 0)).codes).toContain('RECORD_DIFFERS');
  });
});

test('retention: a changed transcript is refused, however long ago the run ended', async () => {
  const tree = without(kept).put(TRANSCRIPT, 'another');
  expect((await judge(kept, tree, 300 * DAY)).codes).toEqual(['DIGEST_MISMATCH']);
});

test.each([
  'evidence/attempts/P05/1/try-1/prompt.md',
  'evidence/attempts/P05/1/try-1/answer.txt',
  'evidence/checks/tests.stdout.txt',
  'patch/change.patch',
])('retention: %s is none of the transcripts, and may not be missing', async (path) => {
  expect((await judge(kept, without(kept, path), 300 * DAY)).codes).toContain('FILE_MISSING');
});
