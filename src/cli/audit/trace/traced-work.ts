import type { AgentWork, ExecutorParameters, ToolCalls, ToolList } from '../../../contracts/run/agent-work.js';
import { counted } from '../../../contracts/sentences.js';
import { printableLine } from '../../app/printable.js';

/** What a trace shows of an agent's work; all null for a try from before it was recorded. */
interface TracedWork {
  readonly parameters: ExecutorParameters | null;
  readonly tools: ToolList | null;
  readonly tool_calls: ToolCalls | null;
}

export const tracedWork = ({ parameters, tools, tool_calls }: AgentWork): TracedWork => ({
  parameters: parameters ?? null,
  tools: tools ?? null,
  tool_calls: tool_calls ?? null,
});

/** Names that are printed; `--json` has all of them. */
const SHOWN = 12;
/** Characters of a command line that are printed. */
const LINE = 300;

const LISTED_BY: Readonly<Record<ToolList['listed_by'], string>> = {
  executor: 'which were all that it was offered',
  agent: 'as the agent says',
  client: 'offered beside those of its own, which are not known',
};

/** A try from before work was recorded has no lines. */
export function renderWork({ parameters, tools, tool_calls }: TracedWork): readonly string[] {
  if (parameters === null) return [];
  const { argv = [], more_arguments = 0, variables = [], settings = {} } = parameters;
  const given = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  const line = argv.join(' ');
  const rest = more_arguments === 0 ? '' : ` and ${counted(more_arguments, 'argument')} more`;
  return [
    ...(argv.length === 0
      ? []
      : [`run as ${printableLine(line.slice(0, LINE))}${line.length > LINE ? '…' : ''}${rest}`]),
    ...(given.length === 0 ? [] : [`set to ${printableLine(given.join(', '))}`]),
    ...(variables.length === 0 ? [] : [`variables set: ${printableLine(variables.join(', '))}`]),
    `tools ${tools === null ? 'not known' : toolsLine(tools)}; calls ${tool_calls === null ? 'not known' : callsLine(tool_calls)}`,
  ];
}

function toolsLine({ names, more = 0, listed_by, mcp_servers = [] }: ToolList): string {
  const servers = mcp_servers.length === 0 ? '' : `, MCP servers ${someOf(mcp_servers, 0)}`;
  return names.length === 0 ? `none${servers}` : `${someOf(names, more)}, ${LISTED_BY[listed_by]}${servers}`;
}

const callsLine = ({ total, by_tool }: ToolCalls): string =>
  total === 0
    ? 'none'
    : `${total}: ${someOf(
        by_tool.map(({ tool, calls }) => `${tool} ${calls}`),
        0,
      )}`;

function someOf(names: readonly string[], more: number): string {
  const hidden = Math.max(names.length - SHOWN, 0) + more;
  return `${printableLine(names.slice(0, SHOWN).join(', '))}${hidden === 0 ? '' : ` and ${hidden} more`}`;
}
