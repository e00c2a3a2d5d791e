import { canonicalJson } from '../contracts/canonical-json.js';
import { parseJson } from './parse-json.js';
import { VerifyFailure } from './verify-codes.js';

/** How the engine writes a file: two-space indented with one trailing newline, or RFC 8785. */
export type JsonLayout = 'indented' | 'canonical';

/** The text of bytes that are UTF-8 and nothing else: no byte order mark is taken away. */
export function strictText(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new VerifyFailure('JSON_MALFORMED', { path, expected: 'UTF-8 text', found: 'other bytes' });
  }
}

/**
 * Reads JSON that can be written in one way only, so that no two readers can understand it differently: writing the
 * value again must give the same text.
 * @throws VerifyFailure JSON_MALFORMED, JSON_NOT_STRICT, JSON_TOO_LARGE
 */
export function readStrictJson(bytes: Uint8Array, path: string, layout: JsonLayout): unknown {
  const text = strictText(bytes, path);
  const value = parseJson(text, path);
  const written = layout === 'canonical' ? canonicalText(value) : `${JSON.stringify(value, null, 2)}\n`;
  if (written !== text) throw notStrict(path, written, text);
  return value;
}

function canonicalText(value: unknown): string {
  try {
    return canonicalJson(value);
  } catch {
    return '';
  }
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
  return new VerifyFailure('JSON_NOT_STRICT', {
    path: `${path}:${line}`,
    expected: excerpt(written),
    found: excerpt(text),
  });
}
