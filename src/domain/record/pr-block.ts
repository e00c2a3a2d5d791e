import { fromMarkdown } from 'mdast-util-from-markdown';
import { DEFAULT_ARTIFACTS_DIR } from '../../contracts/names.js';
import type { PromptSession } from '../../contracts/record/prompt-session.js';
import type { RunRecord } from '../../contracts/record/run-record.js';
import { counted } from '../../contracts/sentences.js';
import { otherModelsServed } from '../../rules/attempts/served-model.js';
import { codeSpan } from '../../rules/outputs/markdown.js';
import { restingWaivers } from './run-record.js';
import { unsandboxedParts, WITHOUT_SANDBOX } from './sandboxes.js';

const WAIVER_LINE = '> - Waiver';
const SANDBOX_LINE = '> - Sandbox:';
const MODELS_LINE = '> - Models:';
const INDEPENDENCE_LINE = '> - Independence:';
const BUDGET_LINE = '> - Budget:';

/**
 * How lines begin that a block must not leave out: it would hide from who merges what the change rests on. Each is about
 * something that records of before do not have, so their blocks have no such line.
 */
const UNHIDEABLE_LINES: readonly string[] = [WAIVER_LINE, SANDBOX_LINE, MODELS_LINE, INDEPENDENCE_LINE, BUDGET_LINE];

interface PrBlockInput {
  readonly session: PromptSession;
  readonly record: RunRecord;
  /** Digest of the bytes of `run_record.json`. */
  readonly recordSha256: string;
  /** The folder of the exported session as the pull request has it. */
  readonly artifactsDir?: string;
}

const AUTHENTICATION: Readonly<Record<RunRecord['authentication'], string>> = {
  signed: 'signed',
  mixed: 'mixed, so the names of those who did not sign are claims',
  none: "none, so the deciders' names are claims",
};

/**
 * What a pull request says of its run: six lines that existing tooling reads, then our own. Markdown, without a newline
 * at its end.
 */
export function prBlock({ session, record, recordSha256, artifactsDir = DEFAULT_ARTIFACTS_DIR }: PrBlockInput): string {
  return [
    '> **Governed Session**',
    `> - PromptOS Version: ${codeSpan(session.prompt_os_version)}`,
    `> - Prompts Used: ${codeSpan(session.prompts_used.join(', '))}`,
    `> - Session Artifact: ${codeSpan(`${artifactsDir.replace(/\/+$/, '')}/prompt_session.json`)}`,
    `> - Developer: ${codeSpan(session.developer)}`,
    `> - Target Repo: ${codeSpan(session.target_repo)}`,
    `> - Run: ${codeSpan(record.run_id)} (${record.outcome})`,
    `> - Run Record: ${codeSpan(`sha256:${recordSha256}`)}`,
    `> - Approvals: ${approvals(record)}`,
    ...(record.escalations.length === 0 ? [] : [`> - Escalations: ${escalations(record)}`]),
    ...forks(record),
    ...waivers(record),
    ...(record.policy.self_approval === 'allowed'
      ? ['> - Self-Approval: the policy lets the developer decide on their own run']
      : []),
    ...(record.policy.separation?.executors === 'any'
      ? ['> - Separation: the policy lets several roles be done by the same executor']
      : []),
    ...unsandboxed(record),
    ...noted(MODELS_LINE, modelNotes(record)),
    ...noted(INDEPENDENCE_LINE, dependentJudges(record)),
    ...noted(BUDGET_LINE, budgetBreaches(record)),
    `> - Authentication: ${AUTHENTICATION[record.authentication]}`,
  ].join('\n');
}

/** A line only where there is something to say. */
const noted = (line: string, note: string | null): readonly string[] => (note === null ? [] : [`${line} ${note}`]);

/** Programs that could have reached more than their checkout: the person who merges sees it. */
function unsandboxed(record: RunRecord): readonly string[] {
  const parts = unsandboxedParts(record);
  return parts === null ? [] : [`${SANDBOX_LINE} none for ${parts}, so ${WITHOUT_SANDBOX}`];
}

function approvals({ gates }: RunRecord): string {
  const approved = gates.flatMap(({ gate, attempts }) => {
    const standing = attempts.find(({ standing }) => standing === 'passed');
    const actors = standing?.decisions.flatMap(({ decision }) =>
      decision.choice === 'approve' ? [decision.actor] : [],
    );
    return actors === undefined || actors.length === 0 ? [] : [`${gate} by ${actors.map(codeSpan).join(' and ')}`];
  });
  return approved.length === 0 ? 'none' : approved.join(', ');
}

function escalations({ escalations: raised }: RunRecord): string {
  const resolved = raised.filter(({ resolution }) => resolution !== null).length;
  return `${raised.length} raised, ${resolved} resolved`;
}

