import type { Environment } from '../platform/pass-variables.js';

/** Variables whose values are credentials by their names. */
export const SECRET_NAME = /key|token|secret|passw|credential|auth(?!or(?!iz))/i;
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
    secrets.reduce((masked, [name, value]) => {
      const mask = `[masked: the value of ${name}]`;
      // As JSON has it, a key of several lines looks another way.
      return masked.replaceAll(value, mask).replaceAll(JSON.stringify(value).slice(1, -1), mask);
    }, text);
}

/** The same for what a program printed; the bytes themselves where there is nothing to mask. */
export function maskPrinted(bytes: Uint8Array, text: string, mask: (text: string) => string): Uint8Array {
  const masked = mask(text);
  return masked === text ? bytes : new TextEncoder().encode(masked);
}
