import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { relative, resolve, sep } from 'node:path';
import { findAnswer, unwrapAnswer } from '../../contracts/answers/answer-text.js';
import { lastFencedBlock } from '../../contracts/answers/fenced-blocks.js';
import type { AnswerLocation, CommandExecutorConfig } from '../../contracts/config/executor-config.js';
import type { AgentWork } from '../../contracts/run/agent-work.js';
import { counted, endSentence } from '../../contracts/sentences.js';
import type { ExecutorOutcome } from '../../ports/gate-executor.js';
import type { Environment } from '../platform/pass-variables.js';
import { maskAsked, maskPassed } from '../platform/passed-secrets.js';
import type { ProgramResult } from '../platform/run-program.js';
import { type KnownAgent, parametersOf, printedAgent, workLocationOf } from './agents/known-agent.js';
import { type PrintedJson, readPrintedJson } from './output/printed-json.js';
import {
  endOfOutput,
  isAnswer,
  type RecognisedFailure,
  recogniseFailure,
  type SeenOutput,
  shownName,
} from './output/program-words.js';
import { readUse, readWork } from './output/reported-work.js';

/** What a program that has ended printed, besides its standard output. It can be given to another process. */
export interface Execution {
  readonly config: CommandExecutorConfig;
  readonly end: Omit<Extract<ProgramResult, { readonly kind: 'ended' }>, 'stdout' | 'stderr'>;
  /** The folder in which it may have left its answer. */
  readonly files: string;
  /** Its own variables, as far as they are credentials. */
  readonly env: Environment;
  readonly agent: KnownAgent | null;
  /** Of a preset's agent. */
  readonly version: string | null;
  readonly program: string;
}

/** An outcome without the outputs. */
export type ReadExecution = Omit<ExecutorOutcome, 'stdout' | 'stderr'>;

function describedAgent({ agent, version, program }: Execution, stdout: PrintedJson): ExecutorOutcome['agent'] | null {
  return agent?.kind === 'acp' ? printedAgent(stdout, program) : agent && { name: agent.title, version };
}

/** What a program's outputs say: the answer, the model, what was used, a failure. */
export async function readExecution(
  execution: Execution,
  stdout: Uint8Array,
  stderr: Uint8Array,
): Promise<ReadExecution> {
  const { config, end, files, env, agent: known } = execution;
  const { exit_code, duration_ms } = end;
  const network = maskAsked(env)(end.network);
  // Before anything is read from them: models, tools, ids and problems are kept too.
  const mask = maskPassed(env);
  const decoder = new TextDecoder();
  const printed = mask(decoder.decode(stdout));
  const complaint = mask(decoder.decode(stderr));
  const found = await readAnswerSource(config.answer, printed, files, config.max_output_bytes);
  const source = found.ok && found.text !== printed ? { ok: true as const, text: mask(found.text) } : found;
  const ofStdout = readPrintedJson(printed);
  const ofSource = !source.ok || source.text === printed ? ofStdout : readPrintedJson(source.text);
  const trouble = describeEnd(config, end, endOfOutput(complaint, mask));
  const answer: LocatedAnswer =
    trouble !== null
      ? { ok: false, problem: trouble }
      : source.ok
        ? locateAnswer(config.answer, source.text, ofSource)
        : source;
  const agent = describedAgent(execution, ofStdout);
  const texts = ofSource === ofStdout ? [ofStdout] : [ofSource, ofStdout];
  const outcome: ReadExecution = {
    ...{ exit_code, duration_ms, network },
    answer: answer.ok ? mask(answer.text) : null,
    problem: answer.ok ? null : answer.problem,
    served_model: texts.map((json) => locateServedModel(config.model.served_pointer, json)).find(isKnown) ?? null,
    used: readUse(config.usage, texts),
    work: workOf(config, known, ofStdout, mask),
    ...(agent === null ? {} : { agent }),
  };
  if (config.failures.length === 0 || isAnswer(outcome.answer)) return outcome;
  const said = source.ok ? (textOfAnswer(config.answer, source.text, ofSource) ?? '') : '';
  const seen: SeenOutput = {
    exit_code,
    texts: { stdout: printed, stderr: complaint, answer: said },
    json: { stdout: ofStdout, stderr: readPrintedJson(complaint), answer: ofSource },
  };
  return withFailure(config, outcome, recogniseFailure(config.failures, seen, Date.now(), mask));
}

/** What the executor was configured with; where the agent says what it runs with, that counts. */
function workOf(
  config: CommandExecutorConfig,
  agent: KnownAgent | null,
  stdout: PrintedJson,
  mask: (text: string) => string,
): AgentWork {
  const { settings: said, tools, tool_calls } = readWork(workLocationOf(agent), stdout);
  const parameters = parametersOf(config, agent, mask);
  const settings = { ...parameters.settings, ...said };
  return {
    parameters: { ...parameters, ...(Object.keys(settings).length === 0 ? {} : { settings }) },
    tools,
    tool_calls,
  };
}

const isKnown = (model: string | null): boolean => model !== null;

/** An outcome with what its output was recognised as; a bad answer stays one, in the words of the program. */
function withFailure(
  { retry_for }: CommandExecutorConfig,
  outcome: ReadExecution,
  failure: RecognisedFailure | null,
): ReadExecution {
  if (failure === null) return outcome;
  const message = failure.message || (outcome.problem ?? 'The executor said nothing.');
  switch (failure.class) {
    case 'bad_answer':
      return { ...outcome, answer: null, problem: `The executor failed: ${message}` };
    case 'transient': {
      const { retry_after_ms } = failure;
      return { ...outcome, failure: { class: 'transient', message, retry_after_ms, retry_for_ms: retry_for } };
    }
    default:
      return { ...outcome, failure: { class: failure.class, message } };
  }
}

