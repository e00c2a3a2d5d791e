/** Requests on their way at the same time. */
const PARALLEL_REQUESTS = 8;

/** Does the same for each item, several at once. After the first error no further item is begun. */
export async function eachInParallel<T>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const take = async (): Promise<void> => {
    while (next < items.length) {
      const index = next;
      next += 1;
      try {
        await work(items[index] as T, index);
      } catch (error) {
        next = items.length;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: PARALLEL_REQUESTS }, take));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

/** The results in the order of the items. */
export async function mapInParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  await eachInParallel(items, async (item, index) => {
    results[index] = await work(item);
  });
  return results;
}
