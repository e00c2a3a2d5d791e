import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { renderSchemas, writeSchemas } from '../../src/build/write-schemas.js';

const shipped = fileURLToPath(new URL('../../schemas/', import.meta.url));
type JsonSchema = Record<string, unknown> & { properties?: Record<string, JsonSchema>; required?: string[] };
const schema = (file: string): JsonSchema => JSON.parse(renderSchemas().get(file) ?? 'null') as JsonSchema;

test('schemas: those that ship are those that the contracts give; `npm run schemas` writes them', async () => {
  const rendered = renderSchemas();
  expect((await readdir(shipped)).sort()).toEqual([...rendered.keys()].sort());
  for (const [file, text] of rendered) expect(await readFile(join(shipped, file), 'utf8'), file).toBe(text);
});

test('schemas: each has an $id of its own with its version, which is that of the files', () => {
  const ids = [...renderSchemas().keys()].map((file) => String(schema(file).$id));
  expect(new Set(ids).size).toBe(ids.length);
  for (const [file] of renderSchemas()) {
    const name = file.replace('.schema.json', '');
    const version = schema(file).properties?.schema_version?.const ?? 1;
    expect(schema(file).$id).toBe(`urn:promptos-temporal:schema:${name}:${version}`);
  }
  expect(schema('run-record.schema.json').properties?.schema_version?.const).toBe(1);
});

test('writeSchemas: writes every schema into a missing folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'promptos-schemas-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeSchemas(join(folder, 'a', 'b'));
  expect((await readdir(join(folder, 'a', 'b'))).length).toBe(renderSchemas().size);
});

test('schemas: every contract that the outside sees has one, of 2020-12, strict', () => {
  const files = [...renderSchemas().keys()];
  expect(files).toEqual(
    [
      ...['run-request', 'policy', 'worker-config'],
      ...['p00', 'p01', 'p03', 'p05', 'p06', 'p07'].map((gate) => `gate-output-${gate}`),
      ...['decision', 'resolution', 'escalation', 'ledger-event', 'prompt-session', 'run-record'],
      ...['incomplete-tree', 'attempt'],
    ].map((name) => `${name}.schema.json`),
  );
  for (const file of files) {
    expect(schema(file).$schema).toBe('https://json-schema.org/draft/2020-12/schema');
    if (file !== 'ledger-event.schema.json') expect(schema(file).additionalProperties, file).toBe(false);
  }
});

test('schemas: a file that people write may leave out what has a default, and writes durations as text', () => {
  const policy = schema('policy.schema.json');
  expect(policy.required).toEqual(['schema_version', 'name', 'principals', 'roles', 'prompt_packs']);
  expect(policy.properties?.deadlines?.properties?.remind).toMatchObject({ type: 'string' });
});

test('schemas: a line of the ledger has its links, whatever its type', () => {
  const lines = schema('ledger-event.schema.json').anyOf as JsonSchema[];
  for (const line of lines)
    expect(line.required).toEqual(expect.arrayContaining(['type', 'seq', 'at', 'prev', 'hash']));
});
