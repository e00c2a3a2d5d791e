import { type ClientApp, methods, RequestError } from '@agentclientprotocol/sdk';
import type { PermissionRule } from '../../contracts/config/acp-executor.js';
import { messageOf } from '../../contracts/errors.js';
import { refuseUnless } from './files.js';
import type { OwnFolders } from './own-folders.js';
import { startTerminal, type Terminal } from './terminal.js';
import type { Transcript } from './transcript.js';

/** Commands that one session may have at a time. */
const MAX_TERMINALS = 64;

export interface ServedTerminals {
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
