import { unpushedCommit } from '../adapters/git/facts.js';
import type { Environment } from '../config/environment.js';
import type { ProjectFiles } from '../config/project-files.js';
import { engineTaskQueue } from '../contracts/names.js';
import type { WorkerConfig } from '../contracts/worker-config.js';
import type { Connected } from './connect.js';
import type { PreparedRun } from './prepare-run.js';
import { countPollers, runQueues } from './run-queues.js';

/** With a Temporal of the user's own, a queue that no worker polls is the commonest reason why nothing happens. */
export async function warnWithoutPollers(
  { setting }: Pick<PreparedRun, 'setting'>,
  { client, namespace }: Connected,
  note: (line: string) => void,
): Promise<void> {
  for (const queue of runQueues(engineTaskQueue(setting.config))) {
    if ((await countPollers(client.connection, namespace, queue)) === 0) {
      note(`warning: no worker polls the queue ${queue.name} (${queue.carries}); start one: promptos worker`);
    }
  }
}

/** What is known of a start before it is made. */
export interface PlannedStart {
  readonly project: {
    readonly files: Pick<ProjectFiles, 'repository'>;
    readonly environment: Pick<Environment, 'variables'>;
  };
  readonly setting: { readonly config: Pick<WorkerConfig, 'repositories'> };
  readonly start: Pick<PreparedRun['start'], 'baseCommit' | 'targetRepo'>;
}

/** A worker that fetches the repository by URL cannot have a commit that is only in this clone. */
export async function warnUnpushed(
  { project, setting, start }: PlannedStart,
  note: (line: string) => void,
): Promise<void> {
  const { repository } = project.files;
  const { baseCommit, targetRepo } = start;
  const entry = setting.config.repositories[targetRepo];
  if (repository === null || entry === undefined || !('url' in entry)) return;
  const unpushed = await unpushedCommit({ folder: repository, env: project.environment.variables }, baseCommit);
  if (unpushed === null) return;
  note(
    `warning: the base commit ${baseCommit.slice(0, 12)} is on no remote branch: workers fetch ${targetRepo} by URL and cannot get it; push it: git push origin ${unpushed.branch}`,
  );
}
