import { setImmediate as pause } from 'node:timers/promises';
import { maskBytes, maskedSpans, maskFrom } from '../rules/mask-secrets.js';

/** Characters that are masked in one go: some tenths of a second, so that heartbeats go on and other gates are served. */
const PIECE = 1_024 * 1_024;
/** A piece ends with a line, unless one is longer than this. */
const LONGEST_PIECE = 4 * PIECE;
/** Characters before and behind a piece in which a credential may begin or end that crosses its border. */
const AROUND = 64 * 1_024;

/** What `maskBytes` makes of a log that may be large. */
export async function maskLog(bytes: Uint8Array): Promise<Uint8Array> {
  if (bytes.length <= PIECE) return maskBytes(bytes);
  const text = new TextDecoder().decode(bytes);
  const masked = await maskPieces(text);
  if (masked !== null) return new TextEncoder().encode(masked);
  if (!text.includes('\0')) return bytes;
  const narrow = text.replaceAll('\0', '');
  const maskedNarrow = await maskPieces(narrow);
  return maskedNarrow === null ? bytes : new TextEncoder().encode(maskedNarrow);
}

/** @returns null for a text without credentials: no second copy of it is made */
async function maskPieces(text: string): Promise<string | null> {
  const pieces: string[] = [];
  let found = false;
  for (let from = 0; from < text.length; ) {
    const first = Math.max(0, from - AROUND);
    const border = endOfPiece(text, from);
    const seen = text.slice(first, border + AROUND);
    const spans = maskedSpans(seen).filter(({ start }) => first + start < border);
    const until = Math.max(border, first + (spans.at(-1)?.end ?? 0));
    found ||= spans.length > 0;
    pieces.push(maskFrom(seen.slice(0, until - first), from - first, spans));
    from = until;
    await pause();
  }
  return found ? pieces.join('') : null;
}

function endOfPiece(text: string, from: number): number {
  if (text.length - from <= PIECE) return text.length;
  const line = text.indexOf('\n', from + PIECE);
  return line === -1 || line - from >= LONGEST_PIECE ? Math.min(from + LONGEST_PIECE, text.length) : line + 1;
}
