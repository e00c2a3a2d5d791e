import type { Log, ReportingDescriptor, Result } from 'sarif';
import { canonicalSha256, isRecord, own } from '../../contracts/json.js';
import type { Severity } from '../../contracts/names.js';
import { RULE_TEXTS, ruleUri } from '../../contracts/policy/rule-texts.js';
import type { AttemptRecord } from '../../contracts/record/attempt.js';
import type { Finding } from '../../contracts/run/findings.js';

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

/** A rule with its text, for tools that show one beside a finding. */
function descriptorOf(id: string) {
  const text = own(RULE_TEXTS, id);
  if (text === undefined) return { id };
  return {
    id,
    shortDescription: { text: text.asks },
    help: { text: text.help },
    helpUri: ruleUri(id),
  } satisfies ReportingDescriptor;
}

export interface SarifInput {
  /** The id of the run of the tool; the part before its last `/` is the category, in which a later log replaces this one. */
  readonly id: string;
  /** Rules that were judged, whether or not they found anything. */
  readonly rules?: readonly string[];
  readonly findings: readonly Finding[];
}

/** Findings as a SARIF 2.1.0 log, for the tools that read it. Pure. */
export function sarifLog({ id, rules: judged = [], findings }: SarifInput) {
  const rules = [...new Set([...judged, ...findings.map(({ rule }) => rule)])];
  return {
    $schema: SCHEMA,
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'PromptOS', rules: rules.map(descriptorOf) } },
        automationDetails: { id },
        columnKind: 'utf16CodeUnits',
        results: findings.map((finding) => sarifResult(finding, rules)),
      },
    ],
  } satisfies Log;
}

/** The log of an attempt. The category is the gate, so that a later attempt's log replaces an earlier one's. */
export const attemptSarif = ({
  run_id,
  gate,
  attempt,
  findings,
}: Pick<AttemptRecord, 'run_id' | 'gate' | 'attempt' | 'findings'>) =>
  sarifLog({ id: `promptos/${gate}/${run_id}.${attempt}`, findings });

/** Texts about rules get better from release to release; everything else of a log follows from its findings. */
const TEXTS: ReadonlySet<string> = new Set(['shortDescription', 'help', 'helpUri']);

/** A log without the texts about its rules, to compare logs of different releases. Anything but a log is given back. */
export function withoutRuleTexts(log: unknown): unknown {
  if (!isRecord(log) || !Array.isArray(log.runs)) return log;
  const runs = log.runs.map((run: unknown) => {
    if (!isRecord(run) || !isRecord(run.tool) || !isRecord(run.tool.driver)) return run;
    const { tool } = run;
    const { driver } = run.tool;
    if (!Array.isArray(driver.rules)) return run;
    return { ...run, tool: { ...tool, driver: { ...driver, rules: driver.rules.map(withoutTexts) } } };
  });
  return { ...log, runs };
}

const withoutTexts = (rule: unknown): unknown =>
  isRecord(rule) ? Object.fromEntries(Object.entries(rule).filter(([name]) => !TEXTS.has(name))) : rule;

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
