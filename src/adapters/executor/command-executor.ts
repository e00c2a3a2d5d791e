import { existsSync, statSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { type CommandExecutorConfig, type ExecutorConfig, isStarted } from '../../contracts/config/executor-config.js';
import { type ErrorCode, messageOf, PromptOsError } from '../../contracts/errors.js';
import { own } from '../../contracts/json.js';
import { type Content, isLong, type LongBytes, releaseContent, wholeOf } from '../../contracts/long-bytes.js';
import type { ExecutorDescriptor } from '../../contracts/record/attempt.js';
import { counted } from '../../contracts/sentences.js';
import type { ExecutorCall, ExecutorOutcome, ExecutorRegistry, GateExecutor } from '../../ports/gate-executor.js';
import { workApart } from '../platform/apart.js';
import { createLauncher } from '../platform/launcher.js';
import { explainNotStarted, type FailedStart, type NotStarted } from '../platform/not-started.js';
import { type Environment, passVariables, pathsNamed } from '../platform/pass-variables.js';
import { maskAsked, maskPassedIn, maskWatched, secretVariables } from '../platform/passed-secrets.js';
import type { ProgramStarter } from '../platform/program-starter.js';
import { runTalkative } from '../platform/run-program.js';
import { type Scratch, withScratch } from '../platform/scratch.js';
import { agentVersion } from './agents/agent-version.js';
import { describeProgram, type KnownAgent, knownAgent, withAgentProgram } from './agents/known-agent.js';
import { createFillIn } from './fill-in.js';
import { resolveExecutor } from './presets/presets.js';
import { type Execution, type ReadExecution, readExecution } from './read-execution.js';

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
  /** The command lines of all executors of the worker, whose programs each of them may start. */
  readonly commandLines?: readonly (readonly string[])[];
}

/** Runs a configured command line for each gate: the prompt on standard input, the answer where the config says. */
export function createCommandExecutor(
  principal: string,
  config: CommandExecutorConfig,
  options: CommandExecutorOptions,
  agent: KnownAgent | null = null,
): GateExecutor {
  const { programs = createLauncher(options.env.PATH), commandLines = [], configDir } = options;
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
      withScratch(options.scratchRoot, programs, async (scratch) => {
        if (agent !== null && agent.kind !== 'acp' && agent.lack !== null) {
          const { code, message, hint } = agent.lack;
          throw new PromptOsError(code, message, hint === undefined ? undefined : { hint });
        }
        const fillIn = createFillIn(config, call, scratch);
        const written = resolveArguments(config.argv, configDir).map(fillIn);
        const env = executorEnvironment(config, options.env, call, scratch, fillIn);
        await writeHomeFiles(scratch.home, config.home);
        const found = await withAgentProgram(agent, written, { configDir, path: env.PATH });
        if ('missing' in found) {
          const { missing: program } = found;
          throw notStarted(principal, { code: 'ENOENT', program, directory: call.directory, path: env.PATH });
        }
        const { argv } = found;
        const version =
          agent?.kind === 'preset' ? await versionOf(agent, argv, env, { ...options, programs, call }) : null;
        const result = await runTalkative(programs, {
          argv,
          env,
          mark: `PROMPTOS_SCRATCH=${scratch.files}`,
          cwd: call.directory,
          input: call.prompt,
          timeout_ms: config.timeout,
          max_output_bytes: config.max_output_bytes,
          max_stderr_bytes: Math.min(config.max_output_bytes, MAX_STDERR_BYTES),
          scratch: scratch.root,
          outputs: options.scratchRoot,
          reach: {
            readable: [
              ...[argv, ...commandLines].flatMap((line) => namedFiles(line, configDir)),
              ...pathsNamed(env, Object.keys(config.env.set)),
            ],
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
        const { stdout, stderr, ...end } = result;
        const execution = { config, end, files: scratch.files, env: secretVariables(env), agent, version, program };
        return outcomeOf(execution, { stdout, stderr: await wholeOf(stderr) }, options.scratchRoot, call.signal);
      }),
  };
}

const READER = new URL('../../../dist/adapters/executor/read-execution-process.js', import.meta.url);

/** What came of an execution. A long standard output is read by a process of its own. */
async function outcomeOf(
  execution: Execution,
  { stdout, stderr }: { readonly stdout: Content; readonly stderr: Uint8Array },
  folder: string,
  signal: AbortSignal,
): Promise<ExecutorOutcome> {
  try {
    const mask = maskPassedIn(execution.env, folder);
    const read = isLong(stdout)
      ? await readApart(execution, { stdout, stderr }, signal)
      : await readExecution(execution, stdout, stderr);
    return { ...read, stdout: await mask(stdout), stderr: await mask(stderr) };
  } catch (error) {
    releaseContent(stdout);
    throw error;
  }
}

/** An output that cannot be read gives no answer: to run the program again would be paid again, and may end the same way. */
async function readApart(
  execution: Execution,
  { stdout, stderr }: { readonly stdout: LongBytes; readonly stderr: Uint8Array },
  signal: AbortSignal,
): Promise<ReadExecution> {
  const work = { program: READER, input: { execution, stderr }, content: () => stdout, signal };
  try {
    return (await workApart(work)).value as ReadExecution;
  } catch (error) {
    signal.throwIfAborted();
    const { exit_code, duration_ms } = execution.end;
    const network = maskAsked(execution.env)(execution.end.network);
    const problem = `The executor printed ${counted(stdout.byteLength, 'byte')}, which could not be read: ${messageOf(error)}.`;
    return { exit_code, duration_ms, network, answer: null, problem, served_model: null };
  }
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
  const programs = options.programs ?? createLauncher(options.env.PATH);
  const started = Object.entries(executors).flatMap(([principal, config]) =>
    isStarted(config)
      ? [
          {
            principal,
            config: resolveExecutor(config, programs.kind ?? 'none'),
            agent: knownAgent(config, options.env),
          },
        ]
      : [],
  );
  const commandLines = started.map(({ config }) => resolveArguments(config.argv, options.configDir));
  const shared = { ...options, programs, commandLines };
  const byPrincipal = new Map(
    started.map(({ principal, config, agent }) => [principal, createCommandExecutor(principal, config, shared, agent)]),
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

/**
 * What a program may read since its command line names it: the files, and the folder of each, since scripts import what is beside
 * them. A file beside the worker config brings nothing else along: keys, state and policies are there. A sandbox shows no folder
 * that is more than a program's own, such as a home folder.
 * @param argv as it is run
 * @param configDir the absolute folder of the worker config
 */
export const namedFiles = (argv: readonly string[], configDir: string): readonly string[] => [
  ...new Set(
    argv
      .filter((argument) => isAbsolute(argument) && isFile(argument))
      .flatMap((file) => (dirname(file) === configDir ? [file] : [dirname(file), file])),
  ),
];

function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  } catch {
    return false;
  }
}
