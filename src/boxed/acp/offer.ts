import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import process from 'node:process';
import {
  type ClientApp,
  type CreateTerminalRequest,
  methods,
  RequestError,
  type TerminalExitStatus,
  type TerminalOutputResponse,
} from '@agentclientprotocol/sdk';
import type { AcpClientSettings, PermissionRule, ToolKind } from '../../contracts/config/acp-executor.js';
import { messageOf } from '../../contracts/errors.js';
import { counted } from '../../contracts/sentences.js';
import type { OwnFolders } from './own-folders.js';
import { isAllowed } from './permissions.js';
import type { Transcript } from './transcript.js';

type Allowed = Pick<AcpClientSettings, 'permissions' | 'client_files'>;

/** What the client offers to the agent, as the permission rule allows it; files only where the agent is to use them. */
export const offerOf = ({ permissions, client_files }: Allowed) => ({
  fs: {
    readTextFile: client_files && isAllowed(permissions, 'read'),
    writeTextFile: client_files && isAllowed(permissions, 'edit'),
  },
  terminal: isAllowed(permissions, 'execute'),
});

/** The same as names, for the record. */
export function offeredNames(allowed: Allowed): readonly string[] {
  const { fs, terminal } = offerOf(allowed);
  return [
    ...(fs.readTextFile ? ['fs/read_text_file'] : []),
    ...(fs.writeTextFile ? ['fs/write_text_file'] : []),
    ...(terminal ? ['terminal'] : []),
  ];
}

const MAX_FILE_BYTES = 32 * 1_024 ** 2;

interface ServedFiles {
  readonly permissions: PermissionRule;
  readonly folders: OwnFolders;
  readonly transcript: Transcript;
}

/** Serves the client's file system: text files of the agent's own folders, as far as the rule allows. */
export function serveFiles(app: ClientApp, { permissions, folders, transcript }: ServedFiles): void {
  app.onRequest(methods.client.fs.readTextFile, ({ params: { path, line, limit } }) =>
    recorded(transcript, 'read_file', path, async () => {
      refuseUnless(permissions, 'read');
      const file = await folders.locate(path);
      const { size } = await regularFile(file);
      if (size > MAX_FILE_BYTES) throw new Error(`it has ${counted(size, 'byte')}; expected ${MAX_FILE_BYTES} at most`);
      return { content: linesOf(await readFile(file, 'utf8'), line, limit) };
    }),
  );
  app.onRequest(methods.client.fs.writeTextFile, ({ params: { path, content } }) =>
    recorded(transcript, 'write_file', path, async () => {
      refuseUnless(permissions, 'edit');
      const file = await folders.locate(path);
      if (await stat(file).catch(() => null)) await regularFile(file);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
      return {};
    }),
  );
}

/** An agent may ask for what it was not offered. */
function refuseUnless(rule: PermissionRule, kind: ToolKind): void {
  if (isAllowed(rule, kind)) return;
  throw RequestError.invalidRequest(undefined, `the worker config allows no tool calls of the kind "${kind}"`);
}

async function recorded<T>(transcript: Transcript, type: string, path: string, serve: () => Promise<T>): Promise<T> {
  try {
    const served = await serve();
    transcript.event({ type, path, problem: null });
    return served;
  } catch (error) {
    transcript.event({ type, path, problem: messageOf(error) });
    throw error instanceof RequestError ? error : failedRead(path, error);
  }
}

const failedRead = (path: string, error: unknown): RequestError =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT'
    ? RequestError.resourceNotFound(path)
    : RequestError.internalError(undefined, messageOf(error));

/** A pipe would never end, and a device is no file of the work. */
async function regularFile(path: string): Promise<{ readonly size: number }> {
  const found = await stat(path);
  if (!found.isFile()) throw new Error(`${path} is no regular file`);
  return found;
}

/** @param line the first line, counted from 1 */
function linesOf(text: string, line: number | null | undefined, limit: number | null | undefined): string {
  if (line == null && limit == null) return text;
  const from = Math.max(0, (line ?? 1) - 1);
  const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  return lines.slice(from, limit == null ? undefined : from + limit).join('');
}

/** One command that an agent had run. */
interface Terminal {
  readonly ended: Promise<TerminalExitStatus>;
  output(): TerminalOutputResponse;
  /** Ends everything that it started. */
  kill(): void;
}

const MAX_OUTPUT_BYTES = 1_024 ** 2;
const GRACE_MS = 2_000;
/** As a shell says of a command that it cannot start. */
const NOT_STARTED = 127;

