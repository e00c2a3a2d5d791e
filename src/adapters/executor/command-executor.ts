import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import type { AgentWork } from '../../contracts/agent-work.js';
import type { ExecutorDescriptor } from '../../contracts/attempt.js';
import { type ErrorCode, PromptOsError } from '../../contracts/errors.js';
import { type CommandExecutorConfig, type ExecutorConfig, isStarted } from '../../contracts/executor-config.js';
import { own } from '../../contracts/json.js';
import type { ExecutorCall, ExecutorOutcome, ExecutorRegistry, GateExecutor } from '../../ports/gate-executor.js';
import { createLauncher } from '../platform/launcher.js';
import { explainNotStarted, type FailedStart, type NotStarted } from '../platform/not-started.js';
import { type Environment, passVariables, pathsNamed } from '../platform/pass-variables.js';
import { maskAsked, maskPassed, maskPrinted, maskWatched } from '../platform/passed-secrets.js';
import type { ProgramStarter } from '../platform/program-starter.js';
import { type ProgramResult, runProgram } from '../platform/run-program.js';
import { type Scratch, withScratch } from '../platform/scratch.js';
import { agentVersion } from './agent-version.js';
import { type LocatedAnswer, locateAnswer, locateServedModel, readAnswerSource, textOfAnswer } from './answer.js';
import { createFillIn } from './fill-in.js';
import {
  describeProgram,
  type KnownAgent,
  knownAgent,
  printedAgent,
  withAgentProgram,
  workLocationOf,
} from './known-agent.js';
import { namedFiles } from './named-files.js';
import { parametersOf } from './parameters.js';
import { resolveExecutor } from './presets/presets.js';
import { type PrintedJson, readPrintedJson } from './printed-json.js';
import { readWork } from './read-work.js';
import {
  endOfOutput,
  isAnswer,
  type RecognisedFailure,
  recogniseFailure,
  type SeenOutput,
} from './recognise-failure.js';
import { readUse } from './usage.js';

/** Of a longer standard error the head and the tail are kept. */
const MAX_STDERR_BYTES = 256 * 1_024;

export interface CommandExecutorOptions {
  /** The worker's own environment, of which only what the config names passes. */
  readonly env: Environment;
  /** Absolute folder of the worker config: programs with a slash in their name are relative to it. */
  readonly configDir: string;
  /** Absolute folder in which each execution gets fresh scratch folders. */
  readonly scratchRoot: string;
  /** What starts them, such as a launcher that the worker's checks share; a launcher of their own when absent. */
  readonly programs?: ProgramStarter | undefined;
}

