import type { RunRecord } from '../../contracts/record/run-record.js';
import { counted } from '../../contracts/sentences.js';
import { otherModelsServed } from '../../rules/attempts/served-model.js';
import { codeSpan } from '../../rules/outputs/markdown.js';

/** Lines that say something; the record has the rest. */
const NAMED = 3;

const some = (items: readonly string[]): string => {
  const distinct = [...new Set(items)];
  const more = distinct.length - NAMED;
  return `${distinct.slice(0, NAMED).join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
};

type RecordedAttempt = RunRecord['gates'][number]['attempts'][number];

/**
 * Whether the record cannot say which model made an attempt. Records from before executors' parameters were recorded are left
 * out: their blocks have no line about it.
 */
function isUnknown({ standing, executor, tries }: RecordedAttempt): boolean {
  if (standing === 'voided' || executor === null) return false;
  if (executor.sandbox === 'elsewhere') return executor.program === 'agent';
  const last = tries.at(-1);
  return last?.parameters !== undefined && last.served_model == null;
}

/** Gates of which it is unknown which model answered: what a model is not named for may be any model's work. */
function unknownModels({ gates }: Pick<RunRecord, 'gates'>): string | null {
  const unknown = gates.filter(({ attempts }) => attempts.some(isUnknown));
  if (unknown.length === 0) return null;
  const asked = unknown.flatMap(({ attempts }) =>
    attempts.filter(isUnknown).flatMap(({ executor }) => executor?.requested_model ?? []),
  );
  const requested = asked.length === 0 ? '' : ` (${[...new Set(asked)].map(codeSpan).join(' and ')} requested)`;
  const executors = unknown.length === 1 ? 'its executor does not say' : 'their executors do not say';
  return `UNKNOWN for ${unknown.map(({ gate }) => gate).join(', ')}: ${executors} which one answered${requested}`;
}

/** What a person should know of the models of a run: another one answered than was asked for, or it is not known which. */
export function modelNotes(record: Pick<RunRecord, 'gates'>): string | null {
  const notes = [otherModels(record), unknownModels(record)].filter((note) => note !== null);
  return notes.length === 0 ? null : notes.join('; ');
}

/** Attempts that count, whose executor reports another model than was requested. */
function otherModels({ gates }: Pick<RunRecord, 'gates'>): string | null {
  const notes = gates.flatMap(({ gate, attempts }) =>
    attempts
      .filter(({ standing, findings }) => standing !== 'voided' && findings.some(({ rule }) => rule === 'served_model'))
      .flatMap(({ executor, tries }) => {
        const requested = executor?.requested_model;
        if (requested == null) return [];
        // Tries of old records do not say who answered; their executor does.
        const served = otherModelsServed(requested, [...tries, executor ?? {}])
          .map(codeSpan)
          .join(' and ');
        return served === '' ? [] : [`${gate} asked for ${codeSpan(requested)}, answered by ${served}`];
      }),
  );
  return notes.length === 0 ? null : some(notes);
}

/** Judges that are, or may be, the same model as those whose work they judged. */
export function dependentJudges({ independence }: Pick<RunRecord, 'independence'>): string | null {
  if (independence === undefined || independence.models === 'off') return null;
  const notes = independence.comparisons
    .filter(({ verdict }) => verdict !== 'independent')
    .map(({ judge, judged, verdict }) =>
      verdict === 'same'
        ? `${judge.role} and ${judged.role} are of one ${independence.by}`
        : `${judge.role} and ${judged.role} cannot be compared, since the ${independence.by} of one is unknown`,
    );
  return notes.length === 0 ? null : some(notes);
}

/** How often the run went over a budget, and who let it go on. */
export function budgetBreaches({ escalations }: Pick<RunRecord, 'escalations'>): string | null {
  const raised = escalations.filter(({ report }) => report.trigger === 'budget');
  if (raised.length === 0) return null;
  const actors = raised.flatMap(({ resolution }) =>
    resolution === null || resolution.resolution.choice === 'abort' ? [] : [codeSpan(resolution.resolution.actor)],
  );
  const more = actors.length === 0 ? '' : `, more granted by ${[...new Set(actors)].join(' and ')}`;
  return `spent ${counted(raised.length, 'time')}${more}`;
}
