import { driveRun } from './contender.js';
import { besideFair, type FairContender } from './fair/fair-runs.js';
import { atSite, type Site } from './governed/site.js';

/** Measures at two sites of which one signs, with fair runs beside the other; all are warm. */
export const atSites = <T>(measure: (signed: Site, unsigned: Site, fair: FairContender) => Promise<T>): Promise<T> =>
  atSite({ signed: true }, async (signed) => {
    await driveRun(signed.governed, 'warm-up', { door: 'signal' });
    return atSite({ signed: false }, (unsigned) => besideFair(unsigned, (fair) => measure(signed, unsigned, fair)));
  });
