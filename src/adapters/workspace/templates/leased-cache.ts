/** A value that is in use until it is released. */
export interface Lease<T> {
  readonly value: T;
  /** To be called once. */
  release(): void;
  /** No further lease gets this value. */
  retire(): void;
}

/** Values by key, each made once and kept for a while after its last use. */
export interface LeasedCache<T> {
  /** Makes the value when there is none; callers at the same time share one. @throws what `make` throws */
  lease(key: string, make: () => Promise<T>): Promise<Lease<T>>;
}

interface Entry<T> {
  readonly value: Promise<T>;
  leases: number;
  usedAt: number;
}

export interface CacheLimits {
  /** Values that are kept without being used. */
  readonly idle: number;
  /** How long one is kept without being used. */
  readonly idleMs: number;
}

/** @param dispose called once for each value, when no lease has it any more. It must not throw. */
export function createLeasedCache<T>({ idle, idleMs }: CacheLimits, dispose: (value: T) => void): LeasedCache<T> {
  const entries = new Map<string, Entry<T>>();
  const retire = (key: string, entry: Entry<T>): void => {
    if (entries.get(key) === entry) entries.delete(key);
  };
  const remove = (key: string, entry: Entry<T>): void => {
    retire(key, entry);
    if (entry.leases === 0) void entry.value.then(dispose, () => undefined);
  };
  const evict = (): void => {
    const unused = [...entries].filter(([, { leases }]) => leases === 0);
    unused.sort(([, one], [, other]) => one.usedAt - other.usedAt);
    for (const [index, [key, entry]] of unused.entries()) {
      const isStale = performance.now() - entry.usedAt >= idleMs;
      if (isStale || unused.length - index > idle) remove(key, entry);
    }
  };
  const release = (key: string, entry: Entry<T>): void => {
    entry.leases -= 1;
    entry.usedAt = performance.now();
    if (entry.leases > 0) return;
    if (entries.get(key) !== entry) remove(key, entry);
    else evict();
    // A timer may fire a little too early.
    setTimeout(evict, idleMs + 50).unref();
  };
  return {
    lease: async (key, make) => {
      const entry = entries.get(key) ?? { value: make(), leases: 0, usedAt: 0 };
      entries.set(key, entry);
      entry.leases += 1;
      try {
        const value = await entry.value;
        return { value, release: () => release(key, entry), retire: () => retire(key, entry) };
      } catch (error) {
        retire(key, entry);
        throw error;
      }
    },
  };
}