/** Why an execution cannot count, or null when the command ended well by itself. */
function describeEnd(config: CommandExecutorConfig, result: Execution['end'], complaint: string | null): string | null {
  if (result.ended_by === 'timeout') return `The executor was stopped: it ran longer than ${config.timeout / 1_000} s.`;
  if (result.ended_by === 'output_cap') {
    return `The executor was stopped: it printed more than ${config.max_output_bytes} bytes (max_output_bytes).`;
  }
  if (result.limit !== null) return `The executor was stopped: ${result.limit}.`;
  if (result.signal !== null) return `The executor was ended by ${result.signal}.`;
  if (result.exit_code === 0) return null;
  const said = complaint === null ? '' : ` Its standard error ends with: ${complaint}`;
  return `The executor ended with exit code ${result.exit_code ?? 'unknown'}; expected 0.${said}`;
}

type LocatedAnswer = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly problem: string };

const located = (text: string): LocatedAnswer => ({ ok: true, text });
const missing = (problem: string): LocatedAnswer => ({ ok: false, problem });

/**
 * Finds the answer in what an executor printed or wrote: follows the pointer, then takes the last fenced block. A
 * string at the pointer goes on as text, anything else is the answer as JSON. Without a fence the answer is the text
 * if that is one JSON object, else its last line, else its last `json` block, else the last line that is an object.
 * @param json of the text
 */
export function locateAnswer(
  location: Pick<AnswerLocation, 'pointer' | 'fence'>,
  text: string,
  json: PrintedJson,
): LocatedAnswer {
  const source = text.replace(/^\uFEFF/, '');
  if (source.trim() === '') return missing('The executor gave no answer: there was nothing where it was looked for.');
  if (location.pointer === undefined) return unwrapped(locateInText(location.fence, source));
  const target = json.at(location.pointer);
  if (!target.found) return missing(endSentence(`The executor gave no answer: ${target.problem}`));
  if (typeof target.value !== 'string') return unwrapped(located(JSON.stringify(target.value)));
  return unwrapped(locateInText(location.fence, target.value));
}

/** The text in which an answer is looked for last, whether or not it holds one; null where the pointer leads nowhere. */
function textOfAnswer({ pointer }: Pick<AnswerLocation, 'pointer'>, text: string, json: PrintedJson) {
  if (pointer === undefined) return text;
  const target = json.at(pointer);
  if (!target.found) return null;
  return typeof target.value === 'string' ? target.value : JSON.stringify(target.value);
}

/** Characters of the name of a model, or of several. */
const MAX_MODEL = 200;

/**
 * The model that says it served the call. Where the pointer leads to an object, its member names: some agents list
 * their use by model. Null when there is no such thing.
 */
export function locateServedModel(pointer: string | undefined, json: PrintedJson): string | null {
  if (pointer === undefined) return null;
  const target = json.at(pointer);
  if (!target.found) return null;
  const { value } = target;
  if (typeof value === 'string') return value.trim() === '' ? null : shownName(value, MAX_MODEL);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  return shownName(Object.keys(value).sort().join(', '), MAX_MODEL) || null;
}

const unwrapped = (answer: LocatedAnswer): LocatedAnswer => (answer.ok ? located(unwrapAnswer(answer.text)) : answer);

function locateInText(fence: string | undefined, text: string): LocatedAnswer {
  if (fence !== undefined) {
    const block = lastFencedBlock(text, fence);
    return block === null
      ? missing(`The executor gave no answer: expected a closed block fenced with \`\`\`${fence}, found none.`)
      : located(block);
  }
  const answer = findAnswer(text);
  return answer === null
    ? missing(
        'The executor gave no answer: expected a JSON object, alone, on a line of its own or fenced with ```json.',
      )
    : located(answer);
}

/** The text in which the answer is looked for: standard output, or a file of the executor's scratch folder. */
async function readAnswerSource(
  location: AnswerLocation,
  stdout: string,
  scratchFiles: string,
  maxBytes: number,
): Promise<LocatedAnswer> {
  if (location.from === 'stdout') return { ok: true, text: stdout };
  const name = location.file ?? '';
  const path = resolve(scratchFiles, name);
  if (name === '' || relative(scratchFiles, path).split(sep)[0] === '..') {
    return { ok: false, problem: `The answer's file "${name}" is not inside the scratch folder.` };
  }
  return readBounded(path, name, maxBytes);
}

async function readBounded(path: string, name: string, maxBytes: number): Promise<LocatedAnswer> {
  // An executor may have left a link to somewhere else, or a pipe that never ends.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => null);
  if (file === null) return { ok: false, problem: `The executor left no file "${name}" in its scratch folder.` };
  try {
    const { size, isFile } = await file.stat().then((stat) => ({ size: stat.size, isFile: stat.isFile() }));
    if (!isFile) return { ok: false, problem: `What the executor left as "${name}" is not a file.` };
    if (size > maxBytes) {
      return {
        ok: false,
        problem: `The answer's file "${name}" has ${counted(size, 'byte')}; expected ${maxBytes} at most.`,
      };
    }
    return { ok: true, text: new TextDecoder().decode(await file.readFile()) };
  } finally {
    await file.close();
  }
}
