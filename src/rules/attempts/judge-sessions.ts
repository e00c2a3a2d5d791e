import type { ExecutorRole } from '../../contracts/names.js';
import type { AttemptRecord, ExecutorTry } from '../../contracts/record/attempt.js';
import { blockingFinding, type JudgedFinding, plainFinding } from '../outputs/judged-output.js';
import { printable } from '../paths/path-names.js';

/** The rule that every try has a session of its own. */
export const SESSION_RULE = 'session_repeated';

type Sessions = Pick<AttemptRecord, 'gate' | 'attempt' | 'role' | 'tries'>;

/** Sessions that are named. */
const NAMED = 5;

interface Seen {
  readonly role: ExecutorRole;
  readonly where: string;
}

const idsOf = (tries: readonly Pick<ExecutorTry, 'session_id'>[]): readonly string[] =>
  tries.flatMap(({ session_id }) => session_id ?? []);

/**
 * Whether a try continued a session of an earlier one: then its executor knew more than the record lists. A judge that
 * continued the session of the one that it judges blocks; within one role it is a finding. Ids are the agents' own words.
 * @param earlier attempts that it was given, in the order of the gates
 */
export function judgeSessions(attempt: Sessions, earlier: readonly Sessions[]): readonly JudgedFinding[] {
  const seen = new Map<string, Seen>();
  for (const { gate, attempt: number, role, tries } of earlier) {
    for (const id of idsOf(tries)) seen.set(id, { role, where: `${gate}, attempt ${number}` });
  }
  const findings: JudgedFinding[] = [];
  for (const id of idsOf(attempt.tries)) {
    const before = seen.get(id);
    seen.set(id, { role: attempt.role, where: 'an earlier try of this attempt' });
    if (before === undefined || findings.length === NAMED) continue;
    const message = `The session ${printable(id)} is that of ${before.where}: a try begins in a session of its own.`;
    findings.push(
      before.role === attempt.role
        ? plainFinding(SESSION_RULE, 'medium', message)
        : blockingFinding(SESSION_RULE, message, { severity: 'critical', escalates: 'rule_violation' }),
    );
  }
  return findings;
}
