import { access, constants, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { PromptOsError } from '../../contracts/errors.js';
import { readJson } from '../../contracts/json.js';
import type { SecretHit, SecretScanner } from '../../ports/secret-scanner.js';
import type { ProgramStarter } from '../platform/program-starter.js';
import { runProgram } from '../platform/run-program.js';

/** What a JSON report of gitleaks has, as far as it is read here. */
const reportSchema = z
  .array(z.looseObject({ RuleID: z.string().min(1).max(200), File: z.string(), StartLine: z.int().nonnegative() }))
  .nullable();

/** A comment that switches gitleaks off for its line: an author could exempt their own text. */
const DIRECTIVE = /gitleaks:allow/gi;
const TIMEOUT_MS = 120_000;
/** What gitleaks prints is not read, its report is. */
const MAX_OUTPUT_BYTES = 16 * 1_024 * 1_024;

export interface GitleaksOptions {
  /** The worker's PATH. */
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
      const program = files.length === 0 ? null : await findProgram(path);
      if (program === null) return [];
      const folder = await mkdtemp(join(temporaryDir, 'promptos-gitleaks-'));
      try {
        return await scanFolder(programs, program, folder, path, files);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

/** Relative entries of PATH are left out: the current folder may be a repository. */
async function findProgram(path: string): Promise<string | null> {
  for (const folder of path.split(delimiter).filter(isAbsolute)) {
    const program = join(folder, 'gitleaks');
    const found = await access(program, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return program;
  }
  return null;
}

async function scanFolder(
  programs: ProgramStarter,
  program: string,
  folder: string,
  path: string,
  files: Parameters<SecretScanner['scan']>[0],
): Promise<readonly SecretHit[]> {
  // Names of our own: those of the patch may be anything, and some are on gitleaks' list of files to pass over.
  const names = files.map((_, index) => `text-${index}.txt`);
  for (const [index, { text }] of files.entries()) {
    await writeFile(join(folder, names[index] ?? ''), text.replace(DIRECTIVE, 'gitleaks_allow'));
  }
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
    const file = files[names.findIndex((name) => File === name || File.endsWith(`/${name}`))];
    if (file === undefined) return [];
    const message = 'looks like a credential to gitleaks';
    return [{ rule: `gitleaks-${RuleID}`, path: file.path, line: StartLine, message, confidence: 'candidate' }];
  });
}

const failed = (why: string): PromptOsError =>
  new PromptOsError('SECRET_SCAN_FAILED', `gitleaks is installed, and ${why}.`);
