import { isAbsolute, relative, resolve } from 'node:path';
import process from 'node:process';
import type { Writable } from 'node:stream';
import { CommanderError, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { type ExitCode, PromptOsError, systemCode } from '../contracts/errors.js';
import { readGlobalOptions, withSubcommands, workingFolder } from './app/options.js';
import { createOutput, type Output, type Terminal } from './app/output.js';
import { shellWord } from './app/printable.js';
import type { StoreCommandContext } from './app/published-run.js';
import { reportError } from './app/report-error.js';
import { onStopSignal, stopBySignal } from './app/stop-signals.js';
import { createProgram } from './program.js';

/** One invocation of `promptos`, with everything that it may touch of its process. */
interface Invocation {
  /** Without the program's own name. */
  readonly args: readonly string[];
  readonly cwd: string;
  /** How the program was called. */
  readonly program?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: Terminal & { readonly isTTY?: boolean };
  readonly stderr: Writable;
  readonly stdinIsTerminal: boolean;
}

/** Parses and carries out one command line. Every error is reported here; none is thrown. */
export async function runCommandLine(invocation: Invocation): Promise<ExitCode> {
  const { args, cwd, env, stdout, stderr } = invocation;
  const makeOutput = (json: boolean, noColor: boolean): Output =>
    createOutput({
      json,
      stdout,
      stderr,
      stdinIsTerminal: invocation.stdinIsTerminal,
      noColor,
      canRedraw: env.TERM !== 'dumb',
    });
  // Until the line is parsed: an error of parsing itself is reported in the form that was asked for.
  let output = makeOutput(beforeSeparator(args).includes('--json'), true);
  let folder = cwd;
  let called = invocation.program ?? 'promptos';
  let exitCode: ExitCode = 0;
  let release = () => {};
  const context: StoreCommandContext = {
    output: () => output,
    get cwd() {
      return folder;
    },
    get program() {
      return called;
    },
    env,
    exit: (code) => {
      exitCode = code;
    },
    openStore: async () => {
      const { findProject, openProjectStore } = await import('./app/project.js');
      return (await openProjectStore(await findProject(context))).store;
    },
  };
  try {
    // Other programs take the word "help" before a command.
    const line = args[0] === 'help' ? [...args.slice(1), '--help'] : args;
    const program = await createProgram(context, line);
    const refusing = silenceCommander(program, stdout);
    program.hook('preAction', async (_, acting) => {
      const { json, noColor, repo } = readGlobalOptions(acting);
      output = makeOutput(json, noColor || Boolean(env.NO_COLOR) || env.TERM === 'dumb');
      folder = await workingFolder(cwd, repo);
      if (repo !== null) called += ` -C ${shellWord(repo)}`;
      release = onStopSignal((signal) => {
        const command = fullName(acting).replace(/^promptos/, called);
        stopBySignal(signal, output, `: \`${command}\` has not ended. Give it again to go on.`);
      });
    });
    if (line.length === 0) program.outputHelp();
    else await program.parseAsync(line, { from: 'user' }).catch((error: unknown) => reportUsage(error, refusing()));
    return exitCode;
  } catch (error) {
    return reportError(error, output, env.PROMPTOS_LOG_LEVEL === 'debug' || env.PROMPTOS_LOG_LEVEL === 'trace');
  } finally {
    release();
  }
}

const beforeSeparator = (args: readonly string[]): readonly string[] =>
  args.includes('--') ? args.slice(0, args.indexOf('--')) : args;

/**
 * Keeps commander from writing errors of its own, since each is reported once and in one form.
 * @returns the command that found the line wrong, if any
 */
function silenceCommander(program: CommandUnknownOpts, stdout: Writable): () => CommandUnknownOpts | null {
  let refusing: CommandUnknownOpts | null = null;
  for (const command of withSubcommands(program)) {
    command.exitOverride().configureOutput({
      writeOut: (text) => {
        requireKnownCommand(command);
        stdout.write(text);
      },
      writeErr: () => {
        refusing = command;
      },
      outputError: () => {
        refusing = command;
      },
    });
  }
  return () => refusing;
}

/** Commander shows the help of a group for a word that is none of its commands. @throws PromptOsError USAGE */
function requireKnownCommand(command: CommandUnknownOpts): void {
  const [word = '-'] = command.args;
  if (command.commands.length === 0 || command.registeredArguments.length > 0 || word.startsWith('-')) return;
  throw unknownCommand(word, command);
}

function unknownCommand(given: string, group: CommandUnknownOpts, cause?: CommanderError): PromptOsError {
  const names = group.commands.map((command) => command.name()).join(', ');
  return new PromptOsError('USAGE', `unknown command '${given}' of "${fullName(group)}", which has: ${names}.`, {
    cause,
  });
}

/** What commander found wrong, as an error of ours; nothing for `--help` and `--version`, which end a line well. */
function reportUsage(error: unknown, refusing: CommandUnknownOpts | null): void {
  if (!(error instanceof CommanderError)) throw error;
  if (error.exitCode === 0) return;
  const names = refusing?.commands.map((command) => command.name()).join(', ') ?? '';
  if (error.code === 'commander.help' && refusing !== null) {
    throw new PromptOsError('USAGE', `"${fullName(refusing)}" needs one of its commands: ${names}.`);
  }
  // Of a command that acts by itself and has subcommands too, a mistyped one looks like an argument.
  if (error.code === 'commander.excessArguments' && refusing !== null && names !== '') {
    throw unknownCommand(refusing.args[0] ?? '', refusing, error);
  }
  if (error.code === 'commander.unknownCommand' && refusing?.parent === null) {
    const [word = ''] = refusing.args;
    const meant = refusing.commands.flatMap(({ commands }) => commands.filter((command) => command.name() === word));
    if (meant.length > 0) {
      const names = meant.map((command) => `"${fullName(command)}"`).join(' or ');
      throw new PromptOsError('USAGE', `unknown command '${word}': it is ${names}.`, { cause: error });
    }
  }
  const text = error.message.replace(/^error: /, '').replaceAll(/\s*\n\s*/g, ' ');
  throw new PromptOsError('USAGE', /[.?)]$/.test(text) ? text : `${text}.`, { cause: error });
}