/** Forks that were resolved: the person who merges sees that the run was reset, and who let it go on. */
function forks({ escalations: raised }: RunRecord): readonly string[] {
  return raised.flatMap(({ escalation_id, report, resolution }) =>
    report.fork === undefined
      ? []
      : [
          `> - Fork ${escalation_id}: ${counted(report.fork.missing, 'entry')} of the journal ${report.fork.missing === 1 ? 'is' : 'are'} not part of the run, ${
            resolution === null ? 'not resolved' : `accepted by ${codeSpan(resolution.resolution.actor)}`
          }`,
        ],
  );
}

/** Characters of a waiver's reason at most; the record has all of it. */
const REASON_CHARACTERS = 200;
/** Findings of a waiver that are named one by one. */
const NAMED_FINDINGS = 10;

/** What is merged in spite of a finding: the person who merges sees who waived it, why, and until when. */
const waivers = ({ waivers: given = [] }: RunRecord): readonly string[] =>
  restingWaivers(given).map(({ escalation_id, gate, findings, waived_by, expires_at, reason }) => {
    const ids = findings.slice(0, NAMED_FINDINGS).map(({ id }) => codeSpan(id));
    const more = findings.length > ids.length ? ` and ${findings.length - ids.length} more` : '';
    const until = expires_at === null ? 'without an end' : `until ${codeSpan(expires_at)}`;
    const why = reason.length > REASON_CHARACTERS ? `${reason.slice(0, REASON_CHARACTERS).toWellFormed()}…` : reason;
    return `${WAIVER_LINE} ${escalation_id}: ${gate} ${ids.join(', ')}${more}, waived by ${codeSpan(waived_by)} ${until}: ${codeSpan(why)}`;
  });

/** Lines that say something; the record has the rest. */
const NAMED = 3;

