import { counted } from '../../contracts/sentences.js';
import type { Line, PrintLine } from '../print-line.js';

export interface Transcript {
  /** Something that happened. Only the last line, the result, has members that the executor's pointers lead to. */
  event(event: Line): void;
  /** A piece of what the agent says or thinks. Pieces are put together until something else happens. */
  chunk(kind: 'message' | 'thought', text: string): void;
  /** Writes what has been put together; people see it while the agent works. */
  flush(): void;
}

/** Texts within an event, such as the contents of files that an agent reads, are cut behind so many characters. */
const MAX_TEXT = 16_384;
/** Pieces that make more than this are written before the message has ended. */
const MAX_CHUNK = 4_096;

export function createTranscript(print: PrintLine): Transcript {
  let open: { readonly kind: 'message' | 'thought'; text: string } | null = null;
  const flush = () => {
    if (open !== null) print({ type: open.kind, text: open.text });
    open = null;
  };
  return {
    event: (event) => {
      flush();
      print({ ...clipMembers(event), type: event.type });
    },
    chunk: (kind, text) => {
      if (open?.kind !== kind) flush();
      open = { kind, text: `${open?.text ?? ''}${text}` };
      if (open.text.length > MAX_CHUNK) flush();
    },
    flush,
  };
}

/** A value with its long texts cut. */
function clip(value: unknown): unknown {
  if (typeof value === 'string') {
    if (value.length <= MAX_TEXT) return value;
    return `${value.slice(0, MAX_TEXT)}… (${counted(value.length, 'character')})`.toWellFormed();
  }
  if (Array.isArray(value)) return value.map(clip);
  if (typeof value !== 'object' || value === null) return value;
  return clipMembers(value);
}

const clipMembers = (record: object): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(record).map(([name, part]) => [name, clip(part)]));
