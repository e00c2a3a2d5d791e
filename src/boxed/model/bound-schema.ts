import type { AnswerBounds } from '../../contracts/config/model-executor.js';
import { isRecord } from '../../contracts/json.js';

/**
 * A schema for decoders with bounds of lists and texts: a small model that is not stopped writes the same item or sentence
 * until its answer is cut off. Texts have one character at least, since an empty one is never an answer.
 */
export function boundSchema(schema: object, bounds: AnswerBounds): object {
  const bounded = Object.entries(schema).map(([name, part]: [string, unknown]) => [name, boundPart(part, bounds)]);
  return { ...Object.fromEntries(bounded), ...boundsOf(schema, bounds) };
}

function boundPart(part: unknown, bounds: AnswerBounds): unknown {
  if (Array.isArray(part)) return part.map((item) => boundPart(item, bounds));
  return isRecord(part) ? boundSchema(part, bounds) : part;
}

function boundsOf(
  schema: {
    readonly type?: unknown;
    readonly minItems?: unknown;
    readonly maxLength?: unknown;
    readonly enum?: unknown;
  },
  bounds: AnswerBounds,
): object {
  const { items, characters } = bounds;
  if (schema.type === 'array' && items !== undefined) {
    const { minItems = 0 } = schema;
    return { maxItems: Math.max(items, Number(minItems)) };
  }
  if (schema.type === 'string' && schema.enum === undefined && characters !== undefined) {
    const { maxLength = characters } = schema;
    return { minLength: 1, maxLength: Math.min(characters, Number(maxLength)) };
  }
  return {};
}
