import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { renderCommandsPage } from '../../src/build/commands-page.js';
import {
  fieldsOf,
  renderReferencePage,
  renderReferencePages,
  type SchemaNode,
} from '../../src/build/reference-pages.js';
import { renderSchemas } from '../../src/build/write-schemas.js';
import { parsePolicyBytes, readPolicyInForce } from '../../src/config/policy-file.js';
import { parseDocumentAs, parseYaml } from '../../src/config/yaml-document.js';
import { workerConfigSchema } from '../../src/contracts/config/worker-config.js';
import { durationSchema, durationText } from '../../src/contracts/primitives.js';

const file = (path: string): URL => new URL(`../../${path}`, import.meta.url);
const text = (path: string): Promise<string> => readFile(file(path), 'utf8');
const pages = await renderReferencePages(renderSchemas());

test('reference pages: those in docs are those that the schemas give; `npm run schemas` writes them', async () => {
  expect([...pages.keys()]).toEqual(['policy.md', 'worker-config.md']);
  for (const [name, page] of pages) expect(await text(`docs/${name}`), name).toBe(page);
});

test('commands page: that in docs is the one that the commands give; `npm run schemas` writes it', async () => {
  const page = await renderCommandsPage();
  expect(await text('docs/commands.md')).toBe(page);
  expect(await text('README.md')).toContain('(docs/commands.md)');
  expect(page).toContain('\n### promptos run list\n');
  const apply = page.split('### promptos apply\n')[1]?.split('\n#')[0] ?? '';
  expect(apply).toMatch(/^\| `run` \| .*^\| `--repo <path>` \| the repository \(default: "\."\) \|$/ms);
  expect(apply).not.toContain('--no-color');
});

test('reference pages: README and the architecture page link each of them', async () => {
  const [readme, architecture] = await Promise.all([text('README.md'), text('docs/architecture.md')]);
  for (const name of pages.keys()) {
    expect(readme).toContain(`(docs/${name})`);
    expect(architecture).toContain(`(${name})`);
  }
});

test('reference pages: every field of every variant is in the page with a default where it has one', () => {
  const policy = pages.get('policy.md') ?? '';
  expect(policy).toContain('\n## `self_approval`\n');
  expect(policy).toContain(
    '| `limits.rework_rounds` | send-backs of a run before a P08 is raised | a whole number from 0 to 50 | default `3` | `3` |',
  );
  expect(policy).toMatch(/^\| `deadlines\.expire` \| .* \| default `14d` \| `14d` \|$/m);
  expect(policy).toMatch(/^\| `principals\.NAME\.keys\[\]\.revoked_at` \|/m);
  const config = pages.get('worker-config.md') ?? '';
  for (const field of ['store.path', 'store.bucket', 'signers.NAME.file', 'signers.NAME.env', 'signers.NAME.agent']) {
    expect(config).toContain(`\n| \`${field}\` |`);
  }
});

test('reference examples: the policy and the worker configs that the pages are made of are valid', async () => {
  await expect(readPolicyInForce(file('examples/reference/policy.yaml').pathname)).resolves.toBeDefined();
  for (const name of ['worker.yaml', 'worker-of-writer.yaml']) {
    const read = parseYaml(await readFile(file(`examples/reference/${name}`)), name);
    expect(parseDocumentAs(read, workerConfigSchema, 'WORKER_CONFIG_INVALID').task_queue).toBe('shop');
  }
});

test('reference examples: a policy whose example breaks a rule over several fields would be found', async () => {
  const broken = (await text('examples/reference/policy.yaml')).replace(
    'integrator: [grace]',
    'integrator: [writer-agent]',
  );
  expect(() => parsePolicyBytes(Buffer.from(broken))).toThrow(/no principal holds two roles/);
});

const schema: SchemaNode = {
  properties: { size: { type: 'integer', description: 'how large it is', minimum: 1, default: 2 } },
};

test('reference page: a field without a description or without an example is refused by name', () => {
  expect(() => fieldsOf({ properties: { size: { type: 'integer' } } }, [{ size: 1 }])).toThrow(
    'size: the schema has no description of it',
  );
  expect(() => fieldsOf(schema, [{}])).toThrow('size: no example document has a value for it');
  const variants: SchemaNode = {
    properties: {
      store: {
        description: 'where it is kept',
        oneOf: ['a', 'b'].map((kind) => ({ properties: { kind: { const: kind, description: kind } } })),
      },
    },
  };
  expect(() => fieldsOf(variants, [{ store: { kind: 'a' } }])).toThrow('store.kind: no example document');
  expect(fieldsOf(variants, [{ store: { kind: 'a' } }, { store: { kind: 'b' } }])).toHaveLength(3);
});

test('reference page: shows the description, the value, the default and each example once', () => {
  const page = renderReferencePage({
    title: 'Box',
    introduction: 'With this page you know boxes.',
    schema,
    examples: [{ size: 7 }, { size: 7 }],
  });
  expect(page).toMatch(/^# Box\n\n<!-- .* -->\n\nWith this page you know boxes\.\n\n## `size`\n/);
  expect(page.split('## `size`\n\n')[1]).toBe(
    'How large it is. A whole number from 1. Default `2`.\n\n```yaml\nsize: 7\n```\n',
  );
});

test('durationText: writes what durationSchema reads, in the largest unit without a rest', () => {
  expect([90_000, 600_000, 86_400_000, 3 * 86_400_000, 5_400_000].map(durationText)).toEqual([
    ...['90s', '10m', '1d', '3d', '90m'],
  ]);
  for (const one of [1_000, 61_000, 7_200_000]) expect(durationSchema.parse(durationText(one))).toBe(one);
});
