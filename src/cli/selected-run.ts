import type { GovernedRuns } from '../client/client.js';
import type { ArtifactStore, ReadableStore } from '../ports/artifact-store.js';
import type { Output } from './output.js';
import { printableLine } from './printable.js';
import type { ThisRepository } from './this-repository.js';

/** Where runs are looked for, when no Temporal is there. */
export interface PublishedSources {
  readonly store: ReadableStore;
  /** Where runs that are not published left what they began; null where only published ones are meant. */
  readonly journals: Pick<ArtifactStore, 'journals' | 'readJournal' | 'readObject'> | null;
  readonly runs: null;
  readonly here: Pick<ThisRepository, 'what' | 'owns'>;
}

/** Where published and open runs are looked for. */
export interface LiveSources {
  readonly store: ArtifactStore;
  readonly runs: GovernedRuns;
  readonly here: ThisRepository;
}

export type RunSources = PublishedSources | LiveSources;

/** A run that somebody meant. */
export interface SelectedRun {
  readonly run_id: string;
  /** The repository that it is of; null when its record cannot be read. */
  readonly target_repo: string | null;
}

/** Such as `20260102-fix-sum of shop`: what every command says of the run that it acts on. */
export const describeSelected = ({ run_id, target_repo }: SelectedRun): string =>
  target_repo === null ? run_id : `${run_id} of ${printableLine(target_repo, 60)}`;

/** Says which run a command acts on, before it acts. On standard error, so that what it prints can be piped on. */
export const announceRun = (run: SelectedRun, output: Output): void => output.note(`run     ${describeSelected(run)}`);
