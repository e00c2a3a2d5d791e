import { z } from 'zod';
import { durationSchema } from '../primitives.js';
import { failureRulesSchema } from './executor-output.js';
import { homeFilesSchema, networkSchema, passedEnvironmentSchema } from './program-environment.js';

/** The kinds of tool calls of the Agent Client Protocol. A call without a kind, or with another one, is `other`. */
export const TOOL_KINDS = [
  'read',
  'edit',
  'delete',
  'move',
  'search',
  'execute',
  'think',
  'fetch',
  'switch_mode',
  'other',
] as const;
export type ToolKind = (typeof TOOL_KINDS)[number];

const toolKindsSchema = z.array(z.enum(TOOL_KINDS)).min(1);

const permissionRuleSchema = z
  .union([
    z.enum(['allow', 'refuse']),
    z.strictObject({ allow: toolKindsSchema.describe('kinds of tool calls that are allowed; others are refused') }),
    z.strictObject({ refuse: toolKindsSchema.describe('kinds of tool calls that are refused; others are allowed') }),
  ])
  .default('allow')
  .describe(
    'the answer to permission requests of the agent; also what it is offered: files are read for it where "read" is allowed, written where "edit" is, and commands run where "execute" is',
  );
export type PermissionRule = z.infer<typeof permissionRuleSchema>;

/** What our client of the protocol needs to know of the worker config; the rest is the command executor's. */
export const acpClientSettingsSchema = z.strictObject({
  permissions: permissionRuleSchema,
  model: z.string().min(1).optional(),
  mode: z.string().min(1).optional(),
  auth: z.string().min(1).optional(),
  client_files: z.boolean().default(true),
  /** How long the agent may take to answer `initialize`. */
  start_timeout_ms: z.int().positive(),
});
export type AcpClientSettings = z.infer<typeof acpClientSettingsSchema>;

/** An agent that speaks the Agent Client Protocol on its standard input and output: it becomes a command with our client. */
export const acpExecutorSchema = z.strictObject({
  kind: z.literal('acp').describe('a coding agent that speaks the Agent Client Protocol'),
  argv: z.array(z.string().min(1)).min(1).describe("the agent's program and its arguments, such as [gemini, --acp]"),
  model: z
    .string()
    .min(1)
    .optional()
    .describe("the id of the model to ask for, as the agent lists it; without it the agent's own default"),
  mode: z
    .string()
    .min(1)
    .optional()
    .describe("the id of the session's mode, as the agent lists it; without it the agent's own default"),
  auth: z
    .string()
    .min(1)
    .optional()
    .describe('the id of the way of authentication that is asked of the agent before the session, where it needs one'),
  permissions: permissionRuleSchema,
  client_files: z
    .boolean()
    .default(true)
    .describe(
      'whether the agent is offered that its files are read and written for it; without that it does so by itself, as agents must that fail with it',
    ),
  env: passedEnvironmentSchema.prefault({}).describe('the environment of the agent'),
  home: homeFilesSchema,
  network: networkSchema,
  timeout: durationSchema.default(30 * 60_000).describe('the agent is stopped and the try fails after this long'),
  max_output_bytes: z
    .int()
    .positive()
    .default(50_000_000)
    .describe('the agent is stopped when the transcript of a session is longer'),
  failures: failureRulesSchema,
  retry_for: durationSchema
    .default(24 * 3_600_000)
    .describe('how long transient trouble of the provider is retried before a P08 asks people'),
});
export type AcpExecutorConfig = z.infer<typeof acpExecutorSchema>;
