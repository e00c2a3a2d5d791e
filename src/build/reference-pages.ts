import { readFile, writeFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { renderReferencePage } from './reference-page.js';
import type { SchemaNode } from './schema-fields.js';

/** The pages by their file under `docs`, with the schema and the documents of `examples/reference` that they are made of. */
const PAGES = {
  'policy.md': {
    title: 'Policy: every field',
    introduction:
      'With this page you can look up every field of a policy (`.promptos/policy.yaml`): what it means, what it may be, what\nholds when it is absent, and an example. `promptos init` writes the first policy of a repository, and `promptos doctor`\nchecks it. [policy.schema.json](../schemas/policy.schema.json) says the same to an editor, and\n[examples/reference/policy.yaml](../examples/reference/policy.yaml) is the whole example. `NAME` is a name of your choice.',
    schema: 'policy.schema.json',
    examples: ['policy.yaml'],
  },
  'worker-config.md': {
    title: 'Worker config: every field',
    introduction:
      'With this page you can look up every field of a worker config (`.promptos/worker.yaml`): what it means, what it may be,\nwhat holds when it is absent, and an example. Relative paths are relative to the folder of the file. `promptos init`\nwrites the first one, and `promptos doctor` checks it. [worker-config.schema.json](../schemas/worker-config.schema.json)\nsays the same to an editor. The whole examples are [worker.yaml](../examples/reference/worker.yaml), a worker of every role,\nand [worker-of-writer.yaml](../examples/reference/worker-of-writer.yaml), one of a team. `NAME` is a name of your choice.',
    schema: 'worker-config.schema.json',
    examples: ['worker.yaml', 'worker-of-writer.yaml'],
  },
} as const;

const ROOT = new URL('../../', import.meta.url);

/**
 * The reference pages as they ship: file name → text.
 * @param schemas the texts of the JSON Schemas by their file names
 */
export async function renderReferencePages(schemas: ReadonlyMap<string, string>): Promise<ReadonlyMap<string, string>> {
  const pages = new Map<string, string>();
  for (const [file, { title, introduction, schema, examples }] of Object.entries(PAGES)) {
    const documents = await Promise.all(
      examples.map(
        async (name) => parse(await readFile(new URL(`examples/reference/${name}`, ROOT), 'utf8')) as unknown,
      ),
    );
    const node = JSON.parse(schemas.get(schema) ?? 'null') as SchemaNode;
    pages.set(file, renderReferencePage({ title, introduction, schema: node, examples: documents }));
  }
  return pages;
}

/** Writes every reference page into `docs`. */
export async function writeReferencePages(schemas: ReadonlyMap<string, string>): Promise<void> {
  for (const [file, text] of await renderReferencePages(schemas)) {
    await writeFile(new URL(`docs/${file}`, ROOT), text);
  }
}
