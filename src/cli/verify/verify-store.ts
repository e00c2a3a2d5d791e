import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { openFolderTree } from '../../adapters/tree-fs/folder-tree.js';
import { PromptOsError } from '../../contracts/errors.js';
import { judgeTree, type TreeVerdict, type VerifyTrust } from '../../verify/index.js';
import { printableLine } from '../printable.js';
import type { StoreCommandContext } from '../published-run.js';
import { warnOfNoTrust } from './show-outcome.js';

/** Milliseconds between two lines of progress. */
const PROGRESS_MS = 1_000;
/** Trees that are verified at the same time: one waits for the medium while another is judged. */
const PARALLEL_TREES = 2;

interface StoreRun {
  readonly runId: string;
  readonly verdict: TreeVerdict | null;
  /** Why the tree could not be read at all. */
  readonly error: PromptOsError | null;
}

/** Verifies every run that a store's folder holds. @returns whether all are verified */
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
  let done = 0;
  let refused = 0;
  let marked = 0;
  const left = [...runs];
  const work = async (): Promise<void> => {
    for (let runId = left.shift(); runId !== undefined; runId = left.shift()) {
      const run = await judgeRun(folder, runId, trust);
      done += 1;
      if (run.verdict?.verified !== true) refused += 1;
      else if (isMarked(run.verdict)) marked += 1;
      tell(run);
      if (performance.now() - shown < PROGRESS_MS) continue;
      shown = performance.now();
      output.note(`${done} of ${runs.length} runs, ${(done / seconds()).toFixed(1)} runs/s`);
    }
  };
  const tell = ({ runId, verdict, error }: StoreRun): void => {
    const failure = verdict?.first?.failure ?? null;
    const code = error?.code ?? failure?.code ?? null;
    const path = failure?.path ?? null;
    const remarks = verdict?.remarks ?? [];
    output.emit({ run_id: runId, verified: code === null, code, path, remarks });
    if (code !== null)
      output.say(`FAILED  ${printableLine(runId)}: ${code}${path === null ? '' : ` at ${printableLine(path)}`}`);
    else output.say(`ok      ${runId}${verdict !== null && isMarked(verdict) ? ' (unauthenticated in part)' : ''}`);
  };
  await Promise.all(Array.from({ length: PARALLEL_TREES }, work));
  const perSecond = Number((done / seconds()).toFixed(1));
  output.emit({ runs: done, refused, unauthenticated: marked, runs_per_second: perSecond, verified: refused === 0 });
  output.say(
    `\n${done - refused} of ${done} runs verified, ${marked} of them unauthenticated in part, ${perSecond} runs/s.`,
  );
  return refused === 0;
}

const isMarked = ({ remarks }: TreeVerdict): boolean => remarks.some((remark) => /^un\w+:/.test(remark));

async function judgeRun(folder: string, runId: string, trust: VerifyTrust): Promise<StoreRun> {
  try {
    return {
      runId,
      verdict: await judgeTree(await openFolderTree(join(folder, runId)), { ...trust, runId }),
      error: null,
    };
  } catch (error) {
    // One tree that cannot be read must not hide the others.
    if (error instanceof PromptOsError) return { runId, verdict: null, error };
    throw error;
  }
}
