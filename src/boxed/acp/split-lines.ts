/** Splits what a program prints into lines. */
export interface LineSplitter {
  /** False when a line is longer than may be: then nothing more is read. */
  push(chunk: Buffer): boolean;
  /** The last line, which nothing ended. */
  end(): void;
}

const NEWLINE = 0x0a;

export function splitLines(maxBytes: number, take: (line: string) => void): LineSplitter {
  let parts: Buffer[] = [];
  let held = 0;
  const flush = (rest: Buffer): void => {
    const line = parts.length === 0 ? rest : Buffer.concat([...parts, rest]);
    parts = [];
    held = 0;
    take(line.toString('utf8'));
  };
  return {
    push: (chunk) => {
      let from = 0;
      for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
        flush(chunk.subarray(from, at));
        from = at + 1;
      }
      if (from < chunk.length) parts.push(chunk.subarray(from));
      held += chunk.length - from;
      return held <= maxBytes;
    },
    end: () => {
      if (held > 0) flush(Buffer.alloc(0));
    },
  };
}