/** Such as `promptos run list`. */
export const fullName = (command: CommandUnknownOpts): string =>
  command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;

/** What a shell shows of a program that SIGPIPE ended. Without it a verdict that was cut off would count as a yes. */
const READER_GONE = 141;

/**
 * The reader of our output may stop reading, as `head` does: nothing is said of it. A terminal that is closed ends no work
 * here: SIGHUP comes with it, and a worker must still let go of its gates.
 */
function endQuietly(error: Error, isTerminal: boolean): void {
  const code = systemCode(error);
  if (code === 'EIO' && isTerminal) return;
  if (code === 'EPIPE') process.exit(process.exitCode ?? READER_GONE);
  throw new PromptOsError('FILE_NOT_READABLE', `The output cannot be written: ${code ?? String(error)}.`, {
    cause: error,
    hint: 'Free some space, or send the output to another place.',
  });
}

/** `./bin/promptos` for a copy below the current folder; from anywhere else it is reckoned to be on PATH. */
function programName(cwd: string, script: string): string {
  const below = relative(cwd, script);
  return below === '' || below.startsWith('..') || isAbsolute(below) || below.includes('node_modules')
    ? 'promptos'
    : shellWord(`./${below}`);
}

/** Runs the command line of this process and sets its exit code. */
export async function runProcess(): Promise<void> {
  const { stdout, stderr, stdin, env } = process;
  // Programs that work in another folder, such as git, take a relative one for another place.
  if (env.TMPDIR) env.TMPDIR = resolve(env.TMPDIR);
  for (const stream of [stdout, stderr]) stream.on('error', (error) => endQuietly(error, stream.isTTY === true));
  process.on('uncaughtException', (error) => {
    const json = process.argv.includes('--json');
    const output = createOutput({ json, stdout, stderr, stdinIsTerminal: false, noColor: true });
    process.exit(reportError(error, output, env.PROMPTOS_LOG_LEVEL === 'debug'));
  });
  process.exitCode = await runCommandLine({
    args: process.argv.slice(2),
    cwd: process.cwd(),
    program: programName(process.cwd(), process.argv[1] ?? ''),
    env,
    stdout,
    stderr,
    stdinIsTerminal: stdin.isTTY === true,
  });
}
