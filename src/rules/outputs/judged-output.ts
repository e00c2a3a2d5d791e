import type { RoleFinding } from '../../contracts/answers/gate-outputs.js';
import type { EscalationTrigger } from '../../contracts/names.js';
import type { Finding } from '../../contracts/run/findings.js';
import { printable } from '../paths/path-names.js';

/** A finding before it is numbered within its attempt, and the P08 that it raises, if any. */
export type JudgedFinding = Omit<Finding, 'id'> & { readonly escalates?: EscalationTrigger };

/** Characters that a finding's message may have, and its path. */
const MESSAGE_LIMIT = 2_000;
const PATH_LIMIT = 900;

/** A finding goes into history, tables and terminals: its texts are one line each, and printable. */
const messageOf = (text: string): string => printable(text.replace(/\s+/g, ' ').trim(), MESSAGE_LIMIT - 1);
const pathOf = (path: string | undefined): { readonly path?: string } =>
  path === undefined ? {} : { path: printable(path, PATH_LIMIT) };

/** A text of at most `limit` UTF-16 units that never ends in half a character; "…" marks what was cut. */
export function clipText(text: string, limit: number): string {
  if (text.length <= limit) return text;
  return `${text.slice(0, limit - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** What a further try is shown of the one before. */
export interface PreviousTry {
  readonly problem: string;
  readonly answer: string | null;
}

/** Characters of an answer that did not count which the next try is shown. */
const ANSWER_EXCERPT = 4_000;

export const previousTry = (problem: string, answer: string | null): PreviousTry => ({
  problem,
  answer: answer === null ? null : clipText(answer, ANSWER_EXCERPT),
});

/** A finding that fails its gate until it is waived. */
export const blockingFinding = (
  rule: string,
  message: string,
  more: Partial<Pick<JudgedFinding, 'severity' | 'path' | 'escalates'>> = {},
): JudgedFinding => ({
  rule,
  severity: 'high',
  blocking: true,
  message: messageOf(message),
  ...more,
  ...pathOf(more.path),
});

/** A finding that is reported and does not fail the gate. */
export const plainFinding = (
  rule: string,
  severity: Finding['severity'],
  message: string,
  place: Partial<Pick<JudgedFinding, 'path' | 'line'>> = {},
): JudgedFinding => ({ rule, severity, blocking: false, message: messageOf(message), ...place, ...pathOf(place.path) });

/** What a role reported, as a finding of the engine's. A critical one blocks and escalates. */
export function roleFinding(rule: string, { severity, title, detail, path, line }: RoleFinding): JudgedFinding {
  const place = { ...(path === undefined ? {} : { path }), ...(line === undefined ? {} : { line }) };
  const finding = plainFinding(rule, severity, `${title}: ${detail}`, place);
  return severity === 'critical' ? { ...finding, blocking: true, escalates: 'critical_finding' } : finding;
}
