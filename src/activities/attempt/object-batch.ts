import pMap from 'p-map';
import { sha256Hex } from '../../contracts/digest.js';
import type { ArtifactStore, StoredObject } from '../../ports/artifact-store.js';

/** Bytes that are held in memory at most before they are written. */
const MAX_HELD_BYTES = 16 * 1_024 * 1_024;
/** Bytes of what was written or read that are kept for the next reader: a tree's judges ask for a file up to twenty times. */
const MAX_KEPT_BYTES = 4 * 1_024 * 1_024;
/** Objects that are written at the same time. */
const PARALLEL_PUTS = 16;

/** Objects that are written together: each write ends in a wait for the medium, and waits at the same time cost one. */
export interface ObjectBatch {
  /** What comes in pieces is written at once: it is too much to be held. */
  put(content: Uint8Array | AsyncIterable<Uint8Array>): Promise<StoredObject>;
  /** An object of the batch, or of the store. */
  read(sha256: string): Promise<Uint8Array>;
  /** Resolves when all that was put is durable. No digest may leave the activity before. */
  flush(): Promise<void>;
}

/** What was put is in the store after `flush`; without it, possibly never. */
export function createObjectBatch(store: Pick<ArtifactStore, 'putObject' | 'readObject'>): ObjectBatch {
  const held = new Map<string, Uint8Array>();
  let heldBytes = 0;
  const kept = new Map<string, Uint8Array>();
  let keptBytes = 0;
  const keep = (sha256: string, content: Uint8Array): Uint8Array => {
    if (kept.has(sha256) || keptBytes + content.byteLength > MAX_KEPT_BYTES) return content;
    kept.set(sha256, content);
    keptBytes += content.byteLength;
    return content;
  };
  const flush = async (): Promise<void> => {
    await pMap(
      [...held],
      async ([sha256, content]) => {
        await store.putObject(content);
        // A flush at the same time may have written it too.
        if (held.delete(sha256)) heldBytes -= content.byteLength;
        keep(sha256, content);
      },
      { concurrency: PARALLEL_PUTS },
    );
  };
  return {
    put: async (content) => {
      if (!(content instanceof Uint8Array)) return store.putObject(content);
      const sha256 = sha256Hex(content);
      if (!held.has(sha256)) heldBytes += content.byteLength;
      held.set(sha256, content);
      if (heldBytes > MAX_HELD_BYTES) await flush();
      return { sha256, bytes: content.byteLength };
    },
    read: async (sha256) => held.get(sha256) ?? kept.get(sha256) ?? keep(sha256, await store.readObject(sha256)),
    flush,
  };
}
