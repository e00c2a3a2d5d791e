import type { BuildOutput } from '../contracts/gate-outputs.js';
import type { Criterion } from '../contracts/run-request.js';
import { blockingFinding, type JudgedFinding } from './judged-output.js';

/** P05: the builder says of every acceptance criterion how it is met. */
export function judgeBuild(criteria: readonly Criterion[], output: BuildOutput): readonly JudgedFinding[] {
  const addressed = new Set(output.criteria.map(({ id }) => id));
  return criteria
    .filter(({ id }) => !addressed.has(id))
    .map(({ id, text }) => blockingFinding('build', `Criterion ${id} is not addressed: "${text}".`));
}
