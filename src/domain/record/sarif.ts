import type { Log, Result } from 'sarif';
import type { AttemptRecord } from '../../contracts/attempt.js';
import type { Finding } from '../../contracts/findings.js';
import { canonicalSha256 } from '../../contracts/json.js';
import type { Severity } from '../../contracts/names.js';

const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';

const LEVELS: Readonly<Record<Severity, Result.level>> = {
  critical: 'error',
  high: 'error',
  medium: 'warning',
  low: 'note',
  info: 'note',
};

/**
 * What stays the same of a finding from attempt to attempt: its rule, its path, and its message but for numbers, which
 * count lines and bytes that every attempt moves.
 */
export const findingFingerprint = ({ rule, path, message }: Pick<Finding, 'rule' | 'path' | 'message'>): string =>
  canonicalSha256({
    rule,
    path: path?.toWellFormed() ?? null,
    message: message.replaceAll(/\d+(?:[.,]\d+)*/g, '0').toWellFormed(),
  });

/** A relative URI of a repository's path (RFC 3986). */
const uriOf = (path: string): string => path.toWellFormed().split('/').map(encodeURIComponent).join('/');

/** Braces are placeholders in SARIF's messages, so those that are meant are doubled (SARIF 2.1.0, 3.11.5). */
const messageText = (text: string): string => text.replaceAll(/[{}]/g, '$&$&');

/**
 * An attempt's findings as a SARIF 2.1.0 log, for the tools that read it. Pure; the record stays the truth.
 * The category of its automation id is the gate, so that a later attempt's log replaces an earlier one's.
 */
export function sarifLog({
  run_id,
  gate,
  attempt,
  findings,
}: Pick<AttemptRecord, 'run_id' | 'gate' | 'attempt' | 'findings'>) {
  const rules = [...new Set(findings.map(({ rule }) => rule))];
  return {
    $schema: SCHEMA,
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'PromptOS', rules: rules.map((id) => ({ id })) } },
        automationDetails: { id: `promptos/${gate}/${run_id}.${attempt}` },
        columnKind: 'utf16CodeUnits',
        results: findings.map((finding) => sarifResult(finding, rules)),
      },
    ],
  } satisfies Log;
}

function sarifResult(finding: Finding, rules: readonly string[]) {
  const { id, rule, severity, blocking, message, path, line } = finding;
  return {
    ruleId: rule,
    ruleIndex: rules.indexOf(rule),
    level: LEVELS[severity],
    message: { text: messageText(message) },
    ...(path === undefined
      ? {}
      : {
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: uriOf(path), uriBaseId: '%SRCROOT%' },
                ...(line === undefined ? {} : { region: { startLine: line } }),
              },
            },
          ],
        }),
    partialFingerprints: { 'promptosFinding/v1': findingFingerprint(finding) },
    properties: { id, severity, blocking },
  } satisfies Result;
}
