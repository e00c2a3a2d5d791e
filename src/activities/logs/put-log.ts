import type { Content } from '../../contracts/long-bytes.js';
import type { StoredObject } from '../../ports/artifact-store.js';
import { LOG_TAIL_BYTES, logTail } from '../../prompt-pack/render.js';
import { keepingTail, maskLog } from './mask-log.js';

/** A log in the store, without credentials, and its end as a prompt shows it. */
export interface PutLog<Ref> {
  readonly ref: Ref;
  readonly tail: string;
}

/** Masks a log and puts it, in pieces where it is long. */
export async function putLog<Ref = StoredObject>(
  log: Content,
  put: (masked: Uint8Array | AsyncIterable<Uint8Array>) => Promise<Ref>,
): Promise<PutLog<Ref>> {
  const passed = keepingTail(await maskLog(log), LOG_TAIL_BYTES);
  const ref = await put(passed.log);
  return { ref, tail: logTail(passed.tail()) };
}

/** The end of a log as a prompt shows it, without credentials. */
export async function readLog(log: Content): Promise<string> {
  const { tail } = await putLog(log, async (masked) => {
    if (masked instanceof Uint8Array) return;
    for await (const _piece of masked);
  });
  return tail;
}
