import type { GateProgress } from '../contracts/gate-progress.js';
import type { ArtifactStore } from '../ports/artifact-store.js';
import {
  type AttemptName,
  describeAttempt,
  keptLogs,
  logsNotFound,
  type StartedAttempt,
  type WantedAttempt,
} from './attempt-logs.js';
import type { LogPrinter } from './log-printer.js';
import type { Output } from './output.js';
import { printableLine } from './printable.js';

/** How far each output of an attempt was printed, in characters. */
export type Printed = Map<string, number>;

/**
 * Prints what an attempt kept, from where `printed` ends on.
 * @returns whether there was anything at all
 */
export async function printKept(
  store: ArtifactStore,
  attempt: AttemptName & { readonly output_sha256: string },
  printer: LogPrinter,
  printed: Printed = new Map(),
): Promise<boolean> {
  let any = false;
  for (const { path, sha256, bytes } of await keptLogs(store, attempt.output_sha256)) {
    if (bytes === 0) continue;
    any = true;
    let passed = printed.get(path) ?? 0;
    const decoder = new TextDecoder();
    for await (const chunk of store.openObject(sha256)) {
      const text = decoder.decode(chunk, { stream: true });
      printer.text(attempt, path, text.slice(passed));
      passed = Math.max(0, passed - text.length);
    }
    printer.text(attempt, path, decoder.decode());
    printer.flush();
  }
  return any;
}

/** Prints the newest of the attempts, which has ended. @throws PromptOsError LOGS_NOT_FOUND, and what the store fails with */
export async function printEnded(
  store: ArtifactStore,
  { attempts, wanted }: { readonly attempts: readonly StartedAttempt[]; readonly wanted: WantedAttempt },
  printer: LogPrinter,
  output: Output,
): Promise<void> {
  const newest = attempts.at(-1);
  if (newest?.output_sha256 == null) throw logsNotFound(wanted, attempts);
  const { output_sha256 } = newest;
  const any = await printKept(store, { ...newest, output_sha256 }, printer);
  if (!any) output.note(`${describeAttempt(newest)} printed nothing`);
}

/**
 * Prints what a heartbeat has that was not printed yet.
 * @returns whether something between is missing
 */
export function printLive({ gate, attempt, output }: GateProgress, printer: LogPrinter, printed: Printed): boolean {
  let missing = false;
  for (const piece of output) {
    const path = printableLine(piece.path, 200);
    const before = printed.get(path) ?? 0;
    // Less than before: the worker has ended, and another one carries the attempt out from the start.
    const done = piece.end < before && piece === output.findLast((one) => one.path === piece.path) ? 0 : before;
    if (piece.end <= done) continue;
    const start = piece.end - piece.text.length;
    if (start > done) {
      missing = true;
      printer.gap({ gate, attempt }, path, start - done);
    }
    printer.text({ gate, attempt }, path, piece.text.slice(Math.max(0, done - start)));
    printed.set(path, piece.end);
  }
  return missing;
}
