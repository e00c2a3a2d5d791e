import { styleText } from 'node:util';
import { stringify } from 'yaml';
import { type CheckResult, testResultsSchema } from '../../contracts/answers/gate-outputs.js';
import { GATE_PATHS } from '../../contracts/artifacts.js';
import { PromptOsError } from '../../contracts/errors.js';
import { readJson } from '../../contracts/json.js';
import { GATES, type GateId } from '../../contracts/names.js';
import type { ArtifactRef } from '../../contracts/primitives.js';
import type { AttemptRecord } from '../../contracts/record/attempt.js';
import type { AwaitedDecision, AwaitedResolution, RunStatus } from '../../contracts/run/run-status.js';
import { counted } from '../../contracts/sentences.js';
import type { ArtifactStore } from '../../ports/artifact-store.js';
import type { Output } from '../app/output.js';
import { printable, printableLine } from '../app/printable.js';
import type { Questions } from '../app/questions.js';
import { type ArtifactText, artifactAt, readArtifactText, readAttempt } from '../runs/read/attempt-logs.js';
import { decisionProgress, describeAwaited, describeFinding } from '../runs/show/show-status.js';

export interface ShowRequestOptions<Awaited = AwaitedDecision | AwaitedResolution> {
  /** The store that the workers use. */
  readonly store: ArtifactStore;
  readonly status: RunStatus;
  readonly awaited: Awaited;
  readonly output: Output;
}

/** What a decider sees first of each gate; the rest is under "look at". */
const SHOWN_FIRST: Readonly<Record<GateId, readonly string[]>> = {
  P00: [GATE_PATHS.context],
  P01: [GATE_PATHS.job],
  P03: [GATE_PATHS.plan],
  P05: [GATE_PATHS.patchSummary, GATE_PATHS.patch],
  P06: [GATE_PATHS.testResults, GATE_PATHS.verification],
  P07: [GATE_PATHS.review],
};

/** Lines of one artifact that are shown unasked. */
const SHOWN_LINES = 160;
/** Lines of a failed check's log. */
const LOG_LINES = 25;

/** Prints what is to be decided: the gate's artifact, its findings, the report of an escalation. Asks nothing. */
export async function showRequest(options: ShowRequestOptions): Promise<void> {
  const { awaited, output } = options;
  output.say();
  if (awaited.kind === 'resolution') showEscalation({ ...options, awaited });
  else await showDecision({ ...options, awaited });
}

async function showDecision({ store, status, awaited, output }: ShowRequestOptions<AwaitedDecision>): Promise<void> {
  const { gate, attempt, output_sha256 } = awaited;
  output.say(
    `── ${gate} ${GATES[gate].title}, attempt ${attempt} (${awaited.request_id}): ${decisionProgress(awaited)}`,
  );
  const record = await readRecord(store, output_sha256, output);
  if (record !== null) {
    for (const path of SHOWN_FIRST[gate]) {
      const artifact = artifactAt(record, path);
      if (artifact !== undefined) await showArtifact(store, artifact, output, SHOWN_LINES);
    }
    for (const log of failedLogs(record)) await showLogEnd(store, log, output);
  }
  const reason = record?.reason ?? status.gates.find((one) => one.gate === gate)?.reason ?? null;
  if (reason !== null) output.say(`verdict ${record?.verdict ?? 'fail'}: ${printableLine(reason, 2_000)}`);
  const findings = record?.findings ?? status.gates.find((one) => one.gate === gate)?.findings ?? [];
  output.say(findings.length === 0 ? 'findings: none' : 'findings:');
  for (const finding of findings) output.say(`  ${describeFinding(finding)}`);
  output.say();
}

function showEscalation({ awaited, output }: ShowRequestOptions<AwaitedResolution>): void {
  output.say(`── escalation ${describeAwaited(awaited)}`);
  const { impact, context, options, recommendation } = awaited.report;
  const say = (name: string, text: string): void => {
    if (text !== '') output.say(`${name}${printable(text)}`);
  };
  say('impact: ', impact);
  say('context: ', context);
  for (const [index, option] of options.entries()) say(`  ${index + 1}. `, option);
  say('recommendation: ', recommendation);
  output.say();
}

/**
 * The record of what is decided on, or null with a warning: a store that is not the workers' lacks the bytes, and the
 * findings of the status are better than nothing.
 */
async function readRecord(store: ArtifactStore, sha256: string, output: Output): Promise<AttemptRecord | null> {
  try {
    return await readAttempt(store, sha256);
  } catch (error) {
    if (!(error instanceof PromptOsError)) throw error;
    output.note(`warning: the output cannot be shown: ${error.summary}`);
    return null;
  }
}

