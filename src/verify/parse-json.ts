import { canonicalOrNull, parseJson, prettyJson } from '../contracts/json.js';
import { MAX_JSON_DEPTH, MAX_JSON_VALUES } from './limits.js';
import { VerifyFailure } from './verify-codes.js';

/** How the engine writes a file: two-space indented with one trailing newline, or RFC 8785. */
export type JsonLayout = 'indented' | 'canonical';

/** The text of bytes that are UTF-8 and nothing else: no byte order mark is taken away. */
export function strictText(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new VerifyFailure('JSON_MALFORMED', path, 'UTF-8 text', 'other bytes');
  }
}

/**
 * Reads JSON that can be written in one way only, so that no two readers can understand it differently: writing the
 * value again must give the same text.
 * @throws VerifyFailure JSON_MALFORMED, JSON_NOT_STRICT, JSON_TOO_LARGE
 */
export function readStrictJson(bytes: Uint8Array, path: string, layout: JsonLayout): unknown {
  const text = strictText(bytes, path);
  const value = parseBoundedJson(text, path);
  const written = layout === 'canonical' ? (canonicalOrNull(value) ?? '') : prettyJson(value);
  if (written !== text) throw notStrict(path, written, text);
  return value;
}

/** Characters of the text around a difference that a message shows. */
const EXCERPT = 40;

function notStrict(path: string, written: string, text: string): VerifyFailure {
  let at = 0;
  while (at < written.length && written[at] === text[at]) at += 1;
  let line = 1;
  for (let end = text.indexOf('\n'); end !== -1 && end < at; end = text.indexOf('\n', end + 1)) line += 1;
  const excerpt = (source: string): string =>
    at >= source.length ? 'the end of the file' : JSON.stringify(source.slice(at, at + EXCERPT).toWellFormed());
  return new VerifyFailure('JSON_NOT_STRICT', `${path}:${line}`, excerpt(written), excerpt(text));
}

/**
 * Parses one JSON value that is neither too deep nor too wide. Deep JSON exhausts the stack of whatever walks it, and
 * wide JSON takes many times its bytes, so both are counted before anything is built.
 * @throws VerifyFailure JSON_TOO_LARGE, JSON_MALFORMED
 */
export function parseBoundedJson(text: string, path: string): unknown {
  checkBounds(text, path);
  try {
    return parseJson(text);
  } catch (error) {
    throw new VerifyFailure(
      'JSON_MALFORMED',
      path,
      'one JSON value',
      error instanceof Error ? error.message : 'something else',
    );
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;

/** Counts brackets and commas outside strings. Text that is no JSON may be miscounted; the parser refuses it anyway. */
function checkBounds(text: string, path: string): void {
  let depth = 0;
  let values = 1;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === COMMA) values += 1;
    else if (isOpening(code)) {
      depth += 1;
      values += 1;
      if (depth > MAX_JSON_DEPTH) throw tooLarge(path, `nesting of at most ${MAX_JSON_DEPTH} levels`, 'deeper nesting');
    } else if (isClosing(code)) depth -= 1;
    if (values > MAX_JSON_VALUES) throw tooLarge(path, `at most ${MAX_JSON_VALUES} values`, 'more values');
  }
}

/** `[` and `{`, which differ in one bit, as `]` and `}` do. */
const isOpening = (code: number): boolean => (code | 0x20) === 0x7b;
const isClosing = (code: number): boolean => (code | 0x20) === 0x7d;

/** Where the string ends that begins at `start`; the end of the text for one that does not end. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === BACKSLASH) escapes += 1;
    if (escapes % 2 === 0) return end;
  }
  return text.length;
}

const tooLarge = (path: string, expected: string, found: string): VerifyFailure =>
  new VerifyFailure('JSON_TOO_LARGE', path, expected, found);
