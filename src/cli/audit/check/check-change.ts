import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createDirectStarter } from '../../../adapters/platform/direct-starter.js';
import { createSecretScanners } from '../../../adapters/secrets/secret-scanners.js';
import { type ChangeEnd, type LocalChange, readLocalChange } from '../../../adapters/workspace/local-change.js';
import { readNamedFile } from '../../../config/files.js';
import { type PolicyFile, readPolicyInForce } from '../../../config/policy-file.js';
import { messageOf, PromptOsError, writeFailure } from '../../../contracts/errors.js';
import { prettyJson } from '../../../contracts/json.js';
import type { Finding } from '../../../contracts/run/findings.js';
import { RULES_VERSION } from '../../../contracts/run/rules-version.js';
import { counted } from '../../../contracts/sentences.js';
import { sarifLog } from '../../../domain/record/sarif.js';
import { numberFindings } from '../../../rules/escalation-report.js';
import { judgeChange, judgeForm, PATCH_FORM_RULE } from '../../../rules/judge-change.js';
import { patchTerms } from '../../../rules/outputs/gate-outputs.js';
import { type ParsedPatch, parsePatch } from '../../../rules/patch/parse-patch.js';
import { addedTexts } from '../../../rules/patch/patch-lines.js';
import { PATCH_RULE_IDS } from '../../../rules/patch-rules.js';
import { maskJson } from '../../../rules/secrets/mask-secrets.js';
import type { CommandContext } from '../../app/context.js';
import { type JudgedJob, readJob } from '../../app/judged-job.js';
import type { Output } from '../../app/output.js';
import { printableLine } from '../../app/printable.js';
import { findProject } from '../../app/project.js';
import { type AuditRepository, findCommit, openAuditRepository, requireCommit } from '../commits/audit-repository.js';

export interface ChangeOptions {
  readonly patch?: string;
  readonly staged?: true;
  readonly range?: string;
  readonly base?: string;
}

/** The change that a command line names. */
export interface CheckedChange extends LocalChange {
  readonly kind: ChangeEnd['kind'];
  /** Null for a repository without a commit. */
  readonly base_commit: string | null;
  /** For messages, such as `what is staged`. */
  readonly what: string;
}

interface NamedChange {
  readonly base: string | null;
  readonly end: ChangeEnd;
  readonly what: string;
}

/** @throws PromptOsError REPO_NOT_GIT, REPO_OF_ANOTHER_USER, BASE_NOT_FOUND, FILE_NOT_READABLE, USAGE, PATCH_TOO_LARGE, GIT_FAILED */
export async function readChange(
  context: CommandContext,
  options: ChangeOptions,
  readInput: () => Promise<Uint8Array>,
): Promise<CheckedChange> {
  const { cwd: folder, env: variables } = context;
  const repository = await openAuditRepository(folder, variables);
  const { base, end, what } = await namedChange(context, repository, options, readInput);
  // Git names the index of a commit to its hooks: with `git commit FILE` it is not the repository's own.
  const indexFile = variables.GIT_INDEX_FILE;
  const change = await readLocalChange({ folder, variables, base, end, indexFile });
  return { ...change, kind: end.kind, base_commit: base, what };
}

async function namedChange(
  context: CommandContext,
  repository: AuditRepository,
  { patch, staged, range, base }: ChangeOptions,
  readInput: () => Promise<Uint8Array>,
): Promise<NamedChange> {
  if (patch !== undefined) {
    const bytes =
      patch === '-' ? await readInput() : await readNamedFile(resolve(context.cwd, patch), 'FILE_NOT_READABLE');
    const commit = await requireCommit(repository, base ?? 'HEAD');
    return { base: commit, end: { kind: 'patch', bytes }, what: patch === '-' ? 'the patch' : patch };
  }
  if (range !== undefined) return rangeOf(repository, range);
  if (base !== undefined) return rangeOf(repository, `${base}...HEAD`);
  const head = await findCommit(repository, 'HEAD');
  return staged === true
    ? { base: head, end: { kind: 'staged' }, what: 'what is staged' }
    : { base: head, end: { kind: 'working_tree' }, what: 'the working tree' };
}

