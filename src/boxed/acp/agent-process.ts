import { type ChildProcess, spawn } from 'node:child_process';
import process from 'node:process';
import type { AnyMessage, Stream } from '@agentclientprotocol/sdk';
import { isRecord, readJson } from '../../contracts/json.js';
import { counted } from '../../contracts/sentences.js';

/** What is heard of an agent besides answers and requests, in the order in which it prints. */
export interface AgentHeard {
  /** Parameters of a `session/update`. */
  update(params: unknown): void;
  /** A line that is no message of the protocol. */
  noise(line: string): void;
}

export interface AgentEnd {
  readonly code: number | null;
  readonly signal: string | null;
  /** Why it could not be started; null when it was. */
  readonly error: string | null;
}

export interface AgentProcess {
  readonly stream: Stream;
  readonly ended: Promise<AgentEnd>;
  /** The end of its standard error. */
  lastErrors(): string;
  stop(signal: NodeJS.Signals): void;
}

const MAX_LINE_BYTES = 64 * 1_024 ** 2;
const KEPT_ERRORS = 8 * 1_024;

/** Starts the agent with the protocol on its standard input and output. Its standard error is passed on. */
export function startAgent([program = '', ...args]: readonly string[], cwd: string, heard: AgentHeard): AgentProcess {
  const child = spawn(program, args, { cwd, stdio: ['pipe', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    process.stderr.write(chunk);
    errors = `${errors}${chunk.toString('utf8')}`.slice(-KEPT_ERRORS);
  });
  // An agent that ends is noticed by its end.
  child.stdin.on('error', () => undefined);
  return {
    stream: { readable: readMessages(child, heard), writable: writeMessages(child) },
    ended: new Promise((resolve) => {
      child.once('error', (error) => resolve({ code: null, signal: null, error: error.message }));
      child.once('exit', (code, signal) => resolve({ code, signal, error: null }));
    }),
    lastErrors: () => errors,
    stop: (signal) => child.kill(signal),
  };
}

/** Why an agent that ended cannot answer. */
export const describeAgentEnd = ({ code, signal, error }: AgentEnd): string =>
  error !== null
    ? `The agent did not start: ${error}.`
    : `The agent ended ${signal === null ? `with exit code ${code ?? 'unknown'}` : `by ${signal}`} before it had answered.`;

const writeMessages = ({ stdin }: ChildProcess): Stream['writable'] =>
  new WritableStream({
    write: (message) =>
      new Promise((resolve) => {
        stdin?.write(`${JSON.stringify(message)}\n`, () => resolve());
      }),
  });

/**
 * The messages of the agent. Updates are heard here and not by handlers: so they are in their order, the last one before the
 * answer to the prompt, and a kind of update that is newer than this client is kept like the others.
 */
function readMessages({ stdout }: ChildProcess, heard: AgentHeard): Stream['readable'] {
  return new ReadableStream<AnyMessage>({
    start: (controller) => {
      const split = splitLines(MAX_LINE_BYTES, (line) => {
        const message = readJson(line);
        if (!isRecord(message) || message.jsonrpc !== '2.0') {
          if (line.trim() !== '') heard.noise(line);
        } else if (message.method === 'session/update') {
          heard.update(message.params);
        } else {
          controller.enqueue(message as AnyMessage);
        }
      });
      stdout?.on('data', (chunk: Buffer) => {
        if (split.push(chunk)) return;
        controller.error(new Error(`The agent sent a message of more than ${counted(MAX_LINE_BYTES, 'byte')}.`));
        stdout.destroy();
      });
      stdout?.once('end', () => {
        split.end();
        controller.close();
      });
    },
  });
}

/** Splits what a program prints into lines. */
interface LineSplitter {
  /** False when a line is longer than may be: then nothing more is read. */
  push(chunk: Buffer): boolean;
  /** The last line, which nothing ended. */
  end(): void;
}

const NEWLINE = 0x0a;

function splitLines(maxBytes: number, take: (line: string) => void): LineSplitter {
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
