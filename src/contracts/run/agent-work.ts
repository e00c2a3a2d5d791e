import { z } from 'zod';

/** What a record keeps of an executor's own texts: an agent may print any number of them. */
export const WORK_LIMITS = { arguments: 60, argument: 300, names: 100, name: 100, value: 300 } as const;

const textSchema = z.string().max(WORK_LIMITS.name);

/** What an executor was configured with that steers its model. Credentials are masked, absolute paths shortened. */
export const executorParametersSchema = z.strictObject({
  argv: z
    .array(z.string().max(WORK_LIMITS.argument))
    .max(WORK_LIMITS.arguments)
    .optional()
    .describe(
      'the program and its arguments, `{model}` filled in; other placeholders stay as they are. Absent for the model executor, whose program is ours',
    ),
  more_arguments: z.int().positive().optional().describe('arguments that are not in the list'),
  variables: z
    .array(textSchema)
    .max(WORK_LIMITS.names)
    .optional()
    .describe('names of the variables that the worker config sets for the program; their values are not recorded'),
  settings: z
    .record(textSchema, z.union([z.string().max(WORK_LIMITS.value), z.number(), z.boolean()]))
    .optional()
    .describe('such as temperature, max_output_tokens, permissions, permission_mode'),
});
export type ExecutorParameters = z.infer<typeof executorParametersSchema>;

const TOOL_SOURCES = ['executor', 'agent', 'client'] as const;

/** The tools that an agent had. */
const toolListSchema = z.strictObject({
  listed_by: z
    .enum(TOOL_SOURCES)
    .describe(
      'executor: our program offered these and no others; agent: the agent says so; client: what our client offers to an agent that has tools of its own beside them',
    ),
  names: z.array(textSchema).max(WORK_LIMITS.names),
  more: z.int().positive().optional().describe('tools that are not in the list'),
  mcp_servers: z
    .array(textSchema)
    .max(WORK_LIMITS.names)
    .optional()
    .describe('MCP servers, where the agent names them'),
});
export type ToolList = z.infer<typeof toolListSchema>;

/** How often tools were called. */
const toolCallsSchema = z.strictObject({
  total: z.int().nonnegative(),
  by_tool: z
    .array(z.strictObject({ tool: textSchema, calls: z.int().positive() }))
    .max(WORK_LIMITS.names)
    .describe('the most called first; of an ACP agent by the kind of the call'),
});
export type ToolCalls = z.infer<typeof toolCallsSchema>;

/** What a try records of its agent's work; all of it is absent in attempts from before it was recorded. */
export const AGENT_WORK = {
  parameters: executorParametersSchema
    .optional()
    .describe('what the executor was configured with that steers the model'),
  tools: toolListSchema.nullable().optional().describe('the tools that the agent had; null where it does not say'),
  tool_calls: toolCallsSchema.nullable().optional().describe('the tools that it called; null where it does not say'),
};
export interface AgentWork {
  readonly parameters?: ExecutorParameters | undefined;
  readonly tools?: ToolList | null | undefined;
  readonly tool_calls?: ToolCalls | null | undefined;
}
