import type { z } from 'zod';

type AnySchema = z.core.$ZodTypes;

/** The schemas behind optional, default, pipe and union wrappers. */
function unwrap(schema: AnySchema): readonly AnySchema[] {
  const { def } = schema._zod;
  switch (def.type) {
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'readonly':
      return unwrap(def.innerType as AnySchema);
    case 'pipe':
      return unwrap(def.in as AnySchema);
    case 'union':
      return def.options.flatMap((option) => unwrap(option as AnySchema));
    default:
      return [schema];
  }
}

function step(schema: AnySchema, key: PropertyKey): readonly AnySchema[] {
  const { def } = schema._zod;
  if (def.type === 'object') {
    const member = def.shape[String(key)];
    return member === undefined ? [] : unwrap(member as AnySchema);
  }
  if (def.type === 'array') return unwrap(def.element as AnySchema);
  if (def.type === 'record') return unwrap(def.valueType as AnySchema);
  return [];
}

/** Every key that an object at this path may have, as the schema says: what an unknown key is compared with. */
export function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  let schemas = unwrap(schema as unknown as AnySchema);
  for (const key of path) schemas = schemas.flatMap((one) => step(one, key));
  const keys = schemas.flatMap((one) => {
    const { def } = one._zod;
    if (def.type === 'object') return Object.keys(def.shape);
    if (def.type !== 'record') return [];
    return unwrap(def.keyType as AnySchema).flatMap((key) =>
      key._zod.def.type === 'enum' ? Object.values(key._zod.def.entries).map(String) : [],
    );
  });
  return [...new Set(keys)];
}
