import type { GateId } from '../contracts/names.js';
import {
  GUARDED_PARTS,
  type RepositoryDigests,
  type RepositoryPart,
  WORKED_PARTS,
} from '../contracts/repository-parts.js';
import { blockingFinding, type JudgedFinding, plainFinding } from './judged-output.js';

const LABELS: Readonly<Record<RepositoryPart, string>> = {
  configuration: 'configuration',
  hooks: 'hooks',
  attributes: 'attributes',
  object_sources: 'sources of objects (alternates, grafts or replaced objects)',
  promptos_refs: 'refs under refs/promptos',
  head: 'HEAD',
  refs: 'branches, tags or other refs',
  working_tree: 'files of the working tree or the index',
};

/**
 * What changed in the user's own repository while a gate ran. A person may go on working there: a commit, a branch or an
 * edited file is noted. What decides how git behaves is another matter, whatever changed it.
 */
export function judgeRepositoryChange(
  gate: GateId,
  before: RepositoryDigests | null,
  after: RepositoryDigests | null,
): readonly JudgedFinding[] {
  if (before === null || after === null) return [];
  const changed = (part: RepositoryPart): boolean => before[part] !== after[part];
  const findings = GUARDED_PARTS.filter(changed).map((part) => {
    const message = `The repository's own ${LABELS[part]} changed while ${gate} ran: ${before[part]} before, ${after[part]} after.`;
    return blockingFinding('repository_changed', message, { severity: 'critical', escalates: 'rule_violation' });
  });
  const worked = WORKED_PARTS.filter(changed).map((part) => LABELS[part]);
  if (worked.length === 0) return findings;
  const note = `The repository itself was worked in while ${gate} ran: ${worked.join('; ')}. The run does not depend on it.`;
  return [...findings, plainFinding('repository_used', 'info', note)];
}
