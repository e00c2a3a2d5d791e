import { readFile, writeFile } from 'node:fs/promises';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { isRecord, parseJson } from '../contracts/json.js';
import { RULE_GROUPS, ruleUri } from '../contracts/policy/rule-texts.js';
import { durationSchema, nameSchema, sha256Schema } from '../contracts/primitives.js';

/** What is read of a JSON Schema that zod gives. */
export interface SchemaNode {
  /** Several where zod joins a union of plain values. */
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly items?: SchemaNode;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly propertyNames?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
}

/** A field of a document that people write, with what a reference page says of it. */
export interface SchemaField {
  /** From the top of the document: `checks.NAME.argv`, `principals.NAME.keys[].public`. */
  readonly path: string;
  readonly description: string;
  readonly node: SchemaNode;
  readonly required: boolean;
  /** Its values in the example documents; never empty. */
  readonly examples: readonly unknown[];
}

/**
 * The fields of a schema in the order of the document, each before those inside it.
 * @param values what the example documents hold at this place
 * @throws Error for a field without a description or an example: a page that lacks one is not written
 */
export function fieldsOf(node: SchemaNode, values: readonly unknown[], path = ''): readonly SchemaField[] {
  const variants = node.anyOf ?? node.oneOf ?? [];
  if (variants.length > 0) {
    const found = variants.flatMap((variant) => fieldsOf(variant, values.filter(fits(variant)), path));
    // What two variants have in common is one field where both say the same of it.
    return found.filter(
      ({ path: one, description }, index) =>
        found.findIndex((other) => other.path === one && other.description === description) === index,
    );
  }
  const { properties = {}, required = [], items, additionalProperties } = node;
  const own = Object.entries(properties).flatMap(([name, inner]) => {
    const place = path === '' ? name : `${path}.${name}`;
    const examples = values.filter(isRecord).flatMap((value) => (Object.hasOwn(value, name) ? [value[name]] : []));
    const { description } = inner;
    if (description === undefined) throw new Error(`${place}: the schema has no description of it`);
    if (examples.length === 0) throw new Error(`${place}: no example document has a value for it`);
    const field = { path: place, description, node: inner, required: required.includes(name), examples };
    return [field, ...fieldsOf(inner, examples, place)];
  });
  if (items !== undefined) return [...own, ...fieldsOf(items, values.flat(), `${path}[]`)];
  if (typeof additionalProperties !== 'object') return own;
  const entries = values.filter(isRecord).flatMap((value) => Object.values(value));
  return [...own, ...fieldsOf(additionalProperties, entries, `${path}.NAME`)];
}

/** Whether a value is of one variant of a union, by the names and the constants of its fields. */
const fits =
  ({ properties = {} }: SchemaNode) =>
  (value: unknown): boolean =>
    isRecord(value) &&
    Object.entries(value).every(([name, inner]) => {
      const { [name]: field } = properties;
      return field !== undefined && (field.const === undefined || field.const === inner);
    });

export interface ReferencePage {
  readonly title: string;
  /** What the reader can do with the page: its first paragraph. */
  readonly introduction: string;
  readonly schema: SchemaNode;
  /** Whole documents, parsed; together they have a value for each field. */
  readonly examples: readonly unknown[];
}

