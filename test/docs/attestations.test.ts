import { readdir, readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { envelopeSchema } from '../../src/contracts/keys.js';
import {
  cancellationSchema,
  decisionSchema,
  personEscalationSchema,
  resolutionSchema,
} from '../../src/contracts/run/decisions.js';
import { gateClaimSchema } from '../../src/contracts/run/gate-claim.js';
import { journalEntrySchema } from '../../src/contracts/run/journal.js';
import { gateClaimStatement } from '../../src/domain/attest/acts.js';
import { SLSA_PROVENANCE, TEST_RESULT } from '../../src/domain/attest/predicates.js';
import { PREDICATES, STATEMENT_TYPE, type Statement } from '../../src/domain/attest/statement.js';
import { attestationPaths, TREE_PATHS } from '../../src/domain/record/published-tree.js';

const journalSchema = z.array(z.object({ seq: z.int(), entry: journalEntrySchema.nullable() }));
/** Of both rules versions: each signed its results in its own way. */
const TREES = ['trees/', 'version-1/trees/'].map((folder) => new URL(`../vectors/${folder}`, import.meta.url));
const page = await readFile(new URL('../../docs/attestations.md', import.meta.url), 'utf8');

const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((text) => {
      const [heading = '', ...rest] = text.split('\n');
      return [heading, rest.join('\n')] as const;
    }),
);

/** The section about a predicate: the one that begins with its URI. */
function sectionOf(predicateType: string): string {
  const found = [...sections.values()].find((text) => text.trimStart().startsWith(`\`${predicateType}\``));
  if (found === undefined) throw new Error(`no section begins with ${predicateType}`);
  return found;
}

const documentedFields = (section: string): readonly string[] =>
  section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name));

function exampleOf(section: string): Statement<Record<string, unknown>> {
  const json = /^```json\n([\s\S]*?)^```$/m.exec(section)?.[1];
  if (json === undefined) throw new Error('no example');
  return JSON.parse(json);
}

/** Every statement of the recorded trees. */
async function recordedStatements(): Promise<readonly Statement<Record<string, unknown>>[]> {
  const statements: Statement<Record<string, unknown>>[] = [];
  const trees = await Promise.all(
    TREES.map(async (folder) => (await readdir(folder)).map((tree) => new URL(`${tree}/`, folder))),
  );
  for (const tree of trees.flat()) {
    const read = (path: string) => readFile(new URL(path, tree), 'utf8').catch(() => '');
    const lines = (text: string): unknown[] =>
      text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line));
    const journal = journalSchema.parse(lines(await read(TREE_PATHS.journal)));
    const journalled = journal.flatMap(({ entry }) => entry?.envelope ?? []);
    for (const value of [...lines(await read(attestationPaths.bundle)), ...journalled]) {
      const { payload } = envelopeSchema.parse(value);
      statements.push(JSON.parse(Buffer.from(payload, 'base64').toString('utf8')));
    }
  }
  return statements;
}
/** No recorded run has a gate that is done elsewhere. */
const claim = gateClaimStatement({
  ...{ run_id: 'vector-straight', gate: 'P03', attempt: 1, principal: 'nina', nonce: 'a'.repeat(64) },
  ...{ claimant: 'nina@desk', action: 'claim', at: '2026-01-02T09:00:00.000Z', until: '2026-01-02T17:00:00.000Z' },
}) as Statement<Record<string, unknown>>;
const recorded = [...(await recordedStatements()), claim];

/** Names of members, deep enough that an example which has fallen behind shows. */
const shapeOf = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shapeOf(value[0])];
  if (typeof value !== 'object' || value === null) return typeof value;
  return Object.fromEntries(
    Object.entries(value)
      .sort()
      .map(([key, member]) => [key, shapeOf(member)]),
  );
};

const camelCase = (name: string): string =>
  name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

test.each([...Object.values(PREDICATES), SLSA_PROVENANCE, TEST_RESULT])(
  'docs/attestations.md: %s has an example as runs really make them, and its table names every field of it',
  (predicateType) => {
    const section = sectionOf(predicateType);
    const example = exampleOf(section);
    expect(example).toMatchObject({ _type: STATEMENT_TYPE, predicateType });
    const real = recorded.filter((statement) => statement.predicateType === predicateType);
    expect(real.map(shapeOf)).toContainEqual(shapeOf(example));
    const documented = documentedFields(section);
    const used = new Set(real.flatMap(({ predicate }) => Object.keys(predicate)));
    const missing = [...used].filter(
      (field) => !documented.some((name) => name === field || name.startsWith(`${field}.`)),
    );
    expect(missing).toEqual([]);
  },
);

test.each([
  [PREDICATES.gateDecision, decisionSchema, ['output_sha256']],
  [PREDICATES.escalationResolution, resolutionSchema, ['report_sha256']],
  [PREDICATES.escalation, personEscalationSchema, []],
  [PREDICATES.runCancellation, cancellationSchema, ['policy_sha256']],
  [PREDICATES.gateClaim, gateClaimSchema, ['nonce']],
] as const)(
  'docs/attestations.md: %s names every field that its message can have, and no other',
  (type, schema, subject) => {
    const fields = Object.keys(schema.shape).filter((name) => !(subject as readonly string[]).includes(name));
    expect([...documentedFields(sectionOf(type))].sort()).toEqual(fields.map(camelCase).sort());
  },
);

test('docs/attestations.md: describes every file of the folder', () => {
  const files = sections.get('The files') ?? '';
  const names = [
    attestationPaths.runRequest,
    attestationPaths.runRecord,
    attestationPaths.ledgerSeal,
    attestationPaths.bundle,
    attestationPaths.gateAttempt('P05', 2),
  ].map((path) => path.split('/').at(-1));
  expect(names.filter((name) => !files.includes(`\`${name}\``))).toEqual([]);
});

test('docs/attestations.md: an example that has fallen behind is seen', () => {
  const example = exampleOf(sectionOf(PREDICATES.runRecord));
  const stale = { ...example, predicate: { ...example.predicate, more: 1 } };
  expect(recorded.map(shapeOf)).not.toContainEqual(shapeOf(stale));
});
