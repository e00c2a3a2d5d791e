import { type FinishReason, type ModelMessage, stepCountIs, streamText, type ToolSet, wrapLanguageModel } from 'ai';
import type { AnswerBounds, ModelParameters, ModelProgram } from '../../contracts/config/model-executor.js';
import { isRecord } from '../../contracts/json.js';
import type { Line, PrintLine } from '../print-line.js';
import { classifyError, ModelFailure } from './model-failure.js';
import type { OpenedModel } from './open-model.js';

/** What a conversation is held with. */
export interface Conversation {
  readonly watched: WatchedModel;
  readonly settings: ModelProgram;
  readonly system: string;
  readonly print: PrintLine;
  /** Calls of the model that are left in this try. */
  stepsLeft: number;
}

interface Question {
  readonly messages: readonly ModelMessage[];
  readonly tools?: ToolSet;
  /** The JSON Schema that the answer is forced into, as far as `output` of the config has it. */
  readonly schema?: object;
  /** Calls that are kept for later questions. */
  readonly reserve?: number;
}

export interface Reply {
  /** What the model said last. */
  readonly text: string;
  /** The question with everything that was said and done since. */
  readonly messages: readonly ModelMessage[];
}

/** A longer text of one answer is no answer. */
const MAX_TEXT = 8 * 1_024 * 1_024;

/**
 * Asks the model, carries out the tools that it calls, and prints each of it as it comes: what is printed keeps the try alive
 * and is its transcript.
 * @throws ModelFailure
 */
export async function askModel(conversation: Conversation, question: Question): Promise<Reply> {
  const { watched, settings, system, print, stepsLeft } = conversation;
  if (stepsLeft < 1)
    throw new ModelFailure('bad_answer', `No answer within ${settings.max_steps} calls of the model (max_steps).`);
  const { messages, tools, schema, reserve = 0 } = question;
  const parts = textParts(print);
  const stop = new AbortController();
  watched.answerAs(schema === undefined ? undefined : formatOf(settings, schema));
  let failed: unknown;
  let text = '';
  let end: FinishReason = 'other';
  const result = streamText({
    model: watched.model,
    system,
    messages: [...messages],
    maxRetries: 0,
    abortSignal: stop.signal,
    stopWhen: stepCountIs(Math.max(1, stepsLeft - reserve)),
    onError: ({ error }) => {
      failed ??= error;
    },
    ...(tools === undefined ? {} : { tools }),
    ...callSettings(settings),
  });
  try {
    for await (const part of result.fullStream) {
      switch (part.type) {
        case 'start-step':
          text = '';
          conversation.stepsLeft -= 1;
          break;
        case 'text-delta':
          text += part.text;
          if (text.length > MAX_TEXT)
            throw new ModelFailure('bad_answer', `The model wrote more than ${MAX_TEXT} characters.`);
          parts.add('text', part.text);
          break;
        case 'reasoning-delta':
          parts.add('reasoning', part.text);
          break;
        case 'tool-call':
          parts.flush();
          print({ type: 'tool_call', id: part.toolCallId, tool: part.toolName, arguments: part.input });
          break;
        case 'tool-result':
          print({ type: 'tool_result', id: part.toolCallId, tool: part.toolName, characters: lengthOf(part.output) });
          break;
        case 'tool-error':
          print({ type: 'tool_error', id: part.toolCallId, tool: part.toolName, message: messageOf(part.error) });
          break;
        case 'finish-step':
          parts.flush();
          end = part.finishReason;
          print(stepLine(part, watched));
          // Without a reason, nothing says that the answer is whole.
          if (end === 'other' && part.rawFinishReason === undefined) {
            throw new ModelFailure('transient', 'The model service ended its stream before the answer was whole.');
          }
          break;
        case 'error':
          throw part.error;
      }
    }
  } catch (error) {
    failed ??= error;
    // The service may go on for ever, and would be read all the while.
    stop.abort();
  }
  parts.flush();
  if (failed !== undefined) throw classifyError(failed);
  refuseCut(end, settings);
  const { messages: said } = await result.response;
  return { text, messages: [...messages, ...said] };
}

function refuseCut(end: FinishReason, { parameters }: ModelProgram): void {
  if (end === 'length') {
    const limit = parameters.max_output_tokens;
    const which = limit === undefined ? "the service's limit" : `${limit} tokens, parameters.max_output_tokens`;
    throw new ModelFailure('bad_answer', `The model's answer was cut off at its limit (${which}).`);
  }
  if (end === 'content-filter') {
    throw new ModelFailure('bad_answer', "The model service's filter withheld the answer (content_filter).");
  }
}

function formatOf({ output, answer_bounds }: ModelProgram, schema: object): Parameters<WatchedModel['answerAs']>[0] {
  switch (output) {
    case 'text':
      return undefined;
    case 'json':
      return { type: 'json' };
    case 'schema':
      return { type: 'json', schema: boundSchema(schema, answer_bounds ?? {}), name: 'answer' };
  }
}

function callSettings({ provider, parameters }: ModelProgram) {
  const { provider_options, ...rest } = parameters;
  const names = {
    ...{ temperature: 'temperature', top_p: 'topP', max_output_tokens: 'maxOutputTokens', seed: 'seed' },
    ...{ frequency_penalty: 'frequencyPenalty', presence_penalty: 'presencePenalty' },
  } as const satisfies Record<Exclude<keyof ModelParameters, 'provider_options'>, string>;
  const numbers = Object.entries(names).flatMap(([ours, theirs]) => {
    const value = rest[ours as keyof typeof names];
    return value === undefined ? [] : [[theirs, value] as const];
  });
  return { ...Object.fromEntries(numbers), providerOptions: { [provider]: provider_options } };
}

