import { clientRoute } from '../config/temporal-proxy.js';
import { RETENTION_SECONDS } from './settings.js';
import type { ServerRecord } from './state-files.js';

const TIMEOUT_MS = 10_000;

/**
 * Has the server keep ended runs for `RETENTION_SECONDS`; `start-dev` has no flag for it. A server that refuses works
 * all the same, so that is no error.
 */
export async function keepEndedRuns({
  address,
  namespace,
}: Pick<ServerRecord, 'address' | 'namespace'>): Promise<void> {
  const [{ Connection }, { msToTs }] = await Promise.all([
    import('@temporalio/client'),
    import('@temporalio/common/lib/time.js'),
  ]);
  const connection = await Connection.connect({ ...clientRoute(address, null), connectTimeout: TIMEOUT_MS }).catch(
    () => null,
  );
  if (connection === null) return;
  const config = { workflowExecutionRetentionTtl: msToTs(RETENTION_SECONDS * 1_000) };
  try {
    await connection.withDeadline(Date.now() + TIMEOUT_MS, () =>
      connection.workflowService.updateNamespace({ namespace, config }),
    );
  } catch {
    // Refused: ended runs are kept for as long as the server likes.
  } finally {
    await connection.close();
  }
}
