/*
 * The grammar of a decoder's schema in GBNF, as llama.cpp's server makes it: unlike the converter of node-llama-cpp it forces
 * patterns of texts. It knows the keywords that our schemas for decoders have, and refuses all others.
 */

type Schema = Readonly<Record<string, unknown>>;

const KNOWN = [
  'additionalProperties',
  'anyOf',
  'description',
  'enum',
  'exclusiveMinimum',
  'items',
  'maxItems',
  'maxLength',
  'minItems',
  'minLength',
  'pattern',
  'properties',
  'required',
  'type',
];

/** A text of JSON has no raw control character, and no quote or backslash but in an escape. */
const RULES = [
  String.raw`char ::= [^"\\\x7F\x00-\x1F] | [\\] (["\\bfnrt] | "u" [0-9a-fA-F]{4})`,
  String.raw`space ::= | " " | "\n" [ \t]{0,20}`,
  'integer ::= "-"? ("0" | [1-9] [0-9]{0,14})',
  'positive ::= [1-9] [0-9]{0,14}',
  'boolean ::= "true" | "false"',
  'null ::= "null"',
];

/** @throws Error for a schema with a keyword or a pattern that is not known */
export function schemaGrammar(schema: unknown): string {
  const named = new Map<string, string>();
  // Parts that are equal, such as all ids, are one rule.
  const rule = (body: string): string => {
    const name = named.get(body) ?? `part${named.size}`;
    named.set(body, name);
    return name;
  };
  const root = rule(partOf(schema as Schema, rule));
  return [`root ::= ${root}`, ...[...named].map(([body, name]) => `${name} ::= ${body}`), ...RULES, ''].join('\n');
}

function partOf(schema: Schema, rule: (body: string) => string): string {
  const unknown = Object.keys(schema).find((keyword) => !KNOWN.includes(keyword));
  if (unknown !== undefined) throw new Error(`The keyword "${unknown}" of a schema has no form in a grammar here.`);
  const part = (inner: unknown): string => rule(partOf(inner as Schema, rule));
  if (Array.isArray(schema.anyOf)) return schema.anyOf.map(part).join(' | ');
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => literal(JSON.stringify(value))).join(' | ');
  switch (schema.type) {
    case 'object': {
      const members = Object.entries(schema.properties as Schema).map(
        ([name, member]) => `${literal(JSON.stringify(name))} space ":" space ${part(member)} space`,
      );
      return ['"{" space', members.join(' "," space '), '"}"'].join(' ');
    }
    case 'array': {
      const { minItems = 0, maxItems } = schema as { minItems?: number; maxItems?: number };
      const item = `${part(schema.items)} space`;
      const more = `("," space ${item}){${Math.max(0, minItems - 1)},${maxItems === undefined ? '' : maxItems - 1}}`;
      const items = minItems === 0 ? `(${item} ${more})?` : `${item} ${more}`;
      return `"[" space ${items} "]"`;
    }
    case 'string': {
      const { pattern, minLength = 0, maxLength = '' } = schema;
      const text = typeof pattern === 'string' ? formOf(pattern) : `char{${minLength},${maxLength}}`;
      return String.raw`"\"" ${text} "\""`;
    }
    case 'integer': {
      const { exclusiveMinimum } = schema;
      if (exclusiveMinimum === undefined) return 'integer';
      if (exclusiveMinimum === 0) return 'positive';
      throw new Error(`A number of more than ${String(exclusiveMinimum)} has no form in a grammar here.`);
    }
    case 'boolean':
    case 'null':
      return schema.type;
    default:
      throw new Error(`The type "${String(schema.type)}" of a schema has no form in a grammar here.`);
  }
}

/** A pattern of sets of characters, each with its number or alone. A set is written in a grammar as in a pattern. */
function formOf(pattern: string): string {
  if (!/^\^(?:\[[\w.@+-]+\](?:\{\d+,\d+\})?)+\$$/.test(pattern)) {
    throw new Error(`The pattern ${pattern} has no form in a grammar here.`);
  }
  return pattern.slice(1, -1).replaceAll('][', '] [');
}

const literal = (text: string): string => JSON.stringify(text);
