import { type Contender, driveRun } from '../contender.js';
import type { Table } from '../figures.js';
import { atSites } from '../sites.js';
import { factsOf, type HistoryFacts, historyTable } from './history.js';

const measure = async (contender: Contender): Promise<HistoryFacts> =>
  factsOf(contender, [await driveRun(contender, 'large-work', { door: 'update', size: 'large' })]);

/** A run whose patch and whose check's log hold 50 MB each: its history must not grow with them. */
export const measureLargeWork = (): Promise<readonly Table[]> =>
  atSites(async ({ governed: signing }, { governed }, fairRuns) => {
    const [signed, unsigned, fair] = [await measure(signing), await measure(governed), await measure(fairRuns)];
    return [historyTable('History of a run with 50 MB of patch and of log', { signed, unsigned, fair })];
  });
