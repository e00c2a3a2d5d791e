import type { ServerResponse } from 'node:http';

/** One answer of a scripted model. */
export type ModelTurn =
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'tool';
      readonly name: string;
      readonly input: Readonly<Record<string, unknown>>;
      /** What the tool is listed under; of the protocol `responses` alone. */
      readonly namespace?: string;
    }
  /** A call of a tool that takes a program in place of an object; of the protocol `responses` alone. */
  | { readonly kind: 'script'; readonly name: string; readonly source: string }
  | { readonly kind: 'error'; readonly status: number; readonly message: string }
  /** Whatever else a service may send. */
  | { readonly kind: 'custom'; readonly send: (response: ServerResponse) => void };

export type Protocol = 'anthropic' | 'chat' | 'responses' | 'gemini';

/** What every answer says of itself, so that a test can tell it from what was asked for. */
export const SERVED_MODEL = 'served-model-1';
export const TOKENS = { input: 1_234, output: 56 } as const;

type Plain = Extract<ModelTurn, { readonly kind: 'text' | 'tool' }>;
type Said = Plain | Extract<ModelTurn, { readonly kind: 'script' }>;
type Event = Readonly<Record<string, unknown>>;

/** The protocol that a path belongs to, or null for one that is no call of a model. */
export function protocolOf(path: string): Protocol | null {
  if (/\/messages$/.test(path)) return 'anthropic';
  if (/\/chat\/completions$/.test(path)) return 'chat';
  if (/\/responses$/.test(path)) return 'responses';
  return /:(?:streamGenerateContent|generateContent)$/.test(path) ? 'gemini' : null;
}

/** The body of an answer that is an error, as the service of the protocol has it. */
export function errorBody(protocol: Protocol, { status, message }: { status: number; message: string }): object {
  if (protocol === 'anthropic') {
    const types: Record<number, string> = { 401: 'authentication_error', 429: 'rate_limit_error' };
    return { type: 'error', error: { type: types[status] ?? 'api_error', message } };
  }
  if (protocol === 'gemini') {
    const states: Record<number, string> = { 401: 'UNAUTHENTICATED', 429: 'RESOURCE_EXHAUSTED' };
    return { error: { code: status, message, status: states[status] ?? 'INTERNAL' } };
  }
  const kinds: Record<number, readonly [string, string]> = {
    401: ['invalid_request_error', 'invalid_api_key'],
    429: ['requests', 'rate_limit_exceeded'],
  };
  const [type, code] = kinds[status] ?? ['server_error', 'server_error'];
  return { error: { message, type, param: null, code } };
}

const anthropicUsage = { input_tokens: TOKENS.input, output_tokens: TOKENS.output };

function anthropicEvents(said: Plain, id: string): readonly Event[] {
  const message = {
    id: `msg_${id}`,
    type: 'message',
    role: 'assistant',
    model: SERVED_MODEL,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: TOKENS.input, output_tokens: 1 },
  };
  const [block, delta, stop] =
    said.kind === 'text'
      ? [{ type: 'text', text: '' }, { type: 'text_delta', text: said.text }, 'end_turn']
      : [
          { type: 'tool_use', id: `toolu_${id}`, name: said.name, input: {} },
          { type: 'input_json_delta', partial_json: JSON.stringify(said.input) },
          'tool_use',
        ];
  return [
    { type: 'message_start', message },
    { type: 'content_block_start', index: 0, content_block: block },
    { type: 'content_block_delta', index: 0, delta },
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason: stop, stop_sequence: null }, usage: anthropicUsage },
    { type: 'message_stop' },
  ];
}

function anthropicMessage(said: Plain, id: string): Event {
  const content =
    said.kind === 'text'
      ? { type: 'text', text: said.text }
      : { type: 'tool_use', id: `toolu_${id}`, name: said.name, input: said.input };
  return {
    id: `msg_${id}`,
    type: 'message',
    role: 'assistant',
    model: SERVED_MODEL,
    content: [content],
    stop_reason: said.kind === 'text' ? 'end_turn' : 'tool_use',
    stop_sequence: null,
    usage: anthropicUsage,
  };
}

const chatUsage = {
  prompt_tokens: TOKENS.input,
  completion_tokens: TOKENS.output,
  total_tokens: TOKENS.input + TOKENS.output,
};

const toolCall = (said: Extract<Plain, { kind: 'tool' }>, id: string) => ({
  index: 0,
  id: `call_${id}`,
  type: 'function',
  function: { name: said.name, arguments: JSON.stringify(said.input) },
});

