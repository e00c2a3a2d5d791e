import type { z } from 'zod';

/** Problems that one message names. */
const LIMIT = 20;

/**
 * What a schema refuses, on one line: `gates.0.verdict: Invalid option; and 3 more`.
 * @param whole what a problem of the value itself is called
 */
export function problemsText({ issues }: Pick<z.ZodError, 'issues'>, whole = 'document'): string {
  const named = issues.slice(0, LIMIT).map((issue) => problemText(issue, whole));
  return [...named, ...(issues.length > LIMIT ? [`and ${issues.length - LIMIT} more`] : [])].join('; ');
}

/** One problem: where, unless it is one of the whole that has no name, and what. */
export function problemText({ path, message }: Pick<z.core.$ZodIssue, 'path' | 'message'>, whole = ''): string {
  const place = path.map(String).join('.') || whole;
  return place === '' ? message : `${place}: ${message}`;
}
