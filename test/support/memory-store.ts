import { sha256Hex } from '../../src/contracts/digest.js';
import type { ArtifactStore } from '../../src/ports/artifact-store.js';

/** A store for tests of pure rooms: it keeps objects and journals, and throws at anything else. */
export function memoryStore(): ArtifactStore {
  const objects = new Map<string, Uint8Array>();
  const journals = new Map<string, Uint8Array[]>();
  const refuse = (): never => {
    throw new Error('the memory store only keeps objects and journals');
  };
  return {
    putObject: async (content) => {
      if (!(content instanceof Uint8Array)) return refuse();
      const sha256 = sha256Hex(content);
      objects.set(sha256, content);
      return { sha256, bytes: content.byteLength };
    },
    hasObject: async (sha256) => objects.has(sha256),
    readObject: async (sha256) => objects.get(sha256) ?? refuse(),
    openObject: refuse,
    publish: refuse,
    published: refuse,
    openPublished: refuse,
    appendJournal: async (runId, entry, after) => {
      const journal = journals.get(runId) ?? [];
      journals.set(runId, journal);
      if (after !== undefined && journal.length !== after) return false;
      journal.push(entry);
      return true;
    },
    readJournal: async (runId, from = 0) => (journals.get(runId) ?? []).slice(from),
    journals: async () => [...journals.keys()].sort(),
    list: refuse,
    locate: refuse,
  };
}
