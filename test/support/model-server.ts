import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerBody, errorBody, type ModelTurn, type Protocol, protocolOf } from './model-protocols.js';

/** A call of the model, as an agent made it. */
export interface ModelCall {
  readonly protocol: Protocol;
  readonly path: string;
  /** As it was sent. */
  readonly text: string;
  /** The names of the tools that the agent offers. */
  readonly tools: readonly string[];
}

/** What the model answers; a function sees the call first. */
export type ScriptedTurn = ModelTurn | ((call: ModelCall) => ModelTurn);

export interface ModelServer {
  readonly url: string;
  /** Every call that the script answered, in order. */
  readonly calls: readonly ModelCall[];
  /**
   * What the next calls are answered with, in place of what was left. The last is repeated where `repeats` says so.
   * @param aside answers calls that an agent makes beside its work, such as one for a title; null for a call of the work
   */
  script(turns: readonly ScriptedTurn[], options?: ScriptOptions): void;
  /** @throws Error when a call came that the script had no answer for, or turns were left */
  assertDone(): void;
  close(): Promise<void>;
}

interface ScriptOptions {
  readonly repeats?: boolean;
  readonly aside?: (call: ModelCall) => ModelTurn | null;
}

/** A model service on loopback for all four protocols, with streamed answers. */
export async function startModelServer(): Promise<ModelServer> {
  const calls: ModelCall[] = [];
  const faults: string[] = [];
  let turns: ScriptedTurn[] = [];
  let options: ScriptOptions = {};
  let answered = 0;

  const nextTurn = (call: ModelCall): ModelTurn => {
    const aside = options.aside?.(call) ?? null;
    if (aside !== null) return aside;
    calls.push(call);
    const turn = options.repeats === true && turns.length === 1 ? turns[0] : turns.shift();
    if (turn !== undefined) return typeof turn === 'function' ? turn(call) : turn;
    faults.push(`no answer is scripted for call ${calls.length}, ${call.path}: ${call.text.slice(0, 500)}`);
    return { kind: 'error', status: 400, message: 'The script of the model server ran out.' };
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const path = new URL(request.url ?? '/', 'http://model').pathname;
    const protocol = protocolOf(path);
    // Agents ask for lists of models, quotas and feature flags too.
    if (protocol === null || request.method !== 'POST') return json(response, 404, { error: { message: 'not found' } });
    const body = JSON.parse(text) as { stream?: boolean; tools?: unknown; input?: unknown };
    const turn = nextTurn({ protocol, path, text, tools: toolNames([body.tools, addedTools(body.input)]) });
    if (turn.kind === 'custom') return turn.send(response);
    if (turn.kind === 'error') {
      // Agents that obey it try again at once.
      if (turn.status === 429) response.setHeader('retry-after', '1');
      return json(response, turn.status, errorBody(protocol, turn));
    }
    answered += 1;
    const streams = body.stream === true || path.endsWith(':streamGenerateContent');
    response.writeHead(200, { 'content-type': streams ? 'text/event-stream' : 'application/json' });
    response.end(answerBody(protocol, turn, String(answered), streams));
  };

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      faults.push(String(error));
      response.destroy();
    });
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    script: (scripted, given = {}) => {
      turns = [...scripted];
      options = given;
      calls.length = 0;
      faults.length = 0;
    },
    assertDone: () => {
      if (faults.length > 0) throw new Error(faults.join('\n'));
      if (turns.length > 0 && options.repeats !== true) throw new Error(`${turns.length} turns were not asked for`);
    },
    close: () => {
      server.closeAllConnections();
      return new Promise((closed) => server.close(() => closed()));
    },
  };
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

/** Tools that a call of `responses` names among its input. */
const addedTools = (input: unknown): readonly unknown[] =>
  Array.isArray(input) ? input.filter((item: { type?: unknown }) => item.type === 'additional_tools') : [];

/** Names of tools, at whatever depth a protocol has them. */
const toolNames = (tools: unknown): readonly string[] =>
  [...JSON.stringify(tools ?? []).matchAll(/"name":"([^"]+)"/g)].map(([, name = '']) => name);
