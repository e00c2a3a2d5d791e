import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { z } from 'zod';
import { testResultsSchema } from '../../src/contracts/answers/gate-outputs.js';
import { type Artifact, ATTEMPT_TRANSCRIPTS, GATE_ARTIFACTS, RUN_ARTIFACTS } from '../../src/contracts/artifacts.js';
import { attemptRecordSchema } from '../../src/contracts/record/attempt.js';
import { promptSessionSchema } from '../../src/contracts/record/prompt-session.js';
import { runRecordSchema } from '../../src/contracts/record/run-record.js';
import { ledgerEventSchema, ledgerLinkSchema } from '../../src/contracts/run/ledger.js';

const page = await readFile(new URL('../../docs/record.md', import.meta.url), 'utf8');

/** What the first column of a section's tables names, in the page's order; `index` picks one table of several. */
function namesIn(text: string, heading: string, index = 0): readonly string[] {
  const section = text.split(`\n${heading}\n`)[1]?.split(/\n#{1,3} /)[0] ?? '';
  const tables = section
    .trim()
    .split(/\n\n+/)
    .filter((block) => block.startsWith('|'));
  const rows = (tables[index] ?? '').split('\n').slice(2);
  return rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name));
}

const fieldsOf = (schema: z.ZodObject): readonly string[] => Object.keys(schema.shape);
const recordedAttempt = runRecordSchema.shape.gates.element.shape.attempts.element;

test.each([
  ['## `run_record.json`', fieldsOf(runRecordSchema)],
  ['### An attempt in `gates[].attempts[]`', fieldsOf(recordedAttempt)],
  ['## `attempt.json`', fieldsOf(attemptRecordSchema)],
  ['## `evidence/prompt_session.json`', fieldsOf(promptSessionSchema)],
  ['## `evidence/test_results.json`', fieldsOf(testResultsSchema)],
  ['## `evidence/ledger.jsonl`', ['type', ...fieldsOf(ledgerLinkSchema)]],
])('docs/record.md: %s names every field, and no other', (heading, fields) => {
  expect([...namesIn(page, heading)].sort()).toEqual([...fields].sort());
});

test('docs/record.md: names every type of ledger event, and no other', () => {
  const types = ledgerEventSchema.options.map(({ shape }) => shape.type.value);
  expect([...namesIn(page, '## `evidence/ledger.jsonl`', 1)].sort()).toEqual([...types].sort());
});

test('docs/record.md: names the fields of the session in the order of the file', () => {
  expect(namesIn(page, '## `evidence/prompt_session.json`')).toEqual(fieldsOf(promptSessionSchema));
});

test('docs/record.md: the table of the tree has every path of the table of artifacts, and no other', () => {
  const { incomplete, ...ofRun } = RUN_ARTIFACTS;
  const ofGates = Object.values(GATE_ARTIFACTS).flat();
  const isAttestation = ({ path }: Artifact) => path.startsWith('evidence/attestations/P0');
  const paths = [...Object.values(ofRun), ...ofGates.filter((row) => !isAttestation(row))].map(({ path }) => path);
  expect([...namesIn(page, '## The tree')].sort()).toEqual([...paths].sort());
  const tree = page.split('\n## The tree\n')[1]?.split('\n## ')[0] ?? '';
  expect(ATTEMPT_TRANSCRIPTS.filter(({ path }) => !tree.includes(`\`${path}\``))).toEqual([]);
  expect(page).toContain(`\`${incomplete.path}\``);
});

test('docs/record.md: the reader of its tables finds the names of each row', () => {
  const stale = '\n## `a.json`\n\ntext\n\n| field | what |\n|---|---|\n| `one`, `two` | x `no` |\n\n## next\n';
  expect(namesIn(stale, '## `a.json`')).toEqual(['one', 'two']);
});
