import type { Client, Connection } from '@temporalio/client';
import type { ClientConnectConfig } from '@temporalio/envconfig';
import { readTemporalConnection } from '../../config/environment.js';
import { ensureStateFolder } from '../../config/project-files.js';
import { clientRoute, temporalProxy } from '../../config/proxy.js';
import { requireUsableState } from '../../config/shared-state.js';
import { messageOf, PromptOsError } from '../../contracts/errors.js';
import { EXECUTOR_ROLES, GATES, roleTaskQueue, runWorkflowId } from '../../contracts/names.js';
import { governanceDataConverter } from '../../converter/data-converter.js';
import { ensureServer, findServer } from '../../embedded/server.js';
import type { Project } from './project.js';

/** Milliseconds for the first answer of a server that the user named. */
const CONNECT_TIMEOUT_MS = 10_000;

export interface TemporalAddress {
  readonly connectionOptions: ClientConnectConfig['connectionOptions'] & { address: string };
  readonly namespace: string;
  /** The proxy on the way there; null for a direct connection. */
  readonly proxy: URL | null;
  /** The Web UI's address, where it is known: that of the embedded server. */
  readonly ui: string | null;
  readonly embedded: boolean;
}

export interface Connected extends TemporalAddress {
  readonly client: Client;
  /** The page of the Web UI that shows the run's current details, or null when no UI is known. */
  runPage(runId: string): Promise<string | null>;
  close(): Promise<void>;
}

/**
 * The Temporal that `TEMPORAL_*` or temporal.toml name, else the embedded server of the project.
 * @param start whether the embedded server is started when it does not run
 * @throws PromptOsError SERVER_NOT_RUNNING, and whatever starting it can fail with
 */
export async function locateTemporal(
  project: Project,
  start: boolean,
  log: (line: string) => void,
): Promise<TemporalAddress> {
  const named = readTemporalConnection(project.environment.variables);
  if (named !== null) {
    const address = named.connectionOptions.address ?? 'localhost:7233';
    return {
      connectionOptions: { ...named.connectionOptions, address },
      namespace: named.namespace ?? 'default',
      proxy: temporalProxy(project.environment.variables, address),
      ui: null,
      embedded: false,
    };
  }
  await requireUsableState(project.files.state);
  const server = start
    ? await ensureServer({
        stateDir: await ensureStateFolder(project.files),
        env: project.environment.variables,
        log,
      })
    : await findServer(project.files.state);
  if (server === null) {
    throw new PromptOsError('SERVER_NOT_RUNNING', `No embedded Temporal server runs for ${project.files.home}.`);
  }
  return {
    connectionOptions: { address: server.address },
    namespace: server.namespace,
    proxy: null,
    ui: server.ui_url,
    embedded: true,
  };
}

export const temporalUnreachable = (address: string, cause: unknown): PromptOsError =>
  new PromptOsError('TEMPORAL_UNREACHABLE', `Temporal at ${address} does not answer: ${messageOf(cause)}.`, { cause });

/**
 * A client for a project's Temporal.
 * @throws PromptOsError TEMPORAL_UNREACHABLE, and what `locateTemporal` throws
 */
export async function connectTemporal(
  project: Project,
  { start, log }: { readonly start: boolean; readonly log: (line: string) => void },
): Promise<Connected> {
  const located = await locateTemporal(project, start, log);
  const { connectionOptions, namespace, proxy, ui } = located;
  const route = clientRoute(connectionOptions.address, proxy);
  // Only now: loading the client takes longer than finding out that there is no server.
  const { Client, Connection } = await import('@temporalio/client');
  const connection = await Connection.connect({
    ...connectionOptions,
    ...route,
    connectTimeout: CONNECT_TIMEOUT_MS,
  }).catch((cause: unknown) => {
    throw temporalUnreachable(connectionOptions.address, cause);
  });
  const client = new Client({ connection, namespace, dataConverter: governanceDataConverter });
  return {
    ...located,
    client,
    runPage: async (runId) => {
      if (ui === null) return null;
      const workflowId = runWorkflowId(runId);
      const page = `${ui}/namespaces/${namespace}/workflows/${encodeURIComponent(workflowId)}`;
      // Only the pages of one execution have the details; without one the UI opens the history of the newest.
      const execution = await client.workflow
        .getHandle(workflowId)
        .describe()
        .catch(() => null);
      return execution === null ? page : `${page}/${execution.runId}/user-metadata`;
    },
    close: () => connection.close(),
  };
}

/** temporal.api.enums.v1.TaskQueueType. */
const WORKFLOWS = 1;
const ACTIVITIES = 2;

/** A task queue that runs need a worker on. */
export interface RunQueue {
  readonly name: string;
  readonly type: number;
  /** What waits when no worker polls it, for a person. */
  readonly carries: string;
}

/** The queues of a project: the engine's, and one for each role. */
export const runQueues = (engine: string): readonly RunQueue[] => [
  { name: engine, type: WORKFLOWS, carries: 'the run itself' },
  ...EXECUTOR_ROLES.map((role) => ({
    name: roleTaskQueue(engine, role),
    type: ACTIVITIES,
    carries: Object.entries(GATES)
      .filter(([, gate]) => gate.role === role)
      .map(([id]) => id)
      .join(', '),
  })),
];

/** How many workers have polled a queue in the last minutes, as the server says. */
export async function countPollers(
  { workflowService }: Pick<Connection, 'workflowService'>,
  namespace: string,
  { name, type }: Pick<RunQueue, 'name' | 'type'>,
): Promise<number> {
  const { pollers } = await workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name },
    taskQueueType: type,
  });
  return pollers?.length ?? 0;
}
