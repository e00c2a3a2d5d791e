import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { traceabilitySchema } from '../../../src/contracts/record/traceability.js';
import { renderPlan } from '../../../src/rules/outputs/published-output.js';
import { type TracedChange, traceChange } from '../../../src/rules/outputs/traceability.js';
import { parsePatch } from '../../../src/rules/patch/parse-patch.js';
import { exampleOutputs } from '../../support/gate-outputs.js';
import { changed } from '../patches.js';

const { P03, P05 } = exampleOutputs();
const plan = {
  ...P03,
  summary: 'Two\nlines.',
  components: [
    { name: 'Split', responsibility: 'Splits\ntotals.', files: ['./src/split.js', 'src/old.js'], criteria: ['AC1'] },
    { name: 'Docs', responsibility: 'Says so.', files: ['README.md', 'docs/split.md'] },
  ],
};
const build = {
  ...P05,
  criteria: [
    { id: 'AC1', how: 'By rounding.' },
    { id: 'AC2', how: 'Described in docs/split.md, which README.md.old does not.' },
  ],
};
const change: TracedChange = {
  base_commit: 'b'.repeat(40),
  patch_sha256: 'c'.repeat(64),
  files: [
    changed('src/split.js'),
    changed('docs/split.md', { status: 'added' }),
    changed('lib/new.js', { status: 'renamed', old_path: 'src/old.js' }),
    changed('stray.js'),
  ],
  blobs: new Map([['src/split.js', { before: 'd'.repeat(40), after: 'e'.repeat(40) }]]),
  criteria: [
    { id: 'AC1', text: 'The parts add up.', check: 'unit' },
    { id: 'AC2', text: 'It is documented.' },
  ],
  plan,
  build,
};

test('traceChange: each file has the line of plan.md that names it, and the criteria that plan and builder name', () => {
  const traced = traceChange(change);
  const lines = renderPlan(plan).split('\n');
  const lineOf = (path: string) => lines.indexOf(`- \`${path}\``) + 1;
  expect(traced.files).toEqual([
    {
      ...{ path: 'docs/split.md', old_path: null, status: 'added', before_blob: null, after_blob: null },
      planned: [{ component: 'Docs', line: lineOf('docs/split.md') }],
      criteria: [{ id: 'AC2', said_by: 'builder' }],
    },
    {
      ...{ path: 'lib/new.js', old_path: 'src/old.js', status: 'renamed', before_blob: null, after_blob: null },
      planned: [{ component: 'Split', line: lineOf('src/old.js') }],
      criteria: [{ id: 'AC1', said_by: 'plan' }],
    },
    {
      ...{ path: 'src/split.js', old_path: null, status: 'modified' },
      ...{ before_blob: 'd'.repeat(40), after_blob: 'e'.repeat(40) },
      planned: [{ component: 'Split', line: lineOf('./src/split.js') }],
      criteria: [{ id: 'AC1', said_by: 'plan' }],
    },
    {
      ...{ path: 'stray.js', old_path: null, status: 'modified', before_blob: null, after_blob: null },
      ...{ planned: [], criteria: [] },
    },
  ]);
  expect(lineOf('README.md')).toBeGreaterThan(1);
  expect(traced.untouched).toEqual([{ path: 'README.md', component: 'Docs', line: lineOf('README.md') }]);
  expect(traced.criteria).toEqual([
    { id: 'AC1', text: 'The parts add up.', check: 'unit', components: ['Split'], how: 'By rounding.' },
    { id: 'AC2', text: 'It is documented.', check: null, components: [], how: build.criteria[1]?.how },
  ]);
  expect(traceabilitySchema.parse(traced)).toEqual(traced);
});

test('traceChange: the order of the files changes nothing, and a run without a plan has no line of it', () => {
  expect(traceChange({ ...change, files: [...change.files].reverse() })).toEqual(traceChange(change));
  const { has_plan, files, untouched } = traceChange({ ...change, plan: null });
  expect({ has_plan, untouched }).toEqual({ has_plan: false, untouched: [] });
  expect(files.flatMap(({ planned }) => planned)).toEqual([]);
});

const blob = (text: string): string => createHash('sha1').update(`blob ${text.length}\0${text}`).digest('hex');

test('parsePatch: names the content of each file before and after as git does', () => {
  const none = '0'.repeat(40);
  const text = [
    'diff --git a/a.txt b/a.txt',
    'new file mode 100644',
    `index ${none}..${blob('one\n')}`,
    '--- /dev/null',
    '+++ b/a.txt',
    '@@ -0,0 +1 @@',
    '+one',
    'diff --git a/link b/link',
    'deleted file mode 100644',
    `index ${blob('one\n')}..${none}`,
    '--- a/link',
    '+++ /dev/null',
    '@@ -1 +0,0 @@',
    '-one',
    'diff --git a/link b/link',
    'new file mode 120000',
    `index ${none}..${blob('a.txt')}`,
    '--- /dev/null',
    '+++ b/link',
    '@@ -0,0 +1 @@',
    '+a.txt',
    '\\ No newline at end of file',
    'diff --git a/run.sh b/run.sh',
    'old mode 100644',
    'new mode 100755',
    '',
  ].join('\n');
  const { blobs, problem } = parsePatch(new TextEncoder().encode(text));
  expect(problem).toBeNull();
  expect([...blobs]).toEqual([
    ['a.txt', { before: null, after: blob('one\n') }],
    ['link', { before: blob('one\n'), after: blob('a.txt') }],
  ]);
});
