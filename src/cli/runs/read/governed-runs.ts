import type { GovernedRuns } from '../../../client/client.js';
import type { ArtifactStore } from '../../../ports/artifact-store.js';
import { type Connected, connectTemporal } from '../../app/connect.js';
import type { CommandContext } from '../../app/context.js';
import { findProject, openProjectStore, type Project, projectKeys, projectPolicies } from '../../app/project.js';
import { type ThisRepository, thisRepository } from '../../app/this-repository.js';
import { createSignerFinder, type SigningOptions } from '../../keys/signing.js';

/** Milliseconds that a worker has for answering a command. */
const ANSWER_TIMEOUT_MS = 2_000;

/** What a command that speaks to runs works with. */
export interface OpenedRuns {
  readonly project: Project;
  readonly temporal: Connected;
  readonly store: ArtifactStore;
  readonly runs: GovernedRuns;
  readonly here: ThisRepository;
}

/** Opens the project's runs on the Temporal that is there, does the work, and closes the connection. */
export async function withRuns<T>(
  context: CommandContext,
  work: (opened: OpenedRuns) => Promise<T>,
  signing: SigningOptions = {},
): Promise<T> {
  const project = await findProject(context);
  const temporal = await connectTemporal(project, { start: false, log: context.output().note });
  try {
    const { GovernedRuns } = await import('../../../client/client.js');
    const { store, taskQueue } = await openProjectStore(project);
    const policyFiles = await projectPolicies(project);
    return await work({
      project,
      temporal,
      store,
      here: await thisRepository(project, store),
      runs: new GovernedRuns({
        client: temporal.client,
        taskQueue,
        store,
        // What a worker does not say in time is read from the store.
        answerTimeoutMs: ANSWER_TIMEOUT_MS,
        signerFor: createSignerFinder(context, store, { keysDir: projectKeys(project), policyFiles, ...signing }),
      }),
    });
  } finally {
    await temporal.close();
  }
}
