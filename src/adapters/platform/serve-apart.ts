import type { FromApart, ToApart } from './apart.js';

/** What a program that works apart has of the process that started it. */
export interface ApartSource {
  /** A content of the work, in pieces. */
  read(name: string): AsyncIterable<Uint8Array>;
  /** The same whole. */
  whole(name: string): Promise<Uint8Array>;
  /** Gives bytes besides the result. */
  give(bytes: Uint8Array): Promise<void>;
}

/** A content that is on its way. */
interface Arriving {
  readonly pieces: Uint8Array[];
  state: 'open' | 'ended' | Error;
  wake(): void;
}

const GIVEN_BYTES = 256 * 1_024;

/** Carries out the one work that this process was started for. The process ends when it is ended, or alone. */
export function serveApart<Input>(work: (input: Input, source: ApartSource) => Promise<unknown>): void {
  const arriving = new Map<number, Arriving>();
  const send = (message: FromApart): Promise<void> =>
    new Promise((resolve) => {
      process.send?.(message, undefined, undefined, () => resolve());
    });
  let asked = 0;
  const read = async function* (name: string): AsyncIterable<Uint8Array> {
    const id = asked++;
    const one: Arriving = { pieces: [], state: 'open', wake: () => undefined };
    arriving.set(id, one);
    await send({ kind: 'ask', id, name });
    for (;;) {
      yield* one.pieces.splice(0);
      if (one.pieces.length > 0) continue;
      if (one.state instanceof Error) throw one.state;
      if (one.state === 'ended') break;
      await new Promise<void>((resolve) => {
        one.wake = resolve;
      });
    }
    arriving.delete(id);
  };
  const source: ApartSource = {
    read,
    whole: async (name) => {
      const pieces: Uint8Array[] = [];
      for await (const piece of read(name)) pieces.push(piece);
      return new Uint8Array(Buffer.concat(pieces));
    },
    give: async (bytes) => {
      for (let from = 0; from < bytes.byteLength; from += GIVEN_BYTES) {
        await send({ kind: 'given', bytes: bytes.subarray(from, from + GIVEN_BYTES) });
      }
    },
  };
  process.on('message', (message) => {
    const said = message as ToApart;
    if (said.kind === 'work') {
      work(said.input as Input, source).then(
        (value) => send({ kind: 'result', value }),
        (error: unknown) => send({ kind: 'failed', message: String(error) }),
      );
      return;
    }
    const one = arriving.get(said.id);
    if (one === undefined) return;
    if (said.kind === 'piece') one.pieces.push(said.bytes);
    else one.state = said.kind === 'end' ? 'ended' : new Error(said.message);
    one.wake();
  });
  process.once('disconnect', () => process.exit());
}