async function rangeOf(repository: AuditRepository, range: string): Promise<NamedChange> {
  const [, from = '', dots = '', to = ''] = /^(.*?)(\.{2,3})(.*)$/.exec(range) ?? [];
  if (from === '') {
    throw new PromptOsError('USAGE', `--range: expected two commits such as main..HEAD, received "${range}".`);
  }
  const start = await requireCommit(repository, from);
  const commit = await requireCommit(repository, to === '' ? 'HEAD' : to);
  const base = dots === '..' ? start : await mergeBase(repository, start, commit, range);
  return { base, end: { kind: 'commit', commit }, what: range };
}

async function mergeBase(repository: AuditRepository, one: string, other: string, range: string): Promise<string> {
  const { exitCode, stdout } = await repository.ask(['merge-base', one, other]);
  if (exitCode === 0) return stdout.toString('latin1').trim();
  throw new PromptOsError('BASE_NOT_FOUND', `The commits of ${range} have no common history here.`, {
    hint: 'Name commits of one history; a shallow clone must be fetched whole.',
  });
}

export interface CheckOptions extends ChangeOptions {
  readonly job: string;
  readonly plan?: string;
  readonly policy?: string;
  readonly sarif?: string;
}

interface SkippedRule {
  readonly rule: string;
  readonly reason: string;
}

interface Judgement {
  readonly findings: readonly Finding[];
  /** The rules that were judged. */
  readonly rules: readonly string[];
  readonly skipped: readonly SkippedRule[];
}

export async function checkChange(
  context: CommandContext,
  options: CheckOptions,
  readInput: () => Promise<Uint8Array>,
): Promise<void> {
  const output = context.output();
  const toOutput = options.sarif === '-';
  if (toOutput && output.json) throw new PromptOsError('USAGE', '--json and --sarif - both write to standard output.');
  const job = await readJob(context.cwd, options);
  const policyPath =
    options.policy === undefined ? (await findProject(context)).files.policy : resolve(context.cwd, options.policy);
  const policy = await readPolicyInForce(policyPath);
  const change = await readChange(context, options, readInput);
  const judged = await judge(context, job, policy, change);
  const log = prettyJson(sarifLog({ id: `promptos/check/${change.base_commit ?? 'none'}`, ...judged }));
  if (options.sarif !== undefined && !toOutput) await writeLog(resolve(context.cwd, options.sarif), log);
  if (toOutput) output.say(log.trimEnd());
  show(toOutput ? output.note : output.say, output, change, judged);
  const passed = !judged.findings.some(({ blocking }) => blocking);
  const { kind, base_commit, patch } = change;
  output.emit({
    passed,
    change: { kind, base_commit, files: patch.files.length, bytes: patch.bytes.length },
    job: { path: job.path, title: job.title },
    policy: { path: policyPath, sha256: policy.sha256 },
    rules_version: RULES_VERSION,
    ...judged,
  });
  if (!passed) context.exit(1);
}

/** The files and lines of a patch that does not apply are those of its text. */
function shownChange({ patch, refused }: CheckedChange, parsed: ParsedPatch | null): CheckedChange['patch'] {
  if (refused === null || parsed === null) return patch;
  return { ...patch, files: parsed.files.map(({ shown: _, ...file }) => file), added_lines: parsed.added_lines };
}

