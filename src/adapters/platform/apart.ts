import { fork } from 'node:child_process';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import PQueue from 'p-queue';
import { type Content, piecesOf } from '../../contracts/long-bytes.js';
import { collectContent } from './collect-bytes.js';

/** What the process that works asks for or gives. */
export type FromApart =
  | { readonly kind: 'ask'; readonly id: number; readonly name: string }
  | { readonly kind: 'given'; readonly bytes: Uint8Array }
  | { readonly kind: 'result'; readonly value: unknown }
  | { readonly kind: 'failed'; readonly message: string };

/** What it gets. */
export type ToApart =
  | { readonly kind: 'work'; readonly input: unknown }
  | { readonly kind: 'piece'; readonly id: number; readonly bytes: Uint8Array }
  | { readonly kind: 'end'; readonly id: number }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string };

/** Work on bytes that are too many for the memory and for the thread of a worker. */
export interface ApartWork {
  /** A program that calls `serveApart`. */
  readonly program: URL;
  /** What can be cloned, such as JSON. */
  readonly input: unknown;
  /** What the program may read, by its name; nothing when absent. */
  content?(name: string): Content;
  readonly signal?: AbortSignal | undefined;
}

/** What came of it. */
export interface ApartResult {
  readonly value: unknown;
  /** The bytes that the program gave besides. The caller releases them. */
  readonly given: Content;
}

/**
 * Works in a process of its own, which ends with the work. A worker whose thread is held for seconds sends no heartbeats, and
 * memory that a process once had it seldom gives back.
 * @throws the signal's reason when it is aborted; what `content` throws; Error when the process cannot work
 */
export async function workApart(work: ApartWork): Promise<ApartResult> {
  return TURNS.add(() => workNow(work), work.signal === undefined ? {} : { signal: work.signal });
}

/** Processes at the same time: each may need a gigabyte, and a worker may have many gates. */
const TURNS = new PQueue({ concurrency: 2 });

async function workNow({ program, input, content, signal }: ApartWork): Promise<ApartResult> {
  const given = collectContent(Number.POSITIVE_INFINITY, tmpdir());
  const child = fork(fileURLToPath(program), {
    serialization: 'advanced',
    // None of the worker's variables: they may be credentials.
    env: {},
    execArgv: [],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  // To a process that has ended nothing can be sent; that it ended is the error.
  const send = (message: ToApart): Promise<void> =>
    new Promise((resolve) => {
      if (child.connected) child.send(message, () => resolve());
      else resolve();
    });
  let failure: unknown;
  const answer = async (id: number, name: string): Promise<void> => {
    try {
      if (content === undefined) throw new Error(`there is no content ${name}`);
      for await (const bytes of piecesOf(content(name))) {
        if (!child.connected) return;
        await send({ kind: 'piece', id, bytes });
      }
      await send({ kind: 'end', id });
    } catch (error) {
      failure ??= error;
      await send({ kind: 'failed', id, message: String(error) });
    }
  };
  let abort: (() => void) | undefined;
  try {
    const value = await new Promise<unknown>((resolve, reject) => {
      abort = () => reject(signal?.reason);
      signal?.addEventListener('abort', abort, { once: true });
      child.once('error', reject);
      child.once('exit', (code, name) => {
        reject(
          failure ?? new Error(`a process of the worker ended before its work did (${name ?? `exit code ${code}`})`),
        );
      });
      child.on('message', (message) => {
        const said = message as FromApart;
        try {
          if (said.kind === 'ask') void answer(said.id, said.name);
          else if (said.kind === 'given') given.add(said.bytes);
          else if (said.kind === 'result') resolve(said.value);
          else reject(failure ?? new Error(said.message));
        } catch (error) {
          reject(error);
        }
      });
      void send({ kind: 'work', input });
    });
    return { value, given: given.bytes() };
  } catch (error) {
    given.drop();
    throw error;
  } finally {
    if (abort !== undefined) signal?.removeEventListener('abort', abort);
    child.removeAllListeners('exit');
    child.kill('SIGKILL');
  }
}
