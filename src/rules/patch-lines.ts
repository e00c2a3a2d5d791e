const NEWLINE = 10;

/** Bytes of a line that are read as a header; content may be longer and is not. */
const HEADER_BYTES = 65_536;

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** The lines of a patch, one after the other, without a copy of the whole. */
export class PatchLines {
  #start = 0;
  #end: number;
  /** Lines that were read. */
  number = 0;

  constructor(readonly bytes: Uint8Array) {
    this.#end = this.#find(0);
  }

  #find(start: number): number {
    const newline = this.bytes.indexOf(NEWLINE, start);
    return newline === -1 ? this.bytes.length : newline;
  }

  get done(): boolean {
    return this.#start >= this.bytes.length;
  }

  /** The first character of the line, without reading it. */
  sign(): string {
    return this.done ? '' : String.fromCharCode(this.bytes[this.#start] ?? 0);
  }

  /** The line as latin-1 text, one character a byte, without reading it; undefined at the end. */
  peek(): string | undefined {
    if (this.done) return undefined;
    const line = this.bytes.subarray(this.#start, Math.min(this.#end, this.#start + HEADER_BYTES));
    let text = '';
    for (let index = 0; index < line.length; index += 4_096) {
      text += String.fromCharCode(...line.subarray(index, index + 4_096));
    }
    return text;
  }

  /** The line as UTF-8 text behind its first characters, without reading it. */
  text(from: number): string {
    return utf8.decode(this.bytes.subarray(this.#start + from, this.#end));
  }

  /** Reads the line as latin-1 text; empty at the end. */
  next(): string {
    const line = this.peek() ?? '';
    this.skip();
    return line;
  }

  skip(): void {
    if (this.done) return;
    this.#start = this.#end + 1;
    this.#end = this.#find(this.#start);
    this.number += 1;
  }
}
