import { stripVTControlCharacters } from 'node:util';
import type { DueGate } from '../../contracts/run/activities.js';
import {
  type GateProgress,
  MAX_LAST_LINE,
  MAX_PROGRESS_BYTES,
  type OutputPiece,
  type ProviderWait,
} from '../../contracts/run/gate-progress.js';
import type { CommandOutput, CommandWatch } from '../../ports/gate-executor.js';
import { createMaskedStream, type MaskedStream } from '../../rules/secrets/mask-secrets.js';
import { createSpending, type Spending } from './spending.js';

/** Characters of the name of what is done. */
const MAX_ACTIVITY = 120;

/** Follows what an attempt is at, for the details of its heartbeats. */
export interface GateProgressTracker {
  /** The engine itself begins something. */
  begin(activity: string): void;
  /** What the attempt has waited for its provider so far; null when that has always answered. */
  readonly providerWait: ProviderWait | null;
  /** The attempt ends, to be tried again once the wait is over. */
  waitForProvider(wait: ProviderWait): void;
  /** Every heartbeat from now on names the object that has the finished tries. */
  keepTries(sha256: string): void;
  /**
   * A command is about to be started.
   * @param pathOf where the attempt keeps an output of it
   * @param tryNumber of the executor; 0 for a check
   */
  command(activity: string, pathOf: (output: CommandOutput) => string, tryNumber?: number): CommandWatch;
}

/** What is to be sent with a heartbeat, asked for at each. */
export type ReportProgress = (details: () => GateProgress) => void;

/**
 * @param report takes what is known from now on, and sends it at once
 * @param spending the account of the attempt, which every heartbeat carries
 * @param providerWait from the activity's attempts before: the heartbeats of this one carry it on
 * @param finishedTries the object with their finished tries: likewise
 */
export function createGateProgress(
  { gate, attempt }: Pick<DueGate, 'gate' | 'attempt'>,
  report: ReportProgress,
  providerWait: ProviderWait | null = null,
  spending: Pick<Spending, 'total'> = createSpending(),
  finishedTries: string | null = null,
): GateProgressTracker {
  const live = createLiveOutput();
  let wait = providerWait;
  let keptTries = finishedTries;
  let now: Pick<GateProgress, 'activity' | 'try' | 'started_at' | 'times_out_at' | 'timeout_ms'>;
  let began = 0;

  const details = (): GateProgress => {
    const elapsed_ms = Math.round(performance.now() - began);
    const waited = wait === null ? {} : { provider_wait: wait };
    const total = spending.total();
    const spent = total.tries === 0 ? {} : { spent: total };
    const tries = keptTries === null ? {} : { finished_tries: keptTries };
    const account = { ...spent, ...tries, ...waited };
    const known: GateProgress = { gate, attempt, ...now, elapsed_ms, last_line: null, output: [], ...account };
    const { pieces, lastLine } = live.look(MAX_PROGRESS_BYTES - Buffer.byteLength(JSON.stringify(known)) - 450);
    return { ...known, last_line: lastLine, output: [...pieces] };
  };
  const start = (activity: string, tryNumber: number, timeout_ms: number | null) => {
    const at = Date.now();
    began = performance.now();
    now = {
      activity: activity.slice(0, MAX_ACTIVITY),
      try: tryNumber,
      started_at: new Date(at).toISOString(),
      times_out_at: timeout_ms === null ? null : new Date(at + timeout_ms).toISOString(),
      timeout_ms,
    };
    report(details);
  };
  return {
    providerWait,
    begin: (activity) => {
      live.close();
      start(activity, 0, null);
    },
    waitForProvider: (next) => {
      live.close();
      wait = next;
      start(`wait for the provider until ${next.until}`, 0, null);
    },
    keepTries: (sha256) => {
      keptTries = sha256;
      report(details);
    },
    command: (activity, pathOf, tryNumber = 0) => {
      live.close();
      start(activity, tryNumber, null);
      const take = { stdout: live.open(pathOf('stdout')), stderr: live.open(pathOf('stderr')) };
      return {
        started: (timeoutMs) => start(activity, tryNumber, timeoutMs),
        printed: (output, chunk) => take[output](chunk),
      };
    },
  };
}

