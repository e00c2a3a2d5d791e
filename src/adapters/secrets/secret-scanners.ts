import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { createEngine } from '@secretlint/node';
import { z } from 'zod';
import { PromptOsError } from '../../contracts/errors.js';
import { parseJson, readJson } from '../../contracts/json.js';
import type { LongPatch } from '../../contracts/record/long-patch.js';
import type { SecretHit, SecretScanner } from '../../ports/secret-scanner.js';
import { type ChangeParts, contentsOf, partsOf } from '../../rules/patch/added-lines.js';
import { workApart } from '../platform/apart.js';
import { findProgram } from '../platform/find-program.js';
import { removeLeftovers, withPassingFolder } from '../platform/leftovers.js';
import type { Environment } from '../platform/pass-variables.js';
import { secretVariables } from '../platform/passed-secrets.js';
import type { ProgramStarter } from '../platform/program-starter.js';
import { runProgram } from '../platform/run-program.js';
import { createPassedValueScanner } from './passed-values.js';

const PRESET = '@secretlint/secretlint-rule-preset-recommend';
/** Comments that switch rules off: an author could exempt their own text. The preset's option to ignore them has no effect. */
const DIRECTIVE = /secretlint-(?=disable|enable)/gi;

/** Rules that take whatever is in a URL for a password, those of documents and of localhost included. */
const TAKES_ANY_PASSWORD = /basicauth|database-connection-string/;

/** What the JSON formatter of secretlint prints for one text, as far as it is read here. */
interface SecretlintResult {
  readonly messages: readonly {
    readonly ruleId: string;
    readonly messageId: string;
    readonly loc: { readonly start: { readonly line: number } };
  }[];
}

/**
 * Secretlint's recommended rules, run in this process on texts. No configuration file is looked for, and comments in a
 * text cannot switch a rule off. A hit names the kind of the secret and never quotes it.
 */
export function createSecretlintScanner(): SecretScanner {
  let engine: ReturnType<typeof createEngine> | undefined;
  const start = async () => {
    // Loaded when the first patch is judged: it takes longer than all else that a command loads of ours.
    const secretlint = await import('@secretlint/node');
    const { secretLintProfiler } = await import('@secretlint/profiler');
    // It keeps marks of each scan for as long as the process lives, and searches all of them at the next.
    secretLintProfiler.mark = () => undefined;
    return secretlint.createEngine({
      // Rules are looked up from here, so the preset next to this package is found whatever the current folder is.
      cwd: dirname(createRequire(import.meta.url).resolve(`${PRESET}/package.json`)),
      formatter: 'json',
      color: false,
      maskSecrets: true,
      configFileJSON: { rules: [{ id: PRESET }] },
    });
  };
  return {
    scan: async (files) => {
      engine ??= start();
      const { executeOnContent } = await engine;
      const hits: SecretHit[] = [];
      for (const { path, text } of files) {
        const content = text.replace(DIRECTIVE, 'secretlint_');
        // The name that rules see; nothing is read from disk.
        const { output } = await executeOnContent({ content, filePath: `/${path}` });
        hits.push(...readHits(path, output));
      }
      return hits;
    },
  };
}

/** A text that could not be scanned must not pass for a clean one. */
function readHits(path: string, output: string): readonly SecretHit[] {
  const results = output === '' ? [] : parseJson(output);
  if (!Array.isArray(results)) {
    throw new PromptOsError('INTERNAL', `secretlint: expected a list of results for ${path}, received something else.`);
  }
  return (results as readonly SecretlintResult[]).flatMap(({ messages }) =>
    messages.map(({ ruleId, messageId, loc }) => ({
      rule: ruleId,
      path,
      line: loc.start.line,
      message: `looks like a credential (${messageId})`,
      confidence: TAKES_ANY_PASSWORD.test(ruleId) ? ('candidate' as const) : ('known' as const),
    })),
  );
}

/** What a JSON report of gitleaks has, as far as it is read here. */
const reportSchema = z
  .array(z.looseObject({ RuleID: z.string().min(1).max(200), File: z.string(), StartLine: z.int().nonnegative() }))
  .nullable();

/** A comment that switches gitleaks off for its line: an author could exempt their own text. */
const ALLOWANCE = /gitleaks:allow/gi;
const TIMEOUT_MS = 120_000;
/** What gitleaks prints is not read, its report is. */
const MAX_OUTPUT_BYTES = 16 * 1_024 * 1_024;

export interface GitleaksOptions {
  readonly path: string | undefined;
  readonly programs: ProgramStarter;
  readonly temporaryDir?: string;
}

/**
 * Gitleaks, where it is installed; elsewhere nothing is found. Its rules know many values by the words beside them, so
 * a hit is a candidate: only our own table and secretlint say that something is a credential for sure.
 * @throws PromptOsError SECRET_SCAN_FAILED: a text that could not be scanned must not pass for a clean one
 */
export function createGitleaksScanner({
  path = '',
  programs,
  temporaryDir = tmpdir(),
}: GitleaksOptions): SecretScanner {
  return {
    scan: async (files) => {
      const program = files.length === 0 ? null : findProgram('gitleaks', path);
      if (program === null) return [];
      return withTexts(temporaryDir, async (folder) => {
        await writeTexts(folder, files);
        const paths = files.map((file) => file.path);
        return scanFolder(programs, program, folder, path, paths);
      });
    },
  };
}