function chatEvents(said: Plain, id: string): readonly Event[] {
  const common = { id: `chatcmpl-${id}`, object: 'chat.completion.chunk', created: 1, model: SERVED_MODEL };
  const delta =
    said.kind === 'text'
      ? { role: 'assistant', content: said.text }
      : { role: 'assistant', content: null, tool_calls: [toolCall(said, id)] };
  const finish_reason = said.kind === 'text' ? 'stop' : 'tool_calls';
  return [
    { ...common, choices: [{ index: 0, delta, finish_reason: null }] },
    { ...common, choices: [{ index: 0, delta: {}, finish_reason }] },
    { ...common, choices: [], usage: chatUsage },
  ];
}

function chatCompletion(said: Plain, id: string): Event {
  const message =
    said.kind === 'text'
      ? { role: 'assistant', content: said.text }
      : { role: 'assistant', content: null, tool_calls: [toolCall(said, id)] };
  return {
    id: `chatcmpl-${id}`,
    object: 'chat.completion',
    created: 1,
    model: SERVED_MODEL,
    choices: [{ index: 0, message, finish_reason: said.kind === 'text' ? 'stop' : 'tool_calls' }],
    usage: chatUsage,
  };
}

function responsesItem(said: Said, id: string): Event & { readonly id: string } {
  if (said.kind === 'text') {
    return {
      id: `item_${id}`,
      type: 'message',
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: said.text, annotations: [] }],
    };
  }
  const call = { id: `item_${id}`, call_id: `call_${id}`, name: said.name, status: 'completed' };
  return said.kind === 'script'
    ? { ...call, type: 'custom_tool_call', input: said.source }
    : {
        ...call,
        type: 'function_call',
        arguments: JSON.stringify(said.input),
        ...(said.namespace === undefined ? {} : { namespace: said.namespace }),
      };
}

function responsesEvents(said: Said, id: string): readonly Event[] {
  const item = responsesItem(said, id);
  const response = { id: `resp_${id}`, object: 'response', created_at: 1, model: SERVED_MODEL };
  const usage = {
    input_tokens: TOKENS.input,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: TOKENS.output,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: TOKENS.input + TOKENS.output,
  };
  return [
    { type: 'response.created', response: { ...response, status: 'in_progress', output: [] } },
    { type: 'response.output_item.added', output_index: 0, item: { ...item, status: 'in_progress', content: [] } },
    ...(said.kind === 'text'
      ? [{ type: 'response.output_text.delta', item_id: item.id, output_index: 0, content_index: 0, delta: said.text }]
      : []),
    { type: 'response.output_item.done', output_index: 0, item },
    { type: 'response.completed', response: { ...response, status: 'completed', output: [item], usage } },
  ];
}

function geminiContent(said: Plain): Event {
  const part = said.kind === 'text' ? { text: said.text } : { functionCall: { name: said.name, args: said.input } };
  return {
    candidates: [{ index: 0, content: { role: 'model', parts: [part] }, finishReason: 'STOP' }],
    usageMetadata: {
      promptTokenCount: TOKENS.input,
      candidatesTokenCount: TOKENS.output,
      totalTokenCount: TOKENS.input + TOKENS.output,
    },
    modelVersion: SERVED_MODEL,
  };
}

const sse = (events: readonly Event[], named: boolean, end = ''): string =>
  events
    .map((event) => `${named ? `event: ${event.type}\n` : ''}data: ${JSON.stringify(event)}\n\n`)
    .join('')
    .concat(end);

/** The body of an answer, streamed or whole. @param id unlike that of any other answer */
export function answerBody(protocol: Protocol, said: Said, id: string, streams: boolean): string {
  if (protocol === 'responses') {
    const events = responsesEvents(said, id);
    return streams ? sse(events, true) : JSON.stringify(events.at(-1)?.response);
  }
  if (said.kind === 'script') throw new Error(`${protocol} has no tools that take a program`);
  if (protocol === 'anthropic') {
    return streams ? sse(anthropicEvents(said, id), true) : JSON.stringify(anthropicMessage(said, id));
  }
  if (protocol === 'chat') {
    return streams ? sse(chatEvents(said, id), false, 'data: [DONE]\n\n') : JSON.stringify(chatCompletion(said, id));
  }
  return streams ? sse([geminiContent(said)], false) : JSON.stringify(geminiContent(said));
}