/** Lets a person read what the attempt left, one file at a time. */
export async function lookAt(
  { store, awaited, output }: ShowRequestOptions<AwaitedDecision>,
  questions: Questions,
): Promise<void> {
  const record = await readRecord(store, awaited.output_sha256, output);
  if (record === null) return;
  const files = [...record.artifacts, ...record.transcripts];
  const path = await questions.choose('Which?', [
    ...files.map(({ path, bytes }) => ({ value: path, label: printableLine(path), hint: counted(bytes, 'byte') })),
    { value: '', label: 'back' },
  ]);
  const chosen = files.find((file) => file.path === path);
  if (chosen !== undefined) await showArtifact(store, chosen, output);
}

/** Prints one artifact, cut after `limit` lines. */
async function showArtifact(
  store: ArtifactStore,
  artifact: ArtifactRef,
  output: Output,
  limit = Number.POSITIVE_INFINITY,
): Promise<void> {
  const lines = renderArtifact(artifact, await readArtifactText(store, artifact), output.color);
  output.say(`┌ ${artifact.path}  (${counted(artifact.bytes, 'byte')}, sha256:${artifact.sha256.slice(0, 12)}…)`);
  for (const line of lines.slice(0, limit)) output.say(`│ ${line}`);
  output.say(lines.length > limit ? `└ … and ${counted(lines.length - limit, 'more line')}` : '└');
}

/** The logs of the checks that blocked. Names of checks hold no slash, so the path says which check a log is of. */
function failedLogs({ gate, verdict, artifacts }: AttemptRecord): readonly ArtifactRef[] {
  if (gate !== 'P06' || verdict === 'pass') return [];
  return artifacts.filter(({ path, bytes }) => /^evidence\/checks\/.+\.std(out|err)\.txt$/.test(path) && bytes > 0);
}

async function showLogEnd(store: ArtifactStore, log: ArtifactRef, output: Output): Promise<void> {
  const lines = renderArtifact(log, await readArtifactText(store, log), false);
  output.say(`┌ ${log.path}, ${lines.length > LOG_LINES ? `the last ${counted(LOG_LINES, 'line')}` : 'whole'}`);
  for (const line of lines.slice(-LOG_LINES)) output.say(`│ ${line}`);
  output.say('└');
}

type Style = Parameters<typeof styleText>[0];

/** Whether colour is wanted was decided when the output was made; newer versions of node would decide it again. */
const styled = (style: Style, text: string): string => styleText(style, text, { validateStream: false });

/** The lines of an artifact as a person reads them: a patch with colour, JSON as YAML, check results as a table. */
export function renderArtifact({ path }: ArtifactRef, { text, cut }: ArtifactText, color: boolean): readonly string[] {
  const lines = cut ? printableLines(text) : renderWhole(path, text, color);
  return cut ? [...lines, '… cut here: the artifact is longer'] : lines;
}

function renderWhole(path: string, text: string, color: boolean): readonly string[] {
  if (path.endsWith('.patch')) return colourPatch(printableLines(text), color);
  if (path === GATE_PATHS.testResults) return renderTestResults(text, color);
  return printableLines(path.endsWith('.json') ? jsonAsYaml(text) : text);
}

const printableLines = (text: string): readonly string[] => printable(text).replace(/\n$/, '').split('\n');

function jsonAsYaml(text: string): string {
  const value = readJson(text);
  return value === undefined ? text : stringify(value, { lineWidth: 100 });
}

/** Colours a patch line by line. Inside a hunk a line that begins with `---` is a removed line, not a header. */
export function colourPatch(lines: readonly string[], color: boolean): readonly string[] {
  if (!color) return lines;
  let inHunk = false;
  return lines.map((line) => {
    if (line.startsWith('diff --git ')) inHunk = false;
    else if (line.startsWith('@@ ')) inHunk = true;
    return styled(styleOfPatchLine(line, inHunk), line);
  });
}

function styleOfPatchLine(line: string, inHunk: boolean): Style {
  if (!inHunk) return 'bold';
  if (line.startsWith('@@ ')) return 'cyan';
  if (line.startsWith('+')) return 'green';
  return line.startsWith('-') ? 'red' : 'reset';
}

function renderTestResults(text: string, color: boolean): readonly string[] {
  const parsed = testResultsSchema.safeParse(readJson(text));
  if (!parsed.success) return printableLines(jsonAsYaml(text));
  const { checks } = parsed.data;
  if (checks.length === 0) return ['no check was run, so nothing was proved'];
  const width = Math.max(...checks.map(({ name }) => name.length));
  return checks.map((check) => describeCheck(check, width, color));
}

function describeCheck(
  { name, status, exit_code, signal, duration_ms, argv, reason }: CheckResult,
  width: number,
  color: boolean,
): string {
  const word = status.replace('_', ' ').padEnd(11);
  const shown = color ? styled(status === 'passed' ? 'green' : 'red', word) : word;
  const end = signal === null ? `exit ${exit_code ?? 'none'}` : `ended by ${signal}`;
  const why = reason === undefined ? '' : `  (${printableLine(reason)})`;
  return `${name.padEnd(width)}  ${shown}  ${end}  ${(duration_ms / 1_000).toFixed(1)} s  ${printableLine(argv.join(' '), 200)}${why}`;
}
