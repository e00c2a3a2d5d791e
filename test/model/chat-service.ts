import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pathToFileURL } from 'node:url';
import { schemaGrammar } from './schema-grammar.js';
import { type InstalledModel, SMALL_MODEL } from './small-model.js';

/*
 * A chat service with the OpenAI protocol over one small model. It decodes under the grammar of the schema that a request
 * names, as llama.cpp's server does. node-llama-cpp is not among our packages, so what is used of it is typed here.
 */

interface Turn {
  readonly type: 'system' | 'user' | 'model';
  readonly text?: string;
  readonly response?: readonly string[];
}
interface Generated {
  readonly response: string;
  readonly metadata: { readonly stopReason: string };
}
interface Chat {
  generateResponse(history: readonly Turn[], options: Readonly<Record<string, unknown>>): Promise<Generated>;
}
interface Sequence {
  readonly contextTokens: readonly unknown[];
  readonly tokenMeter: { readonly usedInputTokens: number; readonly usedOutputTokens: number };
}
interface Context {
  getSequence(): Sequence;
}
interface Model {
  readonly trainContextSize: number;
  tokenize(text: string): readonly unknown[];
  createContext(options: Readonly<Record<string, unknown>>): Promise<Context>;
}
interface Llama {
  loadModel(options: { readonly modelPath: string }): Promise<Model>;
  createGrammar(options: Readonly<Record<string, unknown>>): Promise<unknown>;
  dispose(): Promise<void>;
}
interface Runtime {
  getLlama(options: Readonly<Record<string, unknown>>): Promise<Llama>;
  readonly LlamaChat: new (options: { readonly contextSequence: Sequence }) => Chat;
}

interface ChatRequest {
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly response_format?: { readonly json_schema?: { readonly schema?: unknown } };
  readonly max_tokens?: number;
  readonly temperature?: number;
  readonly top_p?: number;
  readonly seed?: number;
}

/** More threads wait for each other in turns where the machine does other work too. */
const THREADS = 1;

export interface ChatService {
  readonly url: string;
  close(): Promise<void>;
}

export async function startChatService({ runtime, weights }: InstalledModel): Promise<ChatService> {
  const { getLlama, LlamaChat } = (await import(/* @vite-ignore */ pathToFileURL(runtime).href)) as Runtime;
  const llama = await getLlama({ gpu: false, build: 'never', logLevel: 'error' });
  const model = await llama.loadModel({ modelPath: weights });
  // On a processor a token takes a third less time without flash attention: an answer has a thousand.
  const setup = { contextSize: model.trainContextSize, threads: THREADS, flashAttention: false };
  const context = await model.createContext(setup);
  // One sequence: what two requests have in common at their beginning is evaluated once.
  const sequence = context.getSequence();
  const chat = new LlamaChat({ contextSequence: sequence });
  const grammars = new Map<string, Promise<unknown>>();
  const grammarOf = (schema: unknown): Promise<unknown> => {
    const key = JSON.stringify(schema);
    const grammar = grammars.get(key) ?? llama.createGrammar({ grammar: schemaGrammar(schema) });
    grammars.set(key, grammar);
    return grammar;
  };

  const answer = async (request: ChatRequest, response: ServerResponse): Promise<void> => {
    const asked = request.messages.reduce((sum, { content }) => sum + model.tokenize(content).length + 8, 0);
    const room = model.trainContextSize - asked - 16;
    const wanted = request.max_tokens ?? room;
    if (room < 256) {
      const message = `the prompt has ${asked} tokens, the context ${model.trainContextSize}`;
      response.writeHead(400, { 'content-type': 'application/json' });
      return void response.end(JSON.stringify({ error: { message, code: 'context_length_exceeded' } }));
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const id = `chatcmpl-${Date.now()}`;
    const send = (part: object): void => {
      response.write(
        `data: ${JSON.stringify({ id, object: 'chat.completion.chunk', model: SMALL_MODEL, ...part })}\n\n`,
      );
    };
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    const schema = request.response_format?.json_schema?.schema;
    const before = { ...usedOf(sequence) };
    const { metadata } = await chat.generateResponse(historyOf(request), {
      ...(schema === undefined ? {} : { grammar: await grammarOf(schema) }),
      maxTokens: Math.min(wanted, room),
      temperature: request.temperature ?? 0.8,
      ...(request.top_p === undefined ? {} : { topP: request.top_p }),
      ...(request.seed === undefined ? {} : { seed: request.seed }),
      signal: gone.signal,
      stopOnAbortSignal: true,
      onTextChunk: (text: string) => send({ choices: [{ index: 0, delta: { content: text }, finish_reason: null }] }),
    });
    const cut = metadata.stopReason === 'maxTokens';
    send({ choices: [{ index: 0, delta: {}, finish_reason: cut ? 'length' : 'stop' }] });
    const after = usedOf(sequence);
    const completion_tokens = after.output - before.output;
    const fresh = after.input - before.input;
    const usage = {
      ...{ prompt_tokens: asked, completion_tokens, total_tokens: asked + completion_tokens },
      prompt_tokens_details: { cached_tokens: Math.max(0, asked - fresh) },
    };
    send({ choices: [], usage });
    response.end('data: [DONE]\n\n');
  };

  let queue: Promise<void> = Promise.resolve();
  const server = createServer((request, response) => {
    const body = bodyOf(request);
    queue = queue
      .then(async () => answer(JSON.parse(await body) as ChatRequest, response))
      .catch((error: unknown) => {
        console.error(error);
        response.destroy();
      });
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((closed) => server.close(() => closed()));
      await queue;
      await llama.dispose();
    },
  };
}

const usedOf = ({ tokenMeter }: Sequence) => ({
  input: tokenMeter.usedInputTokens,
  output: tokenMeter.usedOutputTokens,
});

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function historyOf({ messages }: ChatRequest): readonly Turn[] {
  const turns = messages.map(({ role, content }): Turn => {
    if (role === 'assistant') return { type: 'model', response: [content] };
    return { type: role === 'system' ? 'system' : 'user', text: content };
  });
  return [...turns, { type: 'model', response: [] }];
}
