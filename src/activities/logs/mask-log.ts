import { setImmediate as pause } from 'node:timers/promises';
import { type Content, isLong, piecesOf } from '../../contracts/long-bytes.js';
import { maskBytes, maskedSpans, maskFrom } from '../../rules/secrets/mask-secrets.js';

/** Characters that are masked in one go: some hundredths of a second, so that heartbeats go on and other gates are served. */
const PIECE = 256 * 1_024;
/** A piece ends with a line, unless one is longer than this. */
const LONGEST_PIECE = 4 * PIECE;
/** Characters before and behind a piece in which a credential may begin or end that crosses its border. */
const AROUND = 64 * 1_024;

/** A log without credentials. */
export type MaskedLog = Uint8Array | AsyncIterable<Uint8Array>;

/**
 * What `maskBytes` makes of a log that may be large. A long one is read in pieces, and comes in pieces; one without
 * credentials stays as it is, byte for byte.
 */
export async function maskLog(log: Content): Promise<MaskedLog> {
  if (!isLong(log) && log.length <= PIECE) return maskBytes(log);
  // UTF-16 hides ASCII from every pattern: without its zeros it is found, and without them it is kept.
  for (const narrow of [false, true]) {
    const found = await firstCredential(log, narrow);
    if (found.at !== null) return maskedPieces(log, narrow, found.at);
    if (!found.zeros) break;
  }
  return isLong(log) ? log.read() : log;
}

/** The last bytes of a log that is passed on in pieces, once all of it was. */
export interface PassedLog {
  readonly log: MaskedLog;
  tail(): Uint8Array;
}

export function keepingTail(log: MaskedLog, count: number): PassedLog {
  if (log instanceof Uint8Array) return { log, tail: () => log.subarray(-count) };
  let tail: Uint8Array = new Uint8Array();
  const passed = async function* (): AsyncIterable<Uint8Array> {
    for await (const piece of log) {
      tail = Buffer.concat([tail, piece.subarray(-count)]).subarray(-count);
      yield piece;
    }
  };
  return { log: passed(), tail: () => tail };
}

/** Where in the text the first credential begins, null where there is none; and whether there are zeros. */
async function firstCredential(
  log: Content,
  narrow: boolean,
): Promise<{ readonly at: number | null; readonly zeros: boolean }> {
  let zeros = false;
  const text = async function* (): AsyncIterable<string> {
    for await (const part of textOf(log)) {
      zeros ||= part.includes('\0');
      yield narrow ? part.replaceAll('\0', '') : part;
    }
  };
  for await (const { seen, first, border } of windowsOf(text())) {
    const [found] = maskedSpans(seen);
    if (found !== undefined && first + found.start < border) return { at: first + found.start, zeros };
    await pause();
  }
  return { at: null, zeros: zeros && !narrow };
}

/** @param known the place of the first credential: what is before it was searched */
async function* maskedPieces(log: Content, narrow: boolean, known: number): AsyncIterable<Uint8Array> {
  const encoder = new TextEncoder();
  const text = async function* (): AsyncIterable<string> {
    for await (const part of textOf(log)) yield narrow ? part.replaceAll('\0', '') : part;
  };
  let from = 0;
  for await (const { seen, first, border } of windowsOf(text())) {
    const spans = border <= known ? [] : maskedSpans(seen).filter(({ start }) => first + start < border);
    const until = Math.max(border, first + (spans.at(-1)?.end ?? 0));
    if (until > from) yield encoder.encode(maskFrom(seen.slice(0, until - first), from - first, spans));
    from = Math.max(from, until);
    await pause();
  }
}

async function* textOf(log: Content): AsyncIterable<string> {
  const decoder = new TextDecoder();
  for await (const piece of piecesOf(log)) yield decoder.decode(piece, { stream: true });
  yield decoder.decode();
}

/** A piece of a text, with what is around it. */
interface Window {
  readonly seen: string;
  /** The place in the text at which `seen` begins. */
  readonly first: number;
  /** The place at which the piece ends. */
  readonly border: number;
}

async function* windowsOf(parts: AsyncIterable<string>): AsyncIterable<Window> {
  const source = parts[Symbol.asyncIterator]();
  let seen = '';
  let first = 0;
  let from = 0;
  let ended = false;
  const fill = async (until: number): Promise<void> => {
    while (!ended && first + seen.length < until) {
      const { done, value } = await source.next();
      if (done === true) ended = true;
      else seen += value;
    }
  };
  try {
    for (;;) {
      await fill(from + PIECE + AROUND);
      let line = seen.indexOf('\n', from - first + PIECE);
      while (line === -1 && !ended && first + seen.length < from + LONGEST_PIECE) {
        await fill(first + seen.length + PIECE);
        line = seen.indexOf('\n', from - first + PIECE);
      }
      const end = first + seen.length;
      const longest = Math.min(from + LONGEST_PIECE, end);
      const border = ended && end - from <= PIECE ? end : line === -1 ? longest : Math.min(first + line + 1, longest);
      await fill(border + AROUND);
      yield { seen: seen.slice(0, border + AROUND - first), first, border };
      if (ended && border >= first + seen.length) return;
      from = border;
      const kept = Math.max(first, from - AROUND);
      seen = seen.slice(kept - first);
      first = kept;
    }
  } finally {
    await source.return?.();
  }
}
