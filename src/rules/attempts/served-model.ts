import type { ExecutorDescriptor, ExecutorTry } from '../../contracts/record/attempt.js';
import { type JudgedFinding, plainFinding } from '../outputs/judged-output.js';

/** What may follow a model's name without making it another model: a date, a release number, a channel. */
const RELEASE = /^(?:\d{3,8}|\d\d|latest|preview|exp|experimental)$/;
/** A version within a name; one that has none, such as `sonnet`, means every version. */
const VERSION = /\d/;
const ANY_VERSION = /^v?\d+(?:\.\d+)*$/;

/** The parts of a model's name without its provider: `openai/gpt-5-mini` → `gpt`, `5`, `mini`. */
const partsOf = (name: string): readonly string[] =>
  name
    .toLowerCase()
    .replace(/^.*\//, '')
    .replace(/\[[^\]]*\]$/, '')
    .split(/[-_:@\s]+/)
    .filter((part) => part !== '');

/** Whether a served name is one of the requested model: the name itself, an alias that was resolved, or a release of it. */
function isServed(requested: string, served: string): boolean {
  const wanted = partsOf(requested.replace(/(?<=.)-latest$/i, ''));
  const given = partsOf(served);
  const start = given.findIndex((_, index) => wanted.every((part, offset) => given[index + offset] === part));
  if (start === -1 || wanted.length === 0) return false;
  const alias = !wanted.some((part) => VERSION.test(part));
  return given.slice(start + wanted.length).every((part) => RELEASE.test(part) || (alias && ANY_VERSION.test(part)));
}

/** The models that answered and are another one than was requested, each as the executor reports it. */
export function otherModelsServed(
  requested: string | null,
  tries: readonly Pick<ExecutorTry, 'served_model'>[],
): readonly string[] {
  if (requested === null) return [];
  const served = new Set(tries.flatMap(({ served_model }) => served_model ?? []));
  return [...served].filter((names) => !names.split(', ').some((name) => isServed(requested, name)));
}

/**
 * Whether another model answered than was requested. Both names are claims of the executor, so it is a note and blocks
 * nothing; a model that is not named is unknown, which the record says itself.
 */
export function judgeServedModel(
  { requested_model }: Pick<ExecutorDescriptor, 'requested_model'>,
  tries: readonly Pick<ExecutorTry, 'served_model'>[],
): readonly JudgedFinding[] {
  return otherModelsServed(requested_model, tries).map((names) =>
    plainFinding(
      'served_model',
      'low',
      `The model "${requested_model}" was requested; the executor reports "${names}".`,
    ),
  );
}