const FOLDER_PREFIX = 'promptos-gitleaks';

/** Works in a folder for texts. Since they may hold secrets, those that killed processes left are removed each time. */
async function withTexts<T>(parent: string, work: (folder: string) => Promise<T>): Promise<T> {
  await removeLeftovers(parent, FOLDER_PREFIX);
  return withPassingFolder(parent, FOLDER_PREFIX, work);
}

export interface SecretScannersOptions extends GitleaksOptions {
  /** The environments that a worker gives to its programs; none where no worker judges. */
  readonly passed?: readonly Environment[];
}

/** Every scanner that this machine has. */
export function createSecretScanners({ passed = [], ...options }: SecretScannersOptions): SecretScanner {
  const scanners = [createSecretlintScanner(), createGitleaksScanner(options), createPassedValueScanner(passed)];
  return {
    scan: async (files) => (await Promise.all(scanners.map((scanner) => scanner.scan(files)))).flat(),
    scanLong: (change, signal) => scanApart({ ...options, passed }, change, signal),
  };
}

const SCANNER = new URL('../../../dist/adapters/secrets/scan-process.js', import.meta.url);

/** What the process that scans a long change is given. */
export interface ScanOrder {
  readonly parts: ChangeParts;
  /** Where it writes the texts for gitleaks; null where that is not installed. */
  readonly folder: string | null;
  /** As in `SecretScannersOptions`; of credentials alone. */
  readonly passed: readonly Environment[];
}

/** What it answers: what was found without gitleaks, and the paths of the texts in their order. */
export interface ScanAnswer {
  readonly hits: readonly SecretHit[];
  readonly paths: readonly string[];
}

/** Secretlint takes seconds for 50 MB, and all of them at once in memory: a process of its own does it, and writes what gitleaks reads. */
async function scanApart(
  { path = '', programs, temporaryDir = tmpdir(), passed = [] }: SecretScannersOptions,
  change: LongPatch,
  signal: AbortSignal,
): Promise<readonly SecretHit[]> {
  const program = findProgram('gitleaks', path);
  const scan = async (folder: string | null): Promise<readonly SecretHit[]> => {
    const input: ScanOrder = { parts: partsOf(change), folder, passed: passed.map(secretVariables) };
    const { value } = await workApart({ program: SCANNER, input, content: contentsOf(change), signal });
    const { hits, paths } = value as ScanAnswer;
    if (program === null || folder === null || paths.length === 0) return hits;
    return [...hits, ...(await scanFolder(programs, program, folder, path, paths))];
  };
  return program === null ? scan(null) : withTexts(temporaryDir, scan);
}

/** Names of our own: those of the patch may be anything, and some are on gitleaks' list of files to pass over. */
const textName = (index: number): string => `text-${index}.txt`;

/** Writes texts for gitleaks. */
export async function writeTexts(folder: string, files: Parameters<SecretScanner['scan']>[0]): Promise<void> {
  for (const [index, { text }] of files.entries()) {
    await writeFile(join(folder, textName(index)), text.replace(ALLOWANCE, 'gitleaks_allow'));
  }
}

async function scanFolder(
  programs: ProgramStarter,
  program: string,
  folder: string,
  path: string,
  paths: readonly string[],
): Promise<readonly SecretHit[]> {
  const names = paths.map((_, index) => textName(index));
  const report = join(folder, 'report.json');
  const args = ['detect', '--no-git', '--source', folder, '--report-format', 'json', '--report-path', report];
  const ended = await runProgram(programs, {
    argv: [program, ...args, '--redact', '--no-banner', '--exit-code', '0'],
    cwd: folder,
    // No configuration of the machine or of the repository changes what is looked for.
    env: { PATH: path, HOME: folder },
    scratch: folder,
    timeout_ms: TIMEOUT_MS,
    max_output_bytes: MAX_OUTPUT_BYTES,
    max_stderr_bytes: MAX_OUTPUT_BYTES,
    signal: new AbortController().signal,
  });
  if (ended.kind === 'not_started') throw failed(`it did not start (${ended.code})`);
  if (ended.exit_code !== 0) throw failed(`it ended with ${ended.exit_code ?? ended.signal ?? 'no exit code'}`);
  const read = await readFile(report, 'utf8').catch(() => null);
  const hits = reportSchema.safeParse(readJson(read ?? ''));
  if (!hits.success) throw failed('its report is not the expected JSON');
  return (hits.data ?? []).flatMap(({ RuleID, File, StartLine }): SecretHit[] => {
    const file = paths[names.findIndex((name) => File === name || File.endsWith(`/${name}`))];
    if (file === undefined) return [];
    const message = 'looks like a credential to gitleaks';
    return [{ rule: `gitleaks-${RuleID}`, path: file, line: StartLine, message, confidence: 'candidate' }];
  });
}

const failed = (why: string): PromptOsError =>
  new PromptOsError('SECRET_SCAN_FAILED', `gitleaks is installed, and ${why}.`);