/** Bytes of JSON that the last line may have. */
const LAST_LINE_BYTES = 400;
/** Characters that are kept of what was printed last. */
const KEPT_CHARACTERS = 8 * 1_024;
/** Pieces that are kept: with more, the names of outputs alone would fill a heartbeat. */
const KEPT_PIECES = 12;

/** Where a command's output goes while it runs. */
type TakeOutput = (chunk: Uint8Array) => void;

/** The end of what the commands of one gate print, with secrets masked. Memory is bounded whatever they print. */
interface LiveOutput {
  /** Opens an output; `path` is where the attempt will keep the whole of it. */
  open(path: string): TakeOutput;
  /** The outputs that are open have ended. */
  close(): void;
  /** The last pieces, within so many bytes of JSON, and the last line that is not empty. */
  look(bytes: number): { readonly pieces: readonly OutputPiece[]; readonly lastLine: string | null };
}

interface OpenOutput {
  readonly path: string;
  readonly decoder: InstanceType<typeof TextDecoder>;
  readonly masked: MaskedStream;
  end: number;
}

function createLiveOutput(): LiveOutput {
  let outputs: OpenOutput[] = [];
  let kept: readonly OutputPiece[] = [];
  let lastLine: string | null = null;

  const take = (output: OpenOutput, ended: boolean) => {
    const { omitted, text } = ended ? output.masked.end() : output.masked.settle();
    output.end += omitted + text.length;
    if (text === '') return;
    const last = kept.at(-1);
    // What follows directly belongs to the same piece.
    const goesOn = last?.path === output.path && omitted === 0;
    const piece = { path: output.path, end: output.end, text: goesOn ? last.text + text : text };
    kept = keepLast(goesOn ? [...kept.slice(0, -1), piece] : [...kept, piece]);
    lastLine = lastLineOf(kept.at(-1)?.text ?? '') ?? lastLine;
  };
  return {
    open(path) {
      const output = { path, decoder: new TextDecoder(), masked: createMaskedStream(), end: 0 };
      outputs.push(output);
      return (chunk) => output.masked.add(output.decoder.decode(chunk, { stream: true }));
    },
    close() {
      for (const output of outputs) {
        output.masked.add(output.decoder.decode());
        take(output, true);
      }
      outputs = [];
    },
    look(bytes) {
      for (const output of outputs) take(output, false);
      return { pieces: fittingPieces(kept, bytes), lastLine };
    },
  };
}

/** The last pieces that fit; the first of them may be cut at its beginning. */
function fittingPieces(pieces: readonly OutputPiece[], bytes: number): readonly OutputPiece[] {
  const fitting: OutputPiece[] = [];
  let left = bytes;
  for (const { path, end, text } of pieces.toReversed()) {
    left -= jsonBytes({ path, end, text: '' }) + 1;
    const last = lastWithin(text, left);
    if (last === '') break;
    left -= jsonBytes(last);
    fitting.unshift({ path, end, text: last });
    if (last.length < text.length) break;
  }
  return fitting;
}

function keepLast(pieces: readonly OutputPiece[]): readonly OutputPiece[] {
  const last = pieces.slice(-KEPT_PIECES);
  let left = KEPT_CHARACTERS;
  const kept: OutputPiece[] = [];
  for (const piece of last.toReversed()) {
    if (left <= 0) break;
    kept.unshift({ ...piece, text: piece.text.slice(-left) });
    left -= piece.text.length;
  }
  return kept;
}

const jsonBytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

/** The end of a text that has no more than so many bytes as JSON, quotes included. No character is cut. */
function lastWithin(text: string, bytes: number): string {
  const characters = [...text.slice(-Math.max(0, bytes))].map((character) => character.toWellFormed());
  let left = bytes - 2;
  let first = characters.length;
  while (first > 0) {
    left -= jsonBytes(characters[first - 1]) - 2;
    if (left < 0) break;
    first -= 1;
  }
  return characters.slice(first).join('');
}

/** The last line with something in it, without what a terminal or a page would obey; null when there is none. */
function lastLineOf(text: string): string | null {
  const lines = stripVTControlCharacters(text).split(/[\r\n]+/);
  const last = lines.findLast((line) => line.trim() !== '');
  if (last === undefined) return null;
  const shown = last
    .trim()
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd')
    .slice(0, MAX_LAST_LINE);
  let cut = shown.toWellFormed();
  while (jsonBytes(cut) > LAST_LINE_BYTES) cut = cut.slice(0, -1).toWellFormed();
  return cut;
}
