import { stringify } from 'yaml';
import { z } from 'zod';
import { durationSchema, nameSchema, sha256Schema } from '../contracts/primitives.js';
import { fieldsOf, type SchemaField, type SchemaNode } from './schema-fields.js';

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

const isEmptyObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;

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
