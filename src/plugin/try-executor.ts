import { outputJsonSchema, readAnswer } from '../contracts/answers/read-answer.js';
import { messageOf } from '../contracts/errors.js';
import { endOf, releaseContent } from '../contracts/long-bytes.js';
import type { PromptPackBundle } from '../contracts/prompt-pack.js';
import type { RunRequest } from '../contracts/run/run-request.js';
import { counted } from '../contracts/sentences.js';
import type { ExecutorCall, ExecutorOutcome, GateExecutor } from '../ports/gate-executor.js';
import { loadPack } from '../prompt-pack/load.js';
import { gateInputs, renderPrompt } from '../prompt-pack/render.js';

export interface ExecutorTrial {
  /** The prompt pack whose P00 is asked. */
  readonly pack: PromptPackBundle;
  /** The folder that the executor works in: a checkout of the caller's, thrown away afterwards. */
  readonly directory: string;
  /** What is in the folder, in any words; without it, no case is about edits. */
  readonly look?: () => Promise<string>;
  /** The same executor with this time-out; without it, no case is about time. */
  readonly hurried?: { readonly executor: GateExecutor; readonly timeout_ms: number };
}

/** One case of the contract, and what came of it. */
export interface TriedCase {
  readonly name: 'answer' | 'checkout' | 'time-out' | 'cancellation';
  readonly holds: boolean;
  /** What was seen, in one sentence or a few. */
  readonly message: string;
}

/** How long an executor may take to end once it was stopped. */
const GRACE_MS = 10_000;
/** How long it works until it is cancelled. */
const UNTIL_CANCELLED_MS = 1_000;
/** Of what a failed call printed, the end is shown. */
const SHOWN_CHARACTERS = 500;

/** Work that any agent can do without a look at files. */
const REQUEST: RunRequest = {
  schema_version: 1,
  context: {
    project: 'trial',
    role: 'developer',
    description: 'A trial of an executor: a folder with one file.',
    stack: ['text'],
    constraints: [{ id: 'C1', text: 'Nothing is changed.' }],
    goal: 'The executor answers.',
  },
  task: {
    title: 'Answer',
    description: 'Restate this context. Change no file.',
    acceptance_criteria: [{ id: 'AC1', text: 'The answer has the expected shape.' }],
    out_of_scope: [],
  },
  scope: { allow: ['README.md'], deny: [] },
  checks: [],
  notes: '',
};

/**
 * Asks an executor for a small P00, and looks whether it keeps the contract of executors: that it answers, edits nothing
 * there, and can be stopped. It is called up to three times, one after the other.
 * @throws what the executor throws where it cannot be started
 */
export async function tryExecutor(executor: GateExecutor, trial: ExecutorTrial): Promise<readonly TriedCase[]> {
  const { pack, directory, look, hurried } = trial;
  const prompt = renderPrompt({
    pack: loadPack(pack),
    gate: 'P00',
    inputs: gateInputs('P00', { request: REQUEST }),
    outputContract: { jsonSchema: outputJsonSchema('P00') },
  });
  const call = (signal: AbortSignal): ExecutorCall => ({
    ...{ run_id: 'trial', gate: 'P00', attempt: 1, prompt, directory, signal },
  });
  const before = await look?.();
  const outcome = await executor.execute(call(new AbortController().signal));
  const cases: TriedCase[] = [await judgeAnswer(outcome)];
  for (const output of [outcome.stdout, outcome.stderr]) releaseContent(output);
  if (look !== undefined) cases.push(judgeCheckout(before === (await look())));
  if (hurried !== undefined) cases.push(await tryTimeOut(hurried, call));
  cases.push(await tryCancellation(executor, call));
  return cases;
}

