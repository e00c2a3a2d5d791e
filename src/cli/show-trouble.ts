import type { RunTrouble } from '../client/trouble.js';
import { ERROR_CATALOGUE, isErrorCode } from '../contracts/errors.js';
import { counted } from '../contracts/sentences.js';
import { printable, printableLine } from './printable.js';

/**
 * Why a run does not go on by itself, for a person: the cause, where it was met, and what to do.
 * @param began whether the run opened; else there is nothing to recover
 */
export function describeTrouble(runId: string, trouble: RunTrouble, began: boolean): readonly string[] {
  const { state, step, code, message, worker, tries, next_try_at } = trouble;
  const what = step === 'promptos_finalise' ? 'the record cannot be published' : 'the run cannot go on';
  const head = state === 'failed' ? 'it ended without a record' : what;
  const tried = [
    tries === null ? '' : `tried ${counted(tries, 'time')}`,
    worker === null ? '' : `by worker ${printableLine(worker)}`,
    next_try_at === null ? '' : `next at ${next_try_at}`,
  ].filter((part) => part !== '');
  // The worker is named already.
  const said = printable(message.replace(/\nWorker: [^\n]*$/, '')).split('\n');
  return [
    `stuck   ${head}: ${printableLine(code)}`,
    ...said.map((line) => `        ${line}`),
    ...(tried.length === 0 ? [] : [`        ${tried.join(', ')}`]),
    ...(isErrorCode(code) ? [`        ${ERROR_CATALOGUE[code].hint}`] : []),
    ...(began ? [`        → promptos run recover ${runId}`] : []),
  ];
}
