import { Writable } from 'node:stream';
import { createOutput, type Output } from '../../src/cli/app/output.js';

/** A stream that keeps what is written to it. */
export class RecordedStream extends Writable {
  text = '';
  constructor(readonly isTTY = false) {
    super();
  }
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString('utf8');
    done();
  }
  /** The lines as the objects that `--json` writes. */
  objects(): readonly Record<string, unknown>[] {
    return this.text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }
}

export interface RecordedOutput {
  readonly output: Output;
  readonly stdout: RecordedStream;
  readonly stderr: RecordedStream;
}

/**
 * An output that is kept as text.
 * @param terminal whether a person is at both ends
 */
export function recordOutput({ json = false, terminal = false } = {}): RecordedOutput {
  const [stdout, stderr] = [new RecordedStream(terminal), new RecordedStream(terminal)];
  return { output: createOutput({ json, stdout, stderr, stdinIsTerminal: terminal, noColor: true }), stdout, stderr };
}
