import { type Content, isLong, piecesOf } from '../../contracts/long-bytes.js';
import type { NetworkLog } from '../../contracts/record/network-log.js';
import type { CommandWatch } from '../../ports/gate-executor.js';
import { collectContent } from './collect-bytes.js';
import type { Environment } from './pass-variables.js';

/** Variables whose values are credentials by their names. */
export const SECRET_NAME = /key|token|secret|passw|credential|auth(?!or(?!iz))/i;
/** A shorter value may be an ordinary word of a sentence. */
const SHORTEST = 8;

/** The variables of an environment whose values are masked. */
export const secretVariables = (env: Environment): Environment =>
  Object.fromEntries(Object.entries(env).filter(([name]) => SECRET_NAME.test(name)));

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

/** Where a value is in a text. */
interface Occurrence {
  readonly start: number;
  readonly end: number;
  readonly mask: string;
}

/** All places of the values, those within others too; the longest of one place first. */
const placesOf = (secrets: readonly PassedSecret[], text: string): readonly Occurrence[] =>
  inOrder(
    secrets.flatMap(({ value, mask }) => {
      const found: Occurrence[] = [];
      for (let start = text.indexOf(value); start !== -1; start = text.indexOf(value, start + 1)) {
        found.push({ start, end: start + value.length, mask });
      }
      return found;
    }),
  );

const inOrder = (places: readonly Occurrence[]): readonly Occurrence[] =>
  [...places].sort((one, other) => one.start - other.start || other.end - one.end);

/** How far a text is masked beyond what was shown of it, and by which mask. */
interface Covered {
  readonly end: number;
  readonly mask: string | null;
}

/**
 * Masks all that belongs to a value: of values that overlap, such as one that begins with another, no part is shown.
 * @param cut what begins there or later is not shown
 * @returns what is shown, and how far it is masked
 */
function maskPlaces(text: string, places: readonly Occurrence[], cut: number, covered: Covered): [string, Covered] {
  let { end, mask } = covered;
  let shown = '';
  for (const place of places) {
    if (place.start >= cut) break;
    if (place.end <= end) continue;
    const overlaps = place.start < end;
    if (!overlaps) shown += text.slice(end, place.start);
    // A value that overlaps itself, as one of equal characters does, has one mask.
    if (!overlaps || place.mask !== mask) shown += place.mask;
    ({ end, mask } = place);
  }
  if (end < cut) return [shown + text.slice(end, cut), { end: cut, mask: null }];
  return [shown, { end, mask }];
}

const UNCOVERED: Covered = { end: 0, mask: null };

const maskAll = (secrets: readonly PassedSecret[], text: string): string =>
  maskPlaces(text, placesOf(secrets, text), text.length, UNCOVERED)[0];

/**
 * Masks the values of a program's own credentials: a provider may repeat a key that it refuses, in a form that no pattern
 * knows.
 */
export function maskPassed(env: Environment): (text: string) => string {
  const secrets = passedSecrets(env);
  return (text) => maskAll(secrets, text);
}

/**
 * The same for outputs of any size, which are searched as they are and decoded only where there is something to mask.
 * @param folder absolute, for the file of a long output; the output that was given is released where there is another
 */
export function maskPassedIn(env: Environment, folder: string): (output: Content) => Promise<Content> {
  const secrets = passedSecrets(env);
  return async (output) => {
    if (secrets.length === 0 || !(await isAnyIn(secrets, output))) return output;
    if (!isLong(output)) return new TextEncoder().encode(maskAll(secrets, new TextDecoder().decode(output)));
    const masked = collectContent(Number.POSITIVE_INFINITY, folder);
    const encoder = new TextEncoder();
    const stream = maskedStream(secrets);
    for await (const piece of output.read()) masked.add(encoder.encode(stream.add(piece)));
    masked.add(encoder.encode(stream.end()));
    output.release();
    return masked.bytes();
  };
}

async function isAnyIn(secrets: readonly PassedSecret[], output: Content): Promise<boolean> {
  const values = secrets.map(({ value }) => Buffer.from(value));
  const longest = Math.max(...values.map(({ length }) => length));
  let before: Uint8Array = new Uint8Array();
  for await (const piece of piecesOf(output)) {
    const seen = Buffer.concat([before, piece]);
    if (values.some((value) => seen.includes(value))) return true;
    before = seen.subarray(-longest);
  }
  return false;
}

/** Masks what comes in pieces. What may be the beginning of a value is held back. */
function maskedStream(secrets: readonly PassedSecret[]) {
  const decoder = new TextDecoder();
  let held = '';
  let covered = UNCOVERED;
  /** Shows what may be shown; a value that begins before the cut has ended. */
  const show = (text: string, cut: number): string => {
    const [shown, { end, mask }] = maskPlaces(text, placesOf(secrets, text), cut, covered);
    held = text.slice(cut);
    covered = { end: end - cut, mask };
    return shown;
  };
  return {
    add: (chunk: Uint8Array): string => {
      const text = held + decoder.decode(chunk, { stream: true });
      return show(text, text.length - Math.max(...secrets.map(({ value }) => begunAtEnd(text, value))));
    },
    end: (): string => {
      const text = held + decoder.decode();
      return show(text, text.length);
    },
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
  const masked = (host: string): string => {
    const places = secrets.flatMap(({ pattern, mask }) =>
      [...host.matchAll(pattern)].map(({ index, 0: found }) => ({ start: index, end: index + found.length, mask })),
    );
    return maskPlaces(host, inOrder(places), host.length, UNCOVERED)[0];
  };
  return (log) =>
    log && {
      ...log,
      requests: log.requests.map((request) => ({
        ...request,
        host: request.host === null ? null : masked(request.host),
      })),
    };
}

/** The same for what is shown while the program runs. */
export function maskWatched(env: Environment, watch: CommandWatch): CommandWatch {
  const secrets = passedSecrets(env);
  if (secrets.length === 0) return watch;
  const outputs = { stdout: maskedStream(secrets), stderr: maskedStream(secrets) };
  return {
    started: (timeoutMs) => watch.started(timeoutMs),
    printed: (output, chunk) => watch.printed(output, new TextEncoder().encode(outputs[output].add(chunk))),
  };
}

/** Characters at the end of a text with which a value begins that has not ended. */
function begunAtEnd(text: string, value: string): number {
  let length = Math.min(value.length - 1, text.length);
  while (length > 0 && !text.endsWith(value.slice(0, length))) length -= 1;
  return length;
}
