import { constants } from 'node:os';
import process from 'node:process';
import type { Output } from './output.js';

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
export type StopSignal = (typeof STOP_SIGNALS)[number];

type Answer = (signal: StopSignal) => void;

/** What answers a signal, the innermost last: a part of a command answers in the place of the whole. */
const answers: Answer[] = [];
let received = false;

/** Only the first signal is answered: the second ends the process at once. */
function receive(signal: StopSignal): void {
  const answer = received ? undefined : answers.at(-1);
  received = true;
  if (answer === undefined) endBySignal(signal);
  else answer(signal);
}

/** Answers the first signal that stops a process. @returns gives up the place again */
export function onStopSignal(answer: Answer): () => void {
  if (answers.length === 0) for (const signal of STOP_SIGNALS) process.on(signal, receive);
  answers.push(answer);
  return () => {
    const index = answers.lastIndexOf(answer);
    if (index !== -1) answers.splice(index, 1);
    if (answers.length === 0) for (const signal of STOP_SIGNALS) process.off(signal, receive);
  };
}

/** Waits for the first signal, for a command that serves until then, and ends well. */
export const stopSignal = (): Promise<void> =>
  new Promise((stop) => {
    onStopSignal((signal) => {
      // Node aborts at its own end when it cannot restore the settings of a terminal that is closed.
      if (signal === 'SIGHUP') exitBySignal(signal);
      stop();
    });
  });

/**
 * Work that no first signal breaks off, since half of it would be in the way of the next call. Keep it short.
 * @param done says what is complete, when a signal came in meanwhile; the process ends then
 */
export async function withoutBreak<T>(work: () => Promise<T>, done: () => void): Promise<T> {
  let waiting = null as StopSignal | null;
  const release = onStopSignal((signal) => {
    waiting = signal;
  });
  try {
    const result = await work();
    if (waiting === null) return result;
    done();
    return endBySignal(waiting);
  } catch (error) {
    if (waiting !== null) exitBySignal(waiting);
    throw error;
  } finally {
    release();
  }
}

/** What Ctrl-C does, for a question: while one is open, the terminal sends no signal. */
export function interrupt(): void {
  if (answers.length > 0) receive('SIGINT');
  else process.kill(process.pid, 'SIGINT');
}

/** Says what the signal left behind, and ends the process: below what a terminal shows of the keys. */
export function stopBySignal(signal: StopSignal, output: Output, left: string): never {
  output.note(`${signal === 'SIGINT' && output.interactive ? '\n' : ''}Stopped by ${signal}${left}`);
  return endBySignal(signal);
}

/** Ends the process now, in the way that its parent sees as ended by the signal: a shell stops its loops then. */
function endBySignal(signal: StopSignal): never {
  exitBySignal(signal);
  process.exit(128 + constants.signals[signal]);
}

/** Lets the process come to its own end, which its parent sees as ended by the signal. */
export function exitBySignal(signal: StopSignal): void {
  process.once('exit', () => {
    for (const caught of STOP_SIGNALS) process.removeAllListeners(caught);
    process.kill(process.pid, signal);
  });
}