async function judgeAnswer(outcome: ExecutorOutcome): Promise<TriedCase> {
  const { problem, exit_code, answer, failure } = outcome;
  const fail = async (message: string): Promise<TriedCase> => ({
    name: 'answer',
    holds: false,
    message: `${message}${await ends(outcome)}`,
  });
  if (failure !== undefined) return fail(`The provider failed (${failure.class}): ${failure.message}`);
  if (problem !== null) return fail(problem);
  if (exit_code !== 0 || answer === null) {
    return fail(`It ended with exit code ${exit_code ?? 'none'} and ${answer === null ? 'no' : 'an'} answer.`);
  }
  const read = readAnswer('P00', answer);
  if (read.kind === 'unusable') return fail(read.problem);
  const what = read.kind === 'output' ? 'an output of P00' : 'an escalation';
  const { input_tokens, output_tokens } = outcome.used?.usage ?? {};
  const tokens =
    input_tokens === undefined && output_tokens === undefined
      ? 'tokens unknown'
      : `${input_tokens ?? 'unknown'} tokens in, ${output_tokens ?? 'unknown'} out`;
  const model = `model ${outcome.served_model ?? 'unknown'}`;
  return { name: 'answer', holds: true, message: `${what}, in ${seconds(outcome.duration_ms)}; ${model}, ${tokens}` };
}

const judgeCheckout = (holds: boolean): TriedCase => ({
  name: 'checkout',
  holds,
  message: holds ? 'left as it was' : 'It changed files at P00, where edits are discarded and the gate is asked again.',
});

type Call = (signal: AbortSignal) => ExecutorCall;

async function tryTimeOut(
  { executor, timeout_ms }: NonNullable<ExecutorTrial['hurried']>,
  call: Call,
): Promise<TriedCase> {
  const { ended, took } = await within(executor.execute(call(new AbortController().signal)), timeout_ms + GRACE_MS);
  if (ended === null) {
    const message = `It still ran ${seconds(GRACE_MS)} after its time of ${seconds(timeout_ms)}.`;
    return { name: 'time-out', holds: false, message };
  }
  if (ended.status === 'rejected') {
    return { name: 'time-out', holds: false, message: `It threw "${messageOf(ended.reason)}"; expected an outcome.` };
  }
  const message =
    took < timeout_ms ? `ended by itself within ${seconds(timeout_ms)}` : `stopped after ${seconds(took)}`;
  return { name: 'time-out', holds: true, message };
}

async function tryCancellation(executor: GateExecutor, call: Call): Promise<TriedCase> {
  const name = 'cancellation';
  const controller = new AbortController();
  const reason = new Error('the trial was cancelled');
  const work = executor.execute(call(controller.signal));
  if ((await within(work, UNTIL_CANCELLED_MS)).ended !== null) {
    return { name, holds: true, message: `ended by itself within ${seconds(UNTIL_CANCELLED_MS)}` };
  }
  controller.abort(reason);
  const { ended, took } = await within(work, GRACE_MS);
  if (ended === null) {
    return { name, holds: false, message: `It still ran ${seconds(GRACE_MS)} after it was cancelled.` };
  }
  if (ended.status === 'rejected' && ended.reason === reason) {
    return { name, holds: true, message: `ended ${seconds(took)} after it was cancelled` };
  }
  const gave = ended.status === 'fulfilled' ? 'gave an outcome' : `threw "${messageOf(ended.reason)}"`;
  return { name, holds: false, message: `It was cancelled and ${gave}; expected that it throws the signal's reason.` };
}

/** Waits for work as long as `limitMs`; `ended` is null where it goes on. */
async function within(work: Promise<unknown>, limitMs: number) {
  const began = performance.now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), limitMs);
  });
  const ended = await Promise.race([Promise.allSettled([work]).then(([settled]) => settled), late]);
  clearTimeout(timer);
  return { ended, took: performance.now() - began };
}

const seconds = (milliseconds: number): string => `${Number((milliseconds / 1_000).toFixed(1))} s`;

/** The end of what was printed, for whoever has to find out what went wrong. */
async function ends({ stdout, stderr }: ExecutorOutcome): Promise<string> {
  const shown = [
    ['standard output', stdout],
    ['standard error', stderr],
  ] as const;
  const said = shown.map(async ([name, output]) => {
    const end = await endOf(output, 8 * SHOWN_CHARACTERS);
    const text = new TextDecoder().decode(end).trimEnd();
    if (text === '') return `\nIts ${name} is empty.`;
    const cut = text.length > SHOWN_CHARACTERS ? `, the last ${counted(SHOWN_CHARACTERS, 'character')}` : '';
    return `\nIts ${name}${cut}:\n${text.slice(-SHOWN_CHARACTERS)}`;
  });
  return (await Promise.all(said)).join('');
}
