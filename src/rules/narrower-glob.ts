import type { Scope } from '../contracts/run-request.js';
import { readGlob } from './read-glob.js';

/** The folder that a glob covers as a whole, as it is written; null for any other kind of glob. */
function coveredFolder(glob: string): string | null {
  const plain = glob.replace(/^(?:\.\/)+/, '');
  const folder = plain.replace(/\/(?:\*\*)?$/, '');
  const read = readGlob(folder);
  if (read.problem !== null) return null;
  return folder !== plain || read.reading.literal !== null ? folder : null;
}

/** Whether a job's glob certainly matches nothing that the request's scope does not. What is not certain is no. */
export function isNarrower(glob: string, { allow }: Scope, inRequestScope: (path: string) => boolean): boolean {
  if (allow.includes(glob)) return true;
  const read = readGlob(glob);
  // A "|" is an alternative to whoever knows the languages of other tools.
  if (read.problem !== null || glob.includes('|')) return false;
  if (read.reading.literal !== null) return inRequestScope(read.reading.literal);
  const plain = glob.replace(/^(?:\.\/)+/, '');
  return allow.some((allowed) => allowed === '**' || plain.startsWith(`${coveredFolder(allowed) ?? '\0'}/`));
}
