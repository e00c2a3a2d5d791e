import { type PermissionRule, TOOL_KINDS, type ToolKind } from '../../contracts/config/acp-executor.js';
import { isRecord } from '../../contracts/json.js';

const isToolKind = (kind: unknown): kind is ToolKind => (TOOL_KINDS as readonly unknown[]).includes(kind);

/** A kind as the rule knows it: what is missing, or newer than this client, is `other`. */
export const toolKind = (kind: unknown): ToolKind => (isToolKind(kind) ? kind : 'other');

/** Whether the rule of the worker config allows tool calls of a kind. */
export function isAllowed(rule: PermissionRule, kind: ToolKind): boolean {
  if (typeof rule === 'string') return rule === 'allow';
  return 'allow' in rule ? rule.allow.includes(kind) : !rule.refuse.includes(kind);
}

export interface PermissionAnswer {
  readonly decision: 'allowed' | 'refused';
  /** The option that is chosen; null where the agent offers none of that kind, and the tool call is cancelled. */
  readonly option: string | null;
}

/** For one call alone before those that hold for the rest of the session: so each call is asked and recorded. */
const OPTION_KINDS = {
  allowed: ['allow_once', 'allow_always'],
  refused: ['reject_once', 'reject_always'],
} as const;

/** @param options as the agent sent them */
export function answerPermission(rule: PermissionRule, kind: ToolKind, options: unknown): PermissionAnswer {
  const decision = isAllowed(rule, kind) ? 'allowed' : 'refused';
  const offered = Array.isArray(options) ? options.filter(isRecord) : [];
  for (const wanted of OPTION_KINDS[decision]) {
    const found = offered.find((option) => option.kind === wanted && typeof option.optionId === 'string');
    if (typeof found?.optionId === 'string') return { decision, option: found.optionId };
  }
  return { decision: 'refused', option: null };
}
