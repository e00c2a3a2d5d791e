import type { CommandExecutorConfig } from '../../contracts/config/executor-config.js';
import type { AgentWork } from '../../contracts/run/agent-work.js';
import type { ExecutorOutcome } from '../../ports/gate-executor.js';
import type { Environment } from '../platform/pass-variables.js';
import { maskAsked, maskPassed } from '../platform/passed-secrets.js';
import type { ProgramResult } from '../platform/run-program.js';
import { type KnownAgent, printedAgent, workLocationOf } from './agents/known-agent.js';
import { parametersOf } from './agents/parameters.js';
import {
  type LocatedAnswer,
  locateAnswer,
  locateServedModel,
  readAnswerSource,
  textOfAnswer,
} from './output/answer.js';
import { type PrintedJson, readPrintedJson } from './output/printed-json.js';
import { readWork } from './output/read-work.js';
import {
  endOfOutput,
  isAnswer,
  type RecognisedFailure,
  recogniseFailure,
  type SeenOutput,
} from './output/recognise-failure.js';
import { readUse } from './output/usage.js';

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
