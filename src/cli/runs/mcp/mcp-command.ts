import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import type { CommandContext } from '../../app/context.js';

const EXAMPLES = `
Examples:
  promptos mcp --as claude-writer                on standard input and output: what an MCP client starts
  promptos mcp --as claude-writer --http 3917    on http://127.0.0.1:3917/mcp, behind a bearer token

A client reads status, artifacts and ledgers of runs, raises escalations, and does the gates that the worker config hands
off (\`kind: handoff\`): it opens one, gets its prompt and a checkout, and submits the output, signed as --as. No tool
decides: people approve, reject, resolve and cancel outside of MCP.

With --http every request needs the token that the command prints, or that PROMPTOS_MCP_TOKEN holds. Only loopback addresses
are served. docs/mcp.md has the configuration of clients.`;

/**
 * `promptos mcp`: the Model Context Protocol for one principal.
 * @param version of this program, for clients to show
 */
export const mcpCommand = (context: CommandContext, version: string): CommandUnknownOpts =>
  new Command('mcp')
    .requiredOption('--as <principal>', 'the principal of the policy that the client works as')
    .option(
      '--http <address>',
      'serve streamable HTTP on [HOST:]PORT of a loopback address, in place of standard input',
    )
    .option('--key <file>', 'the key to sign with (default: the key file of --as, else ssh-agent)')
    .option('--claimant <name>', 'who of those with that key works on gates (default: your user name and this machine)')
    .addHelpText('after', EXAMPLES)
    .action(async (options) => (await import('./serve-mcp.js')).serveMcp(context, { ...options, version }));