/** Runs a configured command line for each gate: the prompt on standard input, the answer where the config says. */
export function createCommandExecutor(
  principal: string,
  config: CommandExecutorConfig,
  options: CommandExecutorOptions,
  agent: KnownAgent | null = null,
): GateExecutor {
  const { programs = createLauncher(options.env.PATH) } = options;
  const { named, ...described } = describeProgram(config, agent);
  const program = basename(named);
  const descriptor: ExecutorDescriptor = {
    ...described,
    principal,
    program,
    requested_model: config.model.requested ?? null,
    served_model: null,
    sandbox: programs.kind ?? 'none',
    ...(agent === null || agent.kind === 'acp' ? {} : { agent: { name: agent.title, version: null } }),
  };
  return {
    descriptor,
    laysUnder: programs.laysUnder?.ok === true,
    execute: (call) =>
      withScratch(options.scratchRoot, async (scratch) => {
        if (agent !== null && agent.kind !== 'acp' && agent.lack !== null) {
          const { code, message, hint } = agent.lack;
          throw new PromptOsError(code, message, hint === undefined ? undefined : { hint });
        }
        const fillIn = createFillIn(config, call, scratch);
        const written = resolveArguments(config.argv, options.configDir).map(fillIn);
        const env = executorEnvironment(config, options.env, call, scratch, fillIn);
        await writeHomeFiles(scratch.home, config.home);
        const found = await withAgentProgram(agent, written, { configDir: options.configDir, path: env.PATH });
        if ('missing' in found) {
          const { missing: program } = found;
          throw notStarted(principal, { code: 'ENOENT', program, directory: call.directory, path: env.PATH });
        }
        const { argv } = found;
        const version =
          agent?.kind === 'preset' ? await versionOf(agent, argv, env, { ...options, programs, call }) : null;
        const result = await runProgram(programs, {
          argv,
          env,
          mark: `PROMPTOS_SCRATCH=${scratch.files}`,
          cwd: call.directory,
          input: call.prompt,
          timeout_ms: config.timeout,
          max_output_bytes: config.max_output_bytes,
          max_stderr_bytes: Math.min(config.max_output_bytes, MAX_STDERR_BYTES),
          scratch: scratch.root,
          reach: {
            readable: [...namedFiles(argv, options.configDir), ...pathsNamed(env, Object.keys(config.env.set))],
            writable: [scratch.root],
            network: config.network,
            laidUnder: call.laidUnder,
          },
          signal: call.signal,
          watch: call.watch && maskWatched(env, call.watch),
        });
        if (result.kind === 'not_started') {
          const { code } = result;
          throw notStarted(principal, { code, program: argv[0] ?? '', directory: call.directory, path: env.PATH });
        }
        const describe = (json: PrintedJson) =>
          agent?.kind === 'acp' ? printedAgent(json, program) : agent && { name: agent.title, version };
        return judgeExecution(config, result, scratch, env, { agentOf: describe, agent });
      }),
  };
}

const versionOf = (
  { version_argv }: Extract<KnownAgent, { readonly kind: 'preset' }>,
  [program = '']: readonly string[],
  env: Readonly<Record<string, string>>,
  {
    programs,
    scratchRoot,
    call,
  }: Pick<CommandExecutorOptions, 'scratchRoot'> & { readonly programs: ProgramStarter; readonly call: ExecutorCall },
): Promise<string | null> =>
  agentVersion({ programs, argv: [program, ...version_argv], env, scratchRoot, signal: call.signal });

/** The folder is fresh and the executor has not started, so nothing in it can lead elsewhere. */
async function writeHomeFiles(home: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    const file = join(home, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text, { mode: 0o600 });
  }
}

function executorEnvironment(
  config: CommandExecutorConfig,
  env: Environment,
  call: ExecutorCall,
  scratch: Scratch,
  fillIn: (text: string) => string,
): Record<string, string> {
  return {
    HOME: scratch.home,
    ...call.env,
    ...passVariables(env, config.env.allow),
    ...Object.fromEntries(Object.entries(config.env.set).map(([name, value]) => [name, fillIn(value)])),
    PROMPTOS_RUN_ID: call.run_id,
    PROMPTOS_GATE: call.gate,
    PROMPTOS_ATTEMPT: String(call.attempt),
    PROMPTOS_SCRATCH: scratch.files,
  };
}

/** What is known of the agent, and what it says of itself. */
interface Described {
  readonly agent: KnownAgent | null;
  agentOf(stdout: PrintedJson): NonNullable<ExecutorOutcome['agent']> | null;
}

type Ended = Extract<ProgramResult, { readonly kind: 'ended' }>;

