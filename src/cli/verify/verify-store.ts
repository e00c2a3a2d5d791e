import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { openFolderTree } from '../../adapters/tree-fs/folder-tree.js';
import { PromptOsError } from '../../contracts/errors.js';
import { judgeTree, type VerifyTrust } from '../../verify/index.js';
import type { Output } from '../output.js';
import { printableLine } from '../printable.js';
import type { StoreCommandContext } from '../published-run.js';
import { warnOfNoTrust } from './show-outcome.js';

/** Milliseconds between two lines of progress. */
const PROGRESS_MS = 1_000;
/** Trees that are verified at the same time: one waits for the medium while another is judged. */
const PARALLEL_TREES = 2;

/** What came of one tree of a store. */
interface StoreRun {
  readonly runId: string;
  /** Null when the tree is verified. */
  readonly code: string | null;
  readonly path: string | null;
  readonly remarks: readonly string[];
}

/**
 * Verifies every run that a store's folder holds. It ends with a summary whatever the trees are: one that cannot be read,
 * or that ends its check in an unexpected way, is one that is not verified.
 * @returns whether all are verified
 */
export async function verifyStore(context: StoreCommandContext, store: string, trust: VerifyTrust): Promise<boolean> {
  const output = context.output();
  const folder = join(resolve(context.cwd, store), 'runs');
  const names = await readdir(folder).catch((error: Error): never => {
    throw new PromptOsError('FILE_NOT_READABLE', `${resolve(context.cwd, store)} is no store: ${error.message}.`, {
      cause: error,
    });
  });
  const runs = names.sort();
  if (runs.length === 0) throw new PromptOsError('RUN_NOT_PUBLISHED', `${store} holds no published run.`);
  warnOfNoTrust(output, trust);
  const started = performance.now();
  const seconds = () => Math.max((performance.now() - started) / 1_000, 0.001);
  let shown = started;
  const judged: StoreRun[] = [];
  const left = [...runs];
  const work = async (): Promise<void> => {
    for (let runId = left.shift(); runId !== undefined; runId = left.shift()) {
      const run = await judgeRun(folder, runId, trust);
      judged.push(run);
      report(output, run);
      if (performance.now() - shown < PROGRESS_MS) continue;
      shown = performance.now();
      output.note(`${judged.length} of ${runs.length} runs, ${(judged.length / seconds()).toFixed(1)} runs/s`);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_TREES }, work));
  summarise(output, judged, Number((judged.length / seconds()).toFixed(1)));
  return judged.every(({ code }) => code === null);
}

/** Remarks such as `unsigned: …` and `unsealed: …`. */
const isMarked = ({ code, remarks }: StoreRun): boolean =>
  code === null && remarks.some((remark) => /^un\w+:/.test(remark));

const place = ({ code, path }: StoreRun): string => `${code}${path === null ? '' : ` at ${printableLine(path)}`}`;

function report(output: Output, run: StoreRun): void {
  const { runId, code, path, remarks } = run;
  output.emit({ run_id: runId, verified: code === null, code, path, remarks });
  if (code === null) output.say(`ok      ${runId}${isMarked(run) ? ' (unauthenticated in part)' : ''}`);
  else output.say(`FAILED  ${printableLine(runId)}: ${place(run)}`);
}

function summarise(output: Output, judged: readonly StoreRun[], perSecond: number): void {
  const failed = judged.filter(({ code }) => code !== null);
  const marked = judged.filter(isMarked).length;
  output.emit({
    runs: judged.length,
    refused: failed.length,
    failed: failed.map(({ runId, code }) => ({ run_id: runId, code })),
    unauthenticated: marked,
    runs_per_second: perSecond,
    verified: failed.length === 0,
  });
  const verified = judged.length - failed.length;
  output.say(
    `\n${verified} of ${judged.length} runs verified, ${marked} of them unauthenticated in part, ${perSecond} runs/s.`,
  );
  for (const run of failed) output.say(`NOT VERIFIED: ${printableLine(run.runId)}: ${place(run)}`);
}

async function judgeRun(folder: string, runId: string, trust: VerifyTrust): Promise<StoreRun> {
  try {
    const { first, remarks } = await judgeTree(await openFolderTree(join(folder, runId)), { ...trust, runId });
    return { runId, code: first?.failure?.code ?? null, path: first?.failure?.path ?? null, remarks };
  } catch (error) {
    // One tree must not hide the others, whatever it does.
    const code = error instanceof PromptOsError ? error.code : 'CHECK_FAILED_UNEXPECTEDLY';
    return { runId, code, path: null, remarks: [] };
  }
}