type FinishStep = Extract<
  ReturnType<typeof streamText>['fullStream'] extends AsyncIterable<infer P> ? P : never,
  { readonly type: 'finish-step' }
>;

function stepLine({ usage, finishReason }: FinishStep, { last }: WatchedModel): Line {
  const { model, id, requestId } = last();
  const { inputTokens, outputTokens, inputTokenDetails } = usage;
  return {
    type: 'step',
    served_model: model,
    response_id: id,
    request_id: requestId ?? id,
    finish_reason: finishReason,
    usage: {
      ...{ input_tokens: inputTokens, output_tokens: outputTokens },
      cached_tokens: inputTokenDetails.cacheReadTokens,
    },
  };
}

const lengthOf = (output: unknown): number =>
  (typeof output === 'string' ? output : (JSON.stringify(output) ?? '')).length;
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const LONGEST = 2_000;
const LONGEST_MS = 1_000;

/**
 * Prints what a model says as it comes, in pieces of a size that people can follow: a line for each token would make the
 * transcript twenty times as long as what was said.
 */
function textParts(print: PrintLine) {
  let kind: 'text' | 'reasoning' = 'text';
  let held = '';
  let since = 0;
  const flush = (): void => {
    if (held !== '') print({ type: kind, text: held });
    held = '';
  };
  return {
    add: (of: typeof kind, text: string): void => {
      if (of !== kind) flush();
      kind = of;
      if (held === '') since = Date.now();
      held += text;
      if (held.length >= LONGEST || Date.now() - since >= LONGEST_MS) flush();
    },
    flush,
  };
}

/**
 * A schema for decoders with bounds of lists and texts: a small model that is not stopped writes the same item or sentence
 * until its answer is cut off. Texts have one character at least, since an empty one is never an answer.
 */
export function boundSchema(schema: object, bounds: AnswerBounds): object {
  const bounded = Object.entries(schema).map(([name, part]: [string, unknown]) => [name, boundPart(part, bounds)]);
  return { ...Object.fromEntries(bounded), ...boundsOf(schema, bounds) };
}

function boundPart(part: unknown, bounds: AnswerBounds): unknown {
  if (Array.isArray(part)) return part.map((item) => boundPart(item, bounds));
  return isRecord(part) ? boundSchema(part, bounds) : part;
}

function boundsOf(
  schema: {
    readonly type?: unknown;
    readonly minItems?: unknown;
    readonly maxLength?: unknown;
    readonly enum?: unknown;
  },
  bounds: AnswerBounds,
): object {
  const { items, characters } = bounds;
  if (schema.type === 'array' && items !== undefined) {
    const { minItems = 0 } = schema;
    return { maxItems: Math.max(items, Number(minItems)) };
  }
  if (schema.type === 'string' && schema.enum === undefined && characters !== undefined) {
    const { maxLength = characters } = schema;
    return { minLength: 1, maxLength: Math.min(characters, Number(maxLength)) };
  }
  return {};
}

/** What a service itself says of one answer. The SDK fills in the model that was asked for where it says nothing. */
interface TrueResponse {
  readonly model: string | null;
  readonly id: string | null;
  readonly requestId: string | null;
}

const NOTHING: TrueResponse = { model: null, id: null, requestId: null };
/** Headers in which services name a request. */
const REQUEST_IDS = ['x-request-id', 'request-id', 'x-goog-request-id'];

/** The model and the id in an event of a Gemini service; nothing of any other event. */
function geminiResponse(event: unknown): Partial<TrueResponse> {
  const { modelVersion, responseId } = isRecord(event) ? event : {};
  return {
    ...(typeof modelVersion === 'string' ? { model: modelVersion } : {}),
    ...(typeof responseId === 'string' ? { id: responseId } : {}),
  };
}

type ResponseFormat = Parameters<OpenedModel['doStream']>[0]['responseFormat'];

/** A model whose answers are seen as they come. */
interface WatchedModel {
  readonly model: OpenedModel;
  /** What the service said of the answer that is under way, or ended last. */
  readonly last: () => TrueResponse;
  /**
   * Sets the form of the answers to come. The SDK has a way of its own, which parses all that came so far at each word: of a
   * long answer that takes minutes.
   */
  readonly answerAs: (format: ResponseFormat) => void;
}

export function watchModel(opened: OpenedModel): WatchedModel {
  let last = NOTHING;
  let format: ResponseFormat;
  const model = wrapLanguageModel({
    model: opened,
    middleware: {
      specificationVersion: 'v3',
      transformParams: ({ params }) =>
        Promise.resolve({
          ...params,
          ...(format === undefined ? {} : { responseFormat: format }),
          // The package for Gemini passes on neither the model nor the id that an answer has.
          includeRawChunks: true,
        }),
      wrapStream: async ({ doStream }) => {
        last = NOTHING;
        const { stream, ...rest } = await doStream();
        const headers = rest.response?.headers ?? {};
        last = { ...last, requestId: REQUEST_IDS.map((name) => headers[name]).find((id) => id !== undefined) ?? null };
        type Part = typeof stream extends ReadableStream<infer P> ? P : never;
        const seen = new TransformStream<Part, Part>({
          transform: (part, controller) => {
            if (part.type === 'raw') {
              last = { ...last, ...geminiResponse(part.rawValue) };
              return;
            }
            if (part.type === 'response-metadata') {
              last = { ...last, model: part.modelId ?? last.model, id: part.id ?? last.id };
            }
            controller.enqueue(part);
          },
        });
        return { stream: stream.pipeThrough(seen), ...rest };
      },
    },
  });
  return {
    model,
    last: () => last,
    answerAs: (wanted) => {
      format = wanted;
    },
  };
}
