import type { MessageKind } from '../governance/commands.js';

const KINDS = ['decision', 'resolution', 'escalation', 'cancellation'] as const;

/** What an update brought, or null when it is no message of ours at all. The content is judged by the domain. */
export function readHumanMessage(message: unknown): { readonly kind: MessageKind; readonly content: unknown } | null {
  if (typeof message !== 'object' || message === null) return null;
  const { kind } = message as { kind?: unknown };
  const known = KINDS.find((candidate) => candidate === kind);
  return known === undefined ? null : { kind: known, content: (message as Record<string, unknown>)[known] };
}
