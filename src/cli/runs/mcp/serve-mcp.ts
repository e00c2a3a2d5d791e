import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import process from 'node:process';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { describeKeyFile } from '../../../adapters/keys/key-files.js';
import { readPolicy } from '../../../config/policy-file.js';
import { PromptOsError } from '../../../contracts/errors.js';
import { own } from '../../../contracts/json.js';
import type { CommandContext } from '../../app/context.js';
import { createOutput } from '../../app/output.js';
import { findProject, type Project, projectPolicies } from '../../app/project.js';
import { stopSignal } from '../../app/stop-signals.js';
import { openHttpEndpoint, readHttpAddress } from './http-endpoint.js';
import { createMcpServer } from './mcp-server.js';
import type { McpSession } from './tool.js';

export interface McpOptions {
  readonly as: string;
  readonly key?: string;
  readonly http?: string;
  readonly claimant?: string;
  /** Of this program, for clients to show. */
  readonly version: string;
}

/**
 * `mcp`: serves until the client goes, or a signal stops it.
 * @throws PromptOsError USAGE, POLICY_NOT_FOUND, POLICY_INVALID, KEY_NOT_FOUND, KEY_NOT_READABLE, ENVIRONMENT_INVALID
 */
export async function serveMcp(
  context: CommandContext,
  { as, key, http, claimant, version }: McpOptions,
): Promise<void> {
  const address = http === undefined ? null : readHttpAddress(http);
  const project = await findProject(context);
  await requirePrincipal(project, as);
  // A passphrase is asked for when something is signed, a wrong name is said now.
  if (key !== undefined) await describeKeyFile(resolve(context.cwd, key));
  const quiet = withoutStandardOutput(context);
  const session: McpSession = { context: quiet, principal: as, key, claimant, inTurn: createTurns() };
  if (address === null) return serveStdio(session, version);
  const given = project.environment.promptos.PROMPTOS_MCP_TOKEN;
  const token = given === undefined ? randomBytes(TOKEN_BYTES).toString('hex') : requireStrong(given);
  const output = context.output();
  const stopped = stopSignal();
  const endpoint = await openHttpEndpoint({
    address,
    token,
    createServer: () => createMcpServer(session, version),
    note: output.note,
  });
  output.say(`serves  ${endpoint.url} as ${as}`);
  output.say(given === undefined ? `token   ${token}` : 'token   that of PROMPTOS_MCP_TOKEN');
  output.emit({ event: 'ready', url: endpoint.url, principal: as, ...(given === undefined ? { token } : {}) });
  await stopped;
  await endpoint.close();
  output.emit({ event: 'stopped' });
}

async function serveStdio(session: McpSession, version: string): Promise<void> {
  const { protocol, settled } = createMcpServer(session, version);
  const ended = new Promise<void>((end) => process.stdin.once('end', end).once('close', end));
  await protocol.connect(new StdioServerTransport(process.stdin, process.stdout));
  session.context.output().note(`promptos mcp: serves on standard input and output as ${session.principal}`);
  await Promise.race([ended, stopSignal()]);
  await settled();
  await protocol.close();
}

/** Whether a principal of a policy that counts here is meant. @throws PromptOsError USAGE, POLICY_NOT_FOUND, POLICY_INVALID */
async function requirePrincipal(project: Project, name: string): Promise<void> {
  const files = (await projectPolicies(project)).filter((file) => existsSync(file));
  const policies = await Promise.all((files.length === 0 ? [project.files.policy] : files).map(readPolicy));
  if (policies.some(({ policy }) => own(policy.principals, name) !== undefined)) return;
  const known = [...new Set(policies.flatMap(({ policy }) => Object.keys(policy.principals)))];
  throw new PromptOsError(
    'USAGE',
    `--as: expected a principal of the policy (${known.join(', ')}), received ${JSON.stringify(name)}.`,
    { hint: 'Name the principal that the client works as; the policy lists them under principals.' },
  );
}

function createTurns(): McpSession['inTurn'] {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const turn = last.then(work);
    last = turn.catch(() => undefined);
    return turn;
  };
}

const TOKEN_BYTES = 32;
/** 32 hexadecimal digits have 128 bits. */
const LEAST_TOKEN = 32;

/** @throws PromptOsError ENVIRONMENT_INVALID, which does not show the token */
function requireStrong(token: string): string {
  if (token.length >= LEAST_TOKEN && /^[\x21-\x7e]+$/.test(token)) return token;
  throw new PromptOsError(
    'ENVIRONMENT_INVALID',
    `PROMPTOS_MCP_TOKEN: expected at least ${LEAST_TOKEN} characters without spaces, received ${token.length}.`,
    { hint: 'Set it to what `openssl rand -hex 32` prints, or unset it: the server then makes one and prints it.' },
  );
}

/** For the tools: they work as commands do, and what those say to a person goes to standard error. */
const withoutStandardOutput = (context: CommandContext): CommandContext => {
  const { stderr } = process;
  const output = createOutput({ json: false, stdout: stderr, stderr, stdinIsTerminal: false, noColor: true });
  const { cwd, env, program } = context;
  return { cwd, env, ...(program === undefined ? {} : { program }), exit: () => undefined, output: () => output };
};
