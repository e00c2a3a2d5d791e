import { wrapLanguageModel } from 'ai';
import { isRecord } from '../../contracts/json.js';
import type { OpenedModel } from './open-model.js';

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
export interface WatchedModel {
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
