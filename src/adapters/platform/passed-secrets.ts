import type { Environment } from './pass-variables.js';

/** Variables whose values are credentials by their names. */
export const SECRET_NAME = /key|token|secret|passw|credential|auth(?!or(?!iz))/i;
/** A shorter value may be an ordinary word of a sentence. */
const SHORTEST = 8;

/** The values in both forms in which a program prints them: as JSON has it, a key of several lines looks another way. */
const secretsOf = (env: Environment): readonly { readonly name: string; readonly forms: readonly string[] }[] =>
  Object.entries(env).flatMap(([name, value = '']) =>
    SECRET_NAME.test(name) && value.length >= SHORTEST
      ? [{ name, forms: [...new Set([value, JSON.stringify(value).slice(1, -1)])] }]
      : [],
  );

/**
 * Masks the values of a program's own credentials: a provider may repeat a key that it refuses, in a form that no pattern
 * knows.
 */
export function maskPassed(env: Environment): (text: string) => string {
  const secrets = secretsOf(env);
  return (text) =>
    secrets.reduce(
      (masked, { name, forms }) =>
        forms.reduce((all, form) => all.replaceAll(form, `[masked: the value of ${name}]`), masked),
      text,
    );
}

/** The same for outputs of any size, which are searched as they are and decoded only where there is something to mask. */
export function maskPassedIn(env: Environment): (bytes: Uint8Array) => Uint8Array {
  const forms = secretsOf(env).flatMap((secret) => secret.forms);
  const mask = maskPassed(env);
  return (bytes) => {
    const { buffer, byteOffset, byteLength } = bytes;
    const searched = Buffer.from(buffer, byteOffset, byteLength);
    if (!forms.some((form) => searched.includes(form))) return bytes;
    return new TextEncoder().encode(mask(new TextDecoder().decode(bytes)));
  };
}

/** The same for what a program printed; the bytes themselves where there is nothing to mask. */
export function maskPrinted(bytes: Uint8Array, text: string, mask: (text: string) => string): Uint8Array {
  const masked = mask(text);
  return masked === text ? bytes : new TextEncoder().encode(masked);
}
