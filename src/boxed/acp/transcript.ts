import { counted } from '../../contracts/sentences.js';

/** One line of the transcript. Only the last, the result, has members that the executor's pointers lead to. */
export type TranscriptEvent = { readonly type: string } & Readonly<Record<string, unknown>>;

export interface Transcript {
  event(event: TranscriptEvent): void;
  /** A piece of what the agent says or thinks. Pieces are put together until something else happens. */
  chunk(kind: 'message' | 'thought', text: string): void;
  /** Writes what has been put together; people see it while the agent works. */
  flush(): void;
}

/** Texts within an event, such as the contents of files that an agent reads, are cut behind so many characters. */
const MAX_TEXT = 16_384;
/** Pieces that make more than this are written before the message has ended. */
const MAX_CHUNK = 4_096;

export function createTranscript(write: (line: string) => void): Transcript {
  let open: { readonly kind: 'message' | 'thought'; text: string } | null = null;
  const print = (event: TranscriptEvent) => write(`${JSON.stringify(event)}\n`);
  const flush = () => {
    if (open !== null) print({ type: open.kind, text: open.text });
    open = null;
  };
  return {
    event: (event) => {
      flush();
      print(clip(event) as TranscriptEvent);
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
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, clip(part)]));
}
