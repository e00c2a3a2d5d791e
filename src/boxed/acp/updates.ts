import type { ToolKind } from '../../contracts/config/acp-executor.js';
import { isRecord } from '../../contracts/json.js';
import { toolKind } from './permissions.js';
import type { Transcript } from './transcript.js';

/** What is known of one tool call. */
interface ToolCall {
  readonly id: string;
  readonly kind: ToolKind;
  readonly title: string | null;
}

/** What a session has said so far. */
export interface SessionUpdates {
  /** Takes the parameters of a `session/update`. */
  take(params: unknown): void;
  /** A tool call as the session has announced it, with what a later message says of it. */
  toolCall(said: unknown): ToolCall;
  /** The message that has the answer: the last that has its `kind`, else the last one. */
  answer(): string;
  readonly toolCalls: number;
  /** How many calls of each kind there were. */
  readonly callsByKind: Readonly<Partial<Record<ToolKind, number>>>;
  /** In US dollars, as far as the agent says. */
  readonly cost: number | null;
}

const MARK_OF_ANSWER = /"kind"\s*:\s*"(?:output|escalation)"/;

export function createSessionUpdates(transcript: Transcript): SessionUpdates {
  const calls = new Map<string, ToolCall>();
  const messages: string[] = [];
  let speaking: unknown = null;
  let cost: number | null = null;

  const say = ({ content, messageId }: Readonly<Record<string, unknown>>): void => {
    const text = textOf(content);
    const id = messageId ?? 'unnamed';
    if (speaking === id) messages.push(`${messages.pop() ?? ''}${text}`);
    else messages.push(text);
    speaking = id;
    transcript.chunk('message', text);
  };

  const toolCall: SessionUpdates['toolCall'] = (said) => {
    const call = isRecord(said) ? said : {};
    const id = typeof call.toolCallId === 'string' ? call.toolCallId : '';
    const known = calls.get(id);
    const now: ToolCall = {
      id,
      kind: call.kind == null && known !== undefined ? known.kind : toolKind(call.kind),
      title: typeof call.title === 'string' ? call.title : (known?.title ?? null),
    };
    // One without an id has no announcement that a later one could go by.
    if (id !== '') calls.set(id, now);
    return now;
  };

  return {
    take: (params) => {
      const update = isRecord(params) && isRecord(params.update) ? params.update : {};
      const { sessionUpdate: type } = update;
      if (type === 'agent_message_chunk') return say(update);
      // Whatever comes between two pieces of text ends the message.
      speaking = null;
      if (type === 'agent_thought_chunk') return transcript.chunk('thought', textOf(update.content));
      if (type === 'tool_call' || type === 'tool_call_update') toolCall(update);
      if (type === 'usage_update' && isRecord(update.cost) && update.cost.currency === 'USD') {
        if (typeof update.cost.amount === 'number') cost = update.cost.amount;
      }
      // The prompt is kept beside the transcript.
      if (type === 'user_message_chunk') return;
      transcript.event({ type: 'update', update });
    },
    toolCall,
    answer: () => messages.findLast((text) => MARK_OF_ANSWER.test(text)) ?? messages.at(-1) ?? '',
    get toolCalls() {
      return calls.size;
    },
    get callsByKind() {
      const counts: Partial<Record<ToolKind, number>> = {};
      for (const { kind } of calls.values()) counts[kind] = (counts[kind] ?? 0) + 1;
      return counts;
    },
    get cost() {
      return cost;
    },
  };
}

const textOf = (content: unknown): string =>
  isRecord(content) && content.type === 'text' && typeof content.text === 'string' ? content.text : '';
