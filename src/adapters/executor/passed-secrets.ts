import type { Environment } from '../platform/pass-variables.js';

/** Variables whose values are credentials by their names. */
const SECRET_NAME = /key|token|secret|passw|credential|auth/i;
/** A shorter value may be an ordinary word of a sentence. */
const SHORTEST = 8;

/**
 * Masks the values of a program's own credentials: a provider may repeat a key that it refuses, in a form that no pattern
 * knows.
 */
export function maskPassed(env: Environment): (text: string) => string {
  const secrets = Object.entries(env).filter(
    (entry): entry is [string, string] => SECRET_NAME.test(entry[0]) && (entry[1]?.length ?? 0) >= SHORTEST,
  );
  return (text) =>
    secrets.reduce((masked, [name, value]) => masked.replaceAll(value, `[masked: the value of ${name}]`), text);
}
