/**
 * Computes what follows from an object alone once for as long as the object lives. It must not be changed afterwards: an
 * entry of a ledger, an envelope and a document are read-only.
 */
export function oncePerObject<K extends object, V>(compute: (key: K) => V): (key: K) => V {
  const known = new WeakMap<K, { readonly value: V }>();
  return (key) => {
    const found = known.get(key) ?? { value: compute(key) };
    known.set(key, found);
    return found.value;
  };
}

/** Puts an entry last in the order of use. Of more than `limit`, those that were not used for longest go. */
export function keepLast<K, V>(kept: Map<K, V>, key: K, value: V, limit: number): V {
  kept.delete(key);
  kept.set(key, value);
  if (kept.size > limit) kept.delete(kept.keys().next().value as K);
  return value;
}

/** Computes what follows from a text alone once, for the texts that were asked for last. Their results must not be changed. */
export function oncePerText<V>(limit: number, compute: (text: string) => V): (text: string) => V {
  const known = new Map<string, { readonly value: V }>();
  return (text) => keepLast(known, text, known.get(text) ?? { value: compute(text) }, limit).value;
}
