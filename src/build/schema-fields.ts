/** What is read of a JSON Schema that zod gives. */
export interface SchemaNode {
  readonly type?: string;
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
    const examples = values.filter(isObject).flatMap((value) => (Object.hasOwn(value, name) ? [value[name]] : []));
    const { description } = inner;
    if (description === undefined) throw new Error(`${place}: the schema has no description of it`);
    if (examples.length === 0) throw new Error(`${place}: no example document has a value for it`);
    const field = { path: place, description, node: inner, required: required.includes(name), examples };
    return [field, ...fieldsOf(inner, examples, place)];
  });
  if (items !== undefined) return [...own, ...fieldsOf(items, values.flat(), `${path}[]`)];
  if (typeof additionalProperties !== 'object') return own;
  const entries = values.filter(isObject).flatMap((value) => Object.values(value));
  return [...own, ...fieldsOf(additionalProperties, entries, `${path}.NAME`)];
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Whether a value is of one variant of a union, by the names and the constants of its fields. */
const fits =
  ({ properties = {} }: SchemaNode) =>
  (value: unknown): boolean =>
    isObject(value) &&
    Object.entries(value).every(([name, inner]) => {
      const { [name]: field } = properties;
      return field !== undefined && (field.const === undefined || field.const === inner);
    });
