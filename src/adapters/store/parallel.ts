import pMap, { pMapSkip } from 'p-map';

/**
 * The results of the same work on each item, several at once, in the order of the items. After the first error no further
 * item is begun; it is thrown once all that were begun have ended, since p-map alone would leave them writing.
 * @param concurrency items at work at the same time
 */
export async function mapInParallel<T, R>(
  items: readonly T[],
  concurrency: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  let failed: { readonly error: unknown } | null = null;
  const results = await pMap(
    items,
    async (item, index) => {
      if (failed !== null) return pMapSkip;
      try {
        return await work(item, index);
      } catch (error) {
        failed ??= { error };
        return pMapSkip;
      }
    },
    { concurrency },
  );
  if (failed !== null) throw (failed as { readonly error: unknown }).error;
  return results;
}