async function judgeExecution(
  config: CommandExecutorConfig,
  result: Ended,
  scratch: Scratch,
  env: Environment,
  { agentOf, agent: known }: Described,
): Promise<ExecutorOutcome> {
  const { exit_code, duration_ms } = result;
  const network = maskAsked(env)(result.network);
  // Before anything is read from them: models, tools, ids and problems are kept too.
  const mask = maskPassed(env);
  const stdout = maskPrinted(result.stdout, mask);
  const stderr = maskPrinted(result.stderr, mask);
  const printed = stdout.text;
  const found = await readAnswerSource(config.answer, printed, scratch.files, config.max_output_bytes);
  const source = found.ok && found.text !== printed ? { ok: true as const, text: mask(found.text) } : found;
  const ofStdout = readPrintedJson(printed);
  const ofSource = !source.ok || source.text === printed ? ofStdout : readPrintedJson(source.text);
  const trouble = describeEnd(config, result, endOfOutput(stderr.text, mask));
  const answer: LocatedAnswer =
    trouble !== null
      ? { ok: false, problem: trouble }
      : source.ok
        ? locateAnswer(config.answer, source.text, ofSource)
        : source;
  const agent = agentOf(ofStdout);
  const texts = ofSource === ofStdout ? [ofStdout] : [ofSource, ofStdout];
  const outcome: ExecutorOutcome = {
    ...{ exit_code, duration_ms, network },
    stdout: stdout.bytes,
    stderr: stderr.bytes,
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
    texts: { stdout: printed, stderr: stderr.text, answer: said },
    json: { stdout: ofStdout, stderr: readPrintedJson(stderr.text), answer: ofSource },
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
  outcome: ExecutorOutcome,
  failure: RecognisedFailure | null,
): ExecutorOutcome {
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
function describeEnd(config: CommandExecutorConfig, result: Ended, complaint: string | null): string | null {
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

const START_ERRORS = {
  missing_program: 'EXECUTOR_NOT_FOUND',
  refused_program: 'EXECUTOR_NOT_PERMITTED',
  surroundings: 'EXECUTOR_LOST',
} as const satisfies Record<NotStarted['fault'], ErrorCode>;

function notStarted(principal: string, failed: FailedStart): PromptOsError {
  const { fault, reason } = explainNotStarted(failed);
  return new PromptOsError(
    START_ERRORS[fault],
    `The executor of "${principal}" did not start. ${reason}`,
    fault === 'surroundings' ? { hint: 'It will be tried again.' } : undefined,
  );
}

/** The executors of a worker config, by the principal that they act for. */
export function createExecutorRegistry(
  executors: Readonly<Record<string, ExecutorConfig>>,
  options: CommandExecutorOptions,
): ExecutorRegistry {
  const shared = { ...options, programs: options.programs ?? createLauncher(options.env.PATH) };
  const byPrincipal = new Map(
    Object.entries(executors).flatMap(([principal, config]) =>
      isStarted(config)
        ? [
            [
              principal,
              createCommandExecutor(
                principal,
                resolveExecutor(config, shared.programs.kind ?? 'none'),
                shared,
                knownAgent(config, options.env),
              ),
            ],
          ]
        : [],
    ),
  );
  return {
    handOff: (principal) => {
      const config = own(executors, principal);
      return config?.kind === 'handoff' ? { claim_timeout_ms: config.claim_timeout } : null;
    },
    forPrincipal: (principal) => {
      const executor = byPrincipal.get(principal);
      if (executor !== undefined) return executor;
      const configured = [...byPrincipal.keys()].sort().join(', ') || 'none';
      throw new PromptOsError(
        'EXECUTOR_NOT_CONFIGURED',
        `This worker has no executor for the principal "${principal}"; configured: ${configured}.`,
      );
    },
  };
}

/**
 * The argument list as it is run. A program with a slash in its name is relative to the worker config's folder, never
 * to the checkout, whose files the work itself may have written; a bare name is looked for in PATH. An argument that
 * begins with `./` and names a file of that folder is replaced by its path; every other argument passes unchanged.
 */
export function resolveArguments(argv: readonly string[], configDir: string): readonly string[] {
  const [program = '', ...rest] = argv;
  const named = program.includes('/') && !isAbsolute(program) ? resolve(configDir, program) : program;
  return [named, ...rest.map((argument) => resolveArgument(argument, configDir))];
}

function resolveArgument(argument: string, configDir: string): string {
  if (!argument.startsWith('./')) return argument;
  const path = resolve(configDir, argument);
  return existsSync(path) ? path : argument;
}
