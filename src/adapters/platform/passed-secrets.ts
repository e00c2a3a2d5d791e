import type { NetworkLog } from '../../contracts/network-log.js';
import type { CommandWatch } from '../../ports/gate-executor.js';
import type { Environment } from './pass-variables.js';

/** Variables whose values are credentials by their names. */
export const SECRET_NAME = /key|token|secret|passw|credential|auth(?!or(?!iz))/i;
/** A shorter value may be an ordinary word of a sentence. */
const SHORTEST = 8;

interface PassedSecret {
  /** The variable. */
  readonly name: string;
  readonly value: string;
  readonly mask: string;
}

/** The values of a program's own credentials. As JSON has it, a key of several lines looks another way. */
export const passedSecrets = (env: Environment): readonly PassedSecret[] =>
  Object.entries(env).flatMap(([name, value = '']) => {
    if (!SECRET_NAME.test(name) || value.length < SHORTEST) return [];
    const mask = `[masked: the value of ${name}]`;
    return [...new Set([value, JSON.stringify(value).slice(1, -1)])].map((form) => ({ name, value: form, mask }));
  });

const escapeCharacter = (character: string): string => character.replace(/[\\^$.*+?()[\]{}|/-]/, '\\$&');

const maskAll = (secrets: readonly PassedSecret[], text: string): string =>
  secrets.reduce((masked, { value, mask }) => masked.replaceAll(value, mask), text);

/**
 * Masks the values of a program's own credentials: a provider may repeat a key that it refuses, in a form that no pattern
 * knows.
 */
export function maskPassed(env: Environment): (text: string) => string {
  const secrets = passedSecrets(env);
  return (text) => maskAll(secrets, text);
}

/** The same for what a program printed, as text and as bytes; the bytes themselves where there is nothing to mask. */
export function maskPrinted(
  printed: Uint8Array,
  mask: (text: string) => string,
): { readonly text: string; readonly bytes: Uint8Array } {
  const text = new TextDecoder().decode(printed);
  const masked = mask(text);
  return { text: masked, bytes: masked === text ? printed : new TextEncoder().encode(masked) };
}

/** The same for outputs of any size, which are searched as they are and decoded only where there is something to mask. */
export function maskPassedIn(env: Environment): (bytes: Uint8Array) => Uint8Array {
  const secrets = passedSecrets(env);
  return (bytes) => {
    const { buffer, byteOffset, byteLength } = bytes;
    const searched = Buffer.from(buffer, byteOffset, byteLength);
    if (!secrets.some(({ value }) => searched.includes(value))) return bytes;
    return new TextEncoder().encode(maskAll(secrets, new TextDecoder().decode(bytes)));
  };
}

/** Characters of a host name at most. */
const LONGEST_HOST = 253;

/**
 * The same for what a program asked of the network, which may be a try to send a credential away as the name of a host. Such a
 * name has no case, and dots at least every 63 characters.
 */
export function maskAsked(env: Environment): (log: NetworkLog | undefined) => NetworkLog | undefined {
  const secrets = passedSecrets(env)
    .filter(({ value }) => value.length <= LONGEST_HOST)
    .map(({ value, mask }) => ({ mask, pattern: new RegExp([...value].map(escapeCharacter).join('\\.?'), 'gi') }));
  const masked = (host: string): string =>
    secrets.reduce((text, { pattern, mask }) => text.replace(pattern, () => mask), host);
  return (log) =>
    log && {
      ...log,
      requests: log.requests.map((request) => ({
        ...request,
        host: request.host === null ? null : masked(request.host),
      })),
    };
}

/** The same for what is shown while the program runs. What may be the beginning of a value is held back. */
export function maskWatched(env: Environment, watch: CommandWatch): CommandWatch {
  const secrets = passedSecrets(env);
  if (secrets.length === 0) return watch;
  const open = () => ({ decoder: new TextDecoder(), held: '' });
  const outputs = { stdout: open(), stderr: open() };
  return {
    started: (timeoutMs) => watch.started(timeoutMs),
    printed: (output, chunk) => {
      const from = outputs[output];
      const text = maskAll(secrets, from.held + from.decoder.decode(chunk, { stream: true }));
      const shown = text.length - Math.max(...secrets.map(({ value }) => begunAtEnd(text, value)));
      from.held = text.slice(shown);
      watch.printed(output, new TextEncoder().encode(text.slice(0, shown)));
    },
  };
}

/** Characters at the end of a text with which a value begins that has not ended. */
function begunAtEnd(text: string, value: string): number {
  let length = Math.min(value.length - 1, text.length);
  while (length > 0 && !text.endsWith(value.slice(0, length))) length -= 1;
  return length;
}
