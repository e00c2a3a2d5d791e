/**
 * A record's own member. Names come from outside: `constructor` and `__proto__` must not find what every object has.
 */
export const own = <T>(record: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined;