/** Judges a change as P05 and P06 do. */
async function judge(
  { env }: CommandContext,
  job: JudgedJob,
  { policy }: PolicyFile,
  change: CheckedChange,
): Promise<Judgement> {
  const parsed = change.kind === 'patch' ? parsePatch(change.patch.bytes) : null;
  const patch = shownChange(change, parsed);
  const scanners = createSecretScanners({ path: env.PATH, programs: createDirectStarter('session') });
  const form = parsed !== null && parsed.problem === null && change.refused === null ? judgeForm(parsed, patch) : null;
  const found = [
    ...(form ?? []),
    ...judgeChange({
      patch,
      rules_version: RULES_VERSION,
      applies: change.refused === null ? { ok: true } : { ok: false, reason: change.refused },
      scopes: job.scopes,
      ...patchTerms(policy, job.plan),
      inventory: change.inventory.files,
      secret_hits: await scanners.scan(addedTexts(patch)),
    }),
  ];
  const skipped = skippedRules(job, change, parsed, form !== null);
  const rules = [PATCH_FORM_RULE, ...PATCH_RULE_IDS].filter((id) => !skipped.some(({ rule }) => rule === id));
  const findings = numberFindings(found);
  // The message of another rule may quote the line.
  const sealed = findings.some(({ rule }) => rule === 'secrets');
  return { findings: sealed ? maskJson(findings) : findings, rules, skipped };
}

function skippedRules(
  { plan }: JudgedJob,
  { refused }: CheckedChange,
  parsed: ParsedPatch | null,
  formJudged: boolean,
): readonly SkippedRule[] {
  const reason =
    parsed === null
      ? 'git wrote the patch'
      : parsed.problem === null
        ? 'the patch does not apply'
        : `the patch is not in the form in which runs publish patches (${parsed.problem})`;
  return [
    ...(formJudged ? [] : [{ rule: PATCH_FORM_RULE, reason }]),
    ...(plan === null
      ? ['plan', 'plan_files'].map((rule) => ({ rule, reason: 'there is no plan; name one with --plan' }))
      : []),
    ...(refused === null ? [] : [{ rule: 'attributes', reason: 'the patch does not apply' }]),
  ];
}

async function writeLog(path: string, text: string): Promise<void> {
  await writeFile(path, text).catch((error: unknown) => {
    throw writeFailure(`${path}: cannot be written (${messageOf(error)}).`, error);
  });
}

const placeOf = ({ path, line }: Finding): string =>
  path === undefined ? '' : line === undefined ? path : `${path}:${line}`;

function show(
  say: (text: string) => void,
  { json }: Pick<Output, 'json'>,
  { patch, what }: CheckedChange,
  { findings, rules, skipped }: Judgement,
): void {
  if (json) return;
  const blocking = findings.filter((finding) => finding.blocking);
  const rows = [...blocking, ...findings.filter((finding) => !finding.blocking)].map((finding) => ({
    mark: finding.blocking ? 'BLOCKS' : 'note',
    rule: finding.rule,
    severity: finding.severity,
    place: placeOf(finding),
    message: finding.message,
  }));
  const width = (of: (row: (typeof rows)[number]) => string) =>
    Math.max(0, ...new Set(rows.map((row) => of(row).length)));
  const [ruleWidth, placeWidth] = [
    width(({ rule }) => rule),
    Math.min(
      40,
      width(({ place }) => place),
    ),
  ];
  for (const { mark, rule, severity, place, message } of rows) {
    const columns = [
      mark.padEnd(6),
      severity.padEnd(8),
      rule.padEnd(ruleWidth),
      printableLine(place).padEnd(placeWidth),
    ];
    say(`${columns.join('  ')}  ${printableLine(message, 2_000)}`);
  }
  const shown = skipped.filter(({ rule }) => rule !== PATCH_FORM_RULE);
  for (const reason of new Set(shown.map((one) => one.reason))) {
    const names = shown.filter((one) => one.reason === reason).map(({ rule }) => rule);
    say(`not judged: ${names.join(', ')} (${printableLine(reason)})`);
  }
  const judged = `${printableLine(what)}: ${counted(patch.files.length, 'file')}, ${counted(rules.length, 'rule')}`;
  const verdict =
    blocking.length === 0
      ? 'passed'
      : `refused, ${counted(blocking.length, 'finding')} ${blocking.length === 1 ? 'blocks' : 'block'}`;
  say(`${judged}: ${verdict}`);
}