/** The Markdown of a page that says of each field what it means, what it may be, its default and an example. */
export function renderReferencePage({ title, introduction, schema, examples }: ReferencePage): string {
  const sections: SchemaField[][] = [];
  for (const field of fieldsOf(schema, examples)) {
    if (/[.[]/.test(field.path)) sections.at(-1)?.push(field);
    else sections.push([field]);
  }
  const head = `# ${title}\n\n<!-- Made by \`npm run schemas\`. Change the descriptions in src/contracts and the documents in examples/reference instead. -->\n\n${introduction}`;
  return `${[head, ...sections.map(renderSection)].join('\n\n')}\n`;
}

function renderSection([field, ...inner]: readonly SchemaField[]): string {
  if (field === undefined) return '';
  const { path, description, examples } = field;
  const shown = new Set(examples.map((example) => yamlBlock({ [path]: example })));
  return [
    `## \`${path}\``,
    `${sentence(description)} ${sentence(valueInWords(field.node))} ${sentence(presence(field))}`,
    ...shown,
    ...(inner.length === 0 ? [] : [fieldTable(inner)]),
  ].join('\n\n');
}

const yamlBlock = (document: unknown): string => `\`\`\`yaml\n${stringify(document, { lineWidth: 0 })}\`\`\``;

const fieldTable = (fields: readonly SchemaField[]): string =>
  [
    '| field | meaning | value | when absent | example |',
    '|---|---|---|---|---|',
    ...fields.map((field) => {
      const { path, description, node, examples } = field;
      const cells = [code(path), description, valueInWords(node), presence(field), exampleCell(examples[0])];
      return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
    }),
  ].join('\n');

/** Characters of an example in a table; a longer one is in the block above the table. */
const MAX_EXAMPLE = 120;

function exampleCell(value: unknown): string {
  const text = inline(value);
  return text.length > MAX_EXAMPLE ? 'above' : code(text);
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
const code = (text: string): string => `\`${text}\``;
const inline = (value: unknown): string =>
  stringify(value, { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: false }).trim();

function presence({ required, node }: SchemaField): string {
  if (required) return 'required';
  return node.default === undefined || isEmptyObject(node.default)
    ? 'optional'
    : `default ${code(inline(node.default))}`;
}

const isEmptyObject = (value: unknown): boolean => isRecord(value) && Object.keys(value).length === 0;

/** What the patterns of texts are called. */
const TEXTS: ReadonlyMap<string | undefined, string> = new Map(
  (
    [
      [nameSchema, 'a name'],
      [sha256Schema, '64 hexadecimal digits'],
      [durationSchema, 'a duration such as `90s`, `15m`, `24h` or `14d`'],
    ] as const
  ).map(([schema, words]) => [z.toJSONSchema(schema, { io: 'input' }).pattern, words]),
);

/** What a value may be, in words. */
function valueInWords(node: SchemaNode): string {
  const variants = node.anyOf ?? node.oneOf;
  if (variants !== undefined) return [...new Set(variants.map(valueInWords))].join(', or ');
  if (node.const !== undefined) return code(String(node.const));
  if (node.enum !== undefined) return node.enum.map((value) => code(String(value))).join(', ');
  if (node.type === 'array')
    return node.items === undefined ? 'a list' : `a list; each item: ${valueInWords(node.items)}`;
  if (node.type === 'integer') return integerOf(node);
  if (typeof node.type === 'object') return node.type.map((type) => valueInWords({ ...node, type })).join(', or ');
  if (node.type === 'number') return 'a number';
  if (node.type === 'boolean') return '`true`, `false`';
  if (node.type === 'string') return TEXTS.get(node.pattern) ?? 'text';
  if (typeof node.additionalProperties !== 'object')
    return `fields ${Object.keys(node.properties ?? {})
      .map(code)
      .join(', ')}`;
  return `a map; each value: ${valueInWords(node.additionalProperties)}`;
}

function integerOf({ minimum, exclusiveMinimum, maximum = Number.MAX_SAFE_INTEGER }: SchemaNode): string {
  const from = minimum ?? (exclusiveMinimum ?? 0) + 1;
  return maximum === Number.MAX_SAFE_INTEGER
    ? `a whole number from ${from}`
    : `a whole number from ${from} to ${maximum}`;
}

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
    const node = parseJson(schemas.get(schema) ?? 'null') as SchemaNode;
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

const RULES_HEAD = `# Rules

<!-- Made by \`npm run schemas\`. Change src/contracts/policy/rule-texts.ts instead. -->

With this page you can look up the rule of a finding: what it asks, and what to do. [\`promptos check\`](check.md) runs the
rules on patches anywhere. In a SARIF log each rule has these texts, and \`${ruleUri('NAME')}\` as its \`helpUri\`; that
address names the rule and need not lead to a page.
`;

/** `docs/rules.md`: every rule with its texts. */
export const renderRulesPage = (): string =>
  [
    RULES_HEAD,
    ...Object.entries(RULE_GROUPS).flatMap(([title, rules]) => [
      `## ${title}\n`,
      '| rule | what it asks | what to do |\n|---|---|---|',
      ...Object.entries(rules).map(([rule, { asks, help }]) => `| \`${rule}\` | ${asks} | ${help} |`),
      '',
    ]),
  ].join('\n');

export const writeRulesPage = (): Promise<void> => writeFile(new URL('docs/rules.md', ROOT), renderRulesPage());