const some = (items: readonly string[]): string => {
  const distinct = [...new Set(items)];
  const more = distinct.length - NAMED;
  return `${distinct.slice(0, NAMED).join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
};

type RecordedAttempt = RunRecord['gates'][number]['attempts'][number];

/**
 * Whether the record cannot say which model made an attempt. Records from before executors' parameters were recorded are left
 * out: their blocks have no line about it.
 */
function isUnknown({ standing, executor, tries }: RecordedAttempt): boolean {
  if (standing === 'voided' || executor === null) return false;
  if (executor.sandbox === 'elsewhere') return executor.program === 'agent';
  const last = tries.at(-1);
  return last?.parameters !== undefined && last.served_model == null;
}

/** Gates of which it is unknown which model answered: what a model is not named for may be any model's work. */
function unknownModels({ gates }: Pick<RunRecord, 'gates'>): string | null {
  const unknown = gates.filter(({ attempts }) => attempts.some(isUnknown));
  if (unknown.length === 0) return null;
  const asked = unknown.flatMap(({ attempts }) =>
    attempts.filter(isUnknown).flatMap(({ executor }) => executor?.requested_model ?? []),
  );
  const requested = asked.length === 0 ? '' : ` (${[...new Set(asked)].map(codeSpan).join(' and ')} requested)`;
  const executors = unknown.length === 1 ? 'its executor does not say' : 'their executors do not say';
  return `UNKNOWN for ${unknown.map(({ gate }) => gate).join(', ')}: ${executors} which one answered${requested}`;
}

/** What a person should know of the models of a run: another one answered than was asked for, or it is not known which. */
function modelNotes(record: Pick<RunRecord, 'gates'>): string | null {
  const notes = [otherModels(record), unknownModels(record)].filter((note) => note !== null);
  return notes.length === 0 ? null : notes.join('; ');
}

/** Attempts that count, whose executor reports another model than was requested. */
function otherModels({ gates }: Pick<RunRecord, 'gates'>): string | null {
  const notes = gates.flatMap(({ gate, attempts }) =>
    attempts
      .filter(({ standing, findings }) => standing !== 'voided' && findings.some(({ rule }) => rule === 'served_model'))
      .flatMap(({ executor, tries }) => {
        const requested = executor?.requested_model;
        if (requested == null) return [];
        // Tries of old records do not say who answered; their executor does.
        const served = otherModelsServed(requested, [...tries, executor ?? {}])
          .map(codeSpan)
          .join(' and ');
        return served === '' ? [] : [`${gate} asked for ${codeSpan(requested)}, answered by ${served}`];
      }),
  );
  return notes.length === 0 ? null : some(notes);
}

/** Judges that are, or may be, the same model as those whose work they judged. */
function dependentJudges({ independence }: Pick<RunRecord, 'independence'>): string | null {
  if (independence === undefined || independence.models === 'off') return null;
  const notes = independence.comparisons
    .filter(({ verdict }) => verdict !== 'independent')
    .map(({ judge, judged, verdict }) =>
      verdict === 'same'
        ? `${judge.role} and ${judged.role} are of one ${independence.by}`
        : `${judge.role} and ${judged.role} cannot be compared, since the ${independence.by} of one is unknown`,
    );
  return notes.length === 0 ? null : some(notes);
}

/** How often the run went over a budget, and who let it go on. */
function budgetBreaches({ escalations }: Pick<RunRecord, 'escalations'>): string | null {
  const raised = escalations.filter(({ report }) => report.trigger === 'budget');
  if (raised.length === 0) return null;
  const actors = raised.flatMap(({ resolution }) =>
    resolution === null || resolution.resolution.choice === 'abort' ? [] : [codeSpan(resolution.resolution.actor)],
  );
  const more = actors.length === 0 ? '' : `, more granted by ${[...new Set(actors)].join(' and ')}`;
  return `spent ${counted(raised.length, 'time')}${more}`;
}

type RootContent = ReturnType<typeof fromMarkdown>['children'][number];

const HEAD = /^ {0,3}> ?\s*\*\*Governed Session\*\*\s*$/;

/** The lines that existing tooling reads, and that must be there exactly. */
const REQUIRED_LINES = 6;

/** A block of a description: its lines, without the carriage returns that web forms add. */
export type PrBlockLines = readonly string[];

/**
 * The blocks of a description as GitHub shows them: quotes at the top level, neither inside an HTML comment, a tag that
 * was left open nor a collapsed `<details>`. CommonMark decides what is a quote, a comment or code.
 */
export function findPrBlocks(body: string): readonly PrBlockLines[] {
  const text = body.replaceAll('\r\n', '\n');
  const lines = text.split('\n');
  const blocks: PrBlockLines[] = [];
  let html = '';
  for (const node of fromMarkdown(text).children) {
    if (node.type === 'blockquote' && !hides(html)) {
      for (const start of headLines(node.children, lines)) blocks.push(blockAt(lines, start));
    }
    html += htmlOf(node);
  }
  return blocks;
}

/** Indexes of the lines of a quote's own paragraphs that are the block's head and nothing else. */
const headLines = (children: readonly RootContent[], lines: readonly string[]): readonly number[] =>
  children.flatMap((child) =>
    child.type !== 'paragraph'
      ? []
      : child.children.flatMap((span) => {
          const index = (span.position?.start.line ?? 0) - 1;
          return span.type === 'strong' && HEAD.test(lines[index] ?? '') ? [index] : [];
        }),
  );

function blockAt(lines: readonly string[], start: number): PrBlockLines {
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('> - '));
  return lines.slice(start, end === -1 ? lines.length : end);
}

/** The raw HTML of a node and of what is inside it, in the order of the text. */
function htmlOf(node: RootContent): string {
  if (node.type === 'html') return `${node.value}\n`;
  return 'children' in node ? node.children.map(htmlOf).join('') : '';
}

/** Whether raw HTML leaves something open in which a browser shows nothing of what follows. */
function hides(html: string): boolean {
  const open: boolean[] = [];
  const rest = html
    .replaceAll(/<!--[\s\S]*?-->/g, '')
    .replaceAll(
      /<(\/?)([A-Za-z][A-Za-z0-9-]*)((?:[^<>"']|"[^"]*"|'[^']*')*)>/g,
      (_, closing: string, name: string, attributes: string) => {
        if (name.toLowerCase() !== 'details') return '';
        if (closing === '') open.push(/(?:^|\s)open(?:[\s=/]|$)/i.test(attributes));
        else open.pop();
        return '';
      },
    );
  return open.includes(false) || /<!--|<\/?[A-Za-z]/.test(rest);
}

/** The run that a block names in the line that is our own; null when it has none. */
export const runOfBlock = (block: PrBlockLines): string | null =>
  block.map((line) => /^> - Run: `([^`]+)`/.exec(line)?.[1]).find((run) => run !== undefined) ?? null;

/**
 * The differences between a block and the expected one, one sentence each: a required line that differs or is missing,
 * another line of ours that differs, or a missing line that must not be left out. Unknown lines may follow.
 */
export function compareBlock(block: PrBlockLines, expected: PrBlockLines): readonly string[] {
  const key = (line: string): string => line.slice(0, line.indexOf(':') + 1);
  const ours = new Map(expected.slice(REQUIRED_LINES).map((line) => [key(line), line]));
  const required = expected.slice(0, REQUIRED_LINES).flatMap((line, index) => {
    const found = block[index];
    return found === line ? [] : [`line ${index + 1} should be ${quoted(line)}, it is ${quoted(found)}`];
  });
  const more = block.slice(REQUIRED_LINES).flatMap((line) => {
    const wanted = ours.get(key(line));
    return wanted === undefined || wanted === line ? [] : [`expected ${quoted(wanted)}, found ${quoted(line)}`];
  });
  const keys = new Set(block.map(key));
  const hidden = expected.filter(
    (line) => UNHIDEABLE_LINES.some((begin) => line.startsWith(begin)) && !keys.has(key(line)),
  );
  return [...required, ...more, ...hidden.map((line) => `the line ${quoted(line)} is missing`)];
}

const quoted = (line: string | undefined): string => (line === undefined ? 'missing' : JSON.stringify(line));
