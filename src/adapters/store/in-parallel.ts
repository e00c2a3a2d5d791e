/**
 * Does the same for each item, several at once. After the first error no further item is begun; it is thrown once all that
 * were begun have ended, so that nothing is still written then.
 * @param limit items at work at the same time
 * @param work gets the lane, from 0 to `limit` - 1, which has one item at a time: for a buffer that is used again
 */
export async function eachInParallel<T>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number, lane: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const take = async (lane: number): Promise<void> => {
    while (next < items.length) {
      const index = next;
      next += 1;
      try {
        await work(items[index] as T, index, lane);
      } catch (error) {
        next = items.length;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: limit }, (_, lane) => take(lane)));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

/** The results in the order of the items. */
export async function mapInParallel<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  await eachInParallel(items, limit, async (item, index) => {
    results[index] = await work(item);
  });
  return results;
}