/** @param cwd absolute */
function startTerminal({ command, args, env, outputByteLimit }: CreateTerminalRequest, cwd: string): Terminal {
  // Agents send a whole line for the shell where they give no arguments.
  const [program, list] =
    args === undefined || args.length === 0 ? ['/bin/sh', ['-c', command]] : ([command, args] as const);
  const child = spawn(program, list, {
    cwd,
    env: { ...process.env, ...Object.fromEntries((env ?? []).map(({ name, value }) => [name, value])) },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that what it starts is ended with it.
    detached: true,
  });
  const kept = keepEnd(Math.min(outputByteLimit ?? MAX_OUTPUT_BYTES, MAX_OUTPUT_BYTES));
  let exitStatus: TerminalExitStatus | null = null;
  const ended = new Promise<TerminalExitStatus>((resolve) => {
    const end = (status: TerminalExitStatus) => {
      exitStatus = status;
      resolve(status);
    };
    child.once('error', (error) => {
      kept.add(Buffer.from(`${error.message}\n`));
      end({ exitCode: NOT_STARTED, signal: null });
    });
    child.once('exit', (exitCode, signal) => {
      // What it has printed may still be on its way; what it left running may keep its outputs open.
      const take = () => end({ exitCode, signal });
      child.once('close', take);
      setTimeout(take, 200).unref();
    });
  });
  child.stdout.on('data', kept.add);
  child.stderr.on('data', kept.add);
  return {
    ended,
    output: () => ({ ...kept.text(), exitStatus }),
    kill: () => {
      signalGroup(child, 'SIGTERM');
      setTimeout(() => signalGroup(child, 'SIGKILL'), GRACE_MS).unref();
    },
  };
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // All of it has ended.
  }
}

/** Keeps the end of what a command prints. */
function keepEnd(limit: number) {
  const chunks: Buffer[] = [];
  let held = 0;
  let printed = 0;
  return {
    add: (chunk: Buffer): void => {
      chunks.push(chunk);
      printed += chunk.length;
      held += chunk.length;
      while (chunks.length > 1 && held - (chunks[0]?.length ?? 0) >= limit) held -= chunks.shift()?.length ?? 0;
    },
    text: () => {
      const kept = Buffer.concat(chunks);
      if (printed <= limit) return { output: kept.toString('utf8'), truncated: false };
      return { output: fromCharacter(kept.subarray(kept.length - limit)).toString('utf8'), truncated: true };
    },
  };
}

/** UTF-8 from the first whole character. */
function fromCharacter(bytes: Buffer): Buffer {
  const start = bytes.findIndex((byte) => (byte & 0xc0) !== 0x80);
  return start === -1 ? Buffer.alloc(0) : bytes.subarray(start);
}

/** Commands that one session may have at a time. */
const MAX_TERMINALS = 64;

interface ServedTerminals {
  readonly permissions: PermissionRule;
  readonly folders: OwnFolders;
  /** Where a command starts that names no folder. */
  readonly cwd: string;
  readonly transcript: Transcript;
}

/** Serves the client's terminals: commands in the agent's own folders, as far as the rule allows. @returns ends all of them */
export function serveTerminals(app: ClientApp, { permissions, folders, cwd, transcript }: ServedTerminals): () => void {
  const terminals = new Map<string, Terminal>();
  let made = 0;
  const find = (id: string): Terminal => {
    const terminal = terminals.get(id);
    if (terminal === undefined)
      throw RequestError.invalidParams(undefined, `there is no terminal ${JSON.stringify(id)}`);
    return terminal;
  };
  app.onRequest(methods.client.terminal.create, async ({ params }) => {
    const { command, args = [] } = params;
    try {
      refuseUnless(permissions, 'execute');
      if (terminals.size >= MAX_TERMINALS) {
        throw RequestError.invalidRequest(undefined, `${MAX_TERMINALS} terminals are open: release one first`);
      }
      const folder = await folders.locate(params.cwd ?? cwd);
      made += 1;
      const terminalId = `terminal-${made}`;
      const terminal = startTerminal(params, folder);
      terminals.set(terminalId, terminal);
      transcript.event({ type: 'terminal', terminal: terminalId, command, args, problem: null });
      void terminal.ended.then((exit) =>
        transcript.event({ type: 'terminal_ended', terminal: terminalId, exit, ...terminal.output() }),
      );
      return { terminalId };
    } catch (error) {
      transcript.event({ type: 'terminal', command, args, problem: messageOf(error) });
      throw error;
    }
  });
  app.onRequest(methods.client.terminal.output, ({ params }) => find(params.terminalId).output());
  app.onRequest(methods.client.terminal.waitForExit, ({ params }) => find(params.terminalId).ended);
  app.onRequest(methods.client.terminal.kill, ({ params }) => {
    find(params.terminalId).kill();
    return {};
  });
  app.onRequest(methods.client.terminal.release, ({ params }) => {
    find(params.terminalId).kill();
    terminals.delete(params.terminalId);
    return {};
  });
  return () => {
    for (const terminal of terminals.values()) terminal.kill();
  };
}
