import type { PolicyFile } from '../../config/policy-file.js';
import { type ErrorCode, PromptOsError } from '../../contracts/errors.js';
import { GATES } from '../../contracts/names.js';
import type { ReadableStore } from '../../ports/artifact-store.js';
import { type Committer, isCommitter, namesOfPrincipal } from './committer.js';
import { policyOfRun } from './published-policy.js';
import type { AuditedRun } from './run-catalogue.js';

export interface CommitterJudgement {
  /** Null when they may commit the run's change. */
  readonly code: ErrorCode | null;
  readonly message: string;
}

export interface CommitterQuestion {
  readonly store: ReadableStore;
  readonly run: Pick<AuditedRun, 'runId' | 'record'>;
  readonly policies: readonly PolicyFile[];
  readonly committer: Committer;
}

/** Whether somebody may commit the change of a run: neither its writer nor, unless the policy says so, its developer. */
export async function judgeCommitter({
  store,
  run,
  policies,
  committer,
}: CommitterQuestion): Promise<CommitterJudgement> {
  const shown = `${committer.name} <${committer.email}>`;
  try {
    const policy = await policyOfRun(store, run, policies);
    const { record } = run;
    const made = record.gates.filter(({ gate }) => GATES[gate].role === 'writer').flatMap(({ attempts }) => attempts);
    const writers = new Set(made.map(({ principal }) => principal));
    for (const writer of writers) {
      if (isCommitter(committer, namesOfPrincipal(writer, policy))) {
        return { code: 'COMMITTER_IS_WRITER', message: `${shown} committed what the writer ${writer} made.` };
      }
    }
    if (!isCommitter(committer, namesOfPrincipal(record.developer, policy))) {
      return { code: null, message: `committed by ${shown}` };
    }
    if (policy?.self_approval === 'allowed') {
      return { code: null, message: `${shown} started the run; the policy lets them` };
    }
    const message = `${shown} committed the run that ${record.developer} started.`;
    return { code: 'COMMITTER_IS_DEVELOPER', message };
  } catch (error) {
    if (!(error instanceof PromptOsError)) throw error;
    return { code: 'RUN_NOT_VERIFIED', message: `${error.code}: ${error.summary}` };
  }
}
