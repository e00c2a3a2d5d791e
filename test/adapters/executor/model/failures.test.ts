import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ModelTurn } from '../../../support/model-protocols.js';
import { answerText, type BoxedModel, KEY, linesOf, PRIVATE_NAME, startBoxedModel } from './boxed-model.js';

let boxed: BoxedModel;
beforeAll(async () => {
  boxed = await startBoxedModel();
});
afterAll(() => boxed.close());

const failing = (status: number, body: object, headers: Record<string, string> = {}): ModelTurn => ({
  kind: 'custom',
  send: (response) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body)),
});
const said = (message: string, code?: string) => ({
  error: { message, type: 'x', ...(code === undefined ? {} : { code }) },
});
const CHUNK = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'served' };
const delta = (content: string, finish_reason: string | null = null) =>
  `data: ${JSON.stringify({ ...CHUNK, choices: [{ index: 0, delta: { content }, finish_reason }] })}\n\n`;
const stream = (send: (write: (text: string) => void, end: () => void, cut: () => void) => void): ModelTurn => ({
  kind: 'custom',
  send: (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    send(
      (text) => response.write(text),
      () => response.end(),
      () => response.destroy(),
    );
  },
});

const failureOf = async (turn: ModelTurn, config: Record<string, unknown> = {}) => {
  boxed.server.script([turn]);
  const outcome = await boxed.execute({ config: { edits: 'files', retry_for: '2h', ...config } });
  expect(outcome.answer).toBeNull();
  boxed.server.assertDone();
  return outcome.failure ?? outcome.problem;
};

describe.runIf(process.platform === 'linux')('failures of the model service', () => {
  test('model executor: 401 and 403 are authentication, in the words of the service, without the key', async () => {
    expect(await failureOf(failing(401, said(`Incorrect API key: ${KEY}`)))).toEqual({
      class: 'authentication',
      message: '401: Incorrect API key: [masked]',
    });
    expect(await failureOf(failing(403, said('No access.')))).toEqual({
      class: 'authentication',
      message: '403: No access.',
    });
  });

  test('model executor: an unknown model, a refused request and a web page are configuration', async () => {
    expect(await failureOf(failing(404, said('The model `asked-for` does not exist')))).toEqual({
      class: 'configuration',
      message: '404: The model `asked-for` does not exist',
    });
    expect(await failureOf(failing(400, { detail: 'response_format is not supported' }))).toEqual({
      class: 'configuration',
      message: '400: response_format is not supported',
    });
    const page: ModelTurn = {
      kind: 'custom',
      send: (response) => response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<html>'),
    };
    expect(await failureOf(page)).toMatchObject({
      class: 'configuration',
      message: expect.stringContaining('base_url'),
    });
  });

  test('model executor: money that is used up is a matter of the budget, whatever the status', async () => {
    expect(await failureOf(failing(402, said('Payment required')))).toMatchObject({ class: 'budget' });
    expect(await failureOf(failing(429, said('You exceeded your current quota', 'insufficient_quota')))).toEqual({
      class: 'budget',
      message: '429: You exceeded your current quota',
    });
  });

  test('model executor: 429 is transient, with the delay in each form that services have', async () => {
    const wait = async (headers: Record<string, string>) => {
      const failure = await failureOf(failing(429, said('Slow down'), headers));
      expect(failure).toMatchObject({ class: 'transient', message: '429: Slow down', retry_for_ms: 7_200_000 });
      return typeof failure === 'object' && failure?.class === 'transient' ? failure.retry_after_ms : undefined;
    };
    expect(await wait({ 'retry-after': '7' })).toBe(7_000);
    expect(await wait({ 'retry-after-ms': '1500', 'retry-after': '7' })).toBe(1_500);
    const date = await wait({ 'retry-after': new Date(Date.now() + 60_000).toUTCString() });
    expect(date).toBeGreaterThan(30_000);
    expect(date).toBeLessThanOrEqual(60_000);
    expect(await wait({})).toBeNull();
    expect(boxed.server.calls).toHaveLength(1);
  });

  test('model executor: trouble of the service and a stream that is cut are transient', async () => {
    expect(await failureOf(failing(500, said('Broken')))).toMatchObject({ class: 'transient', message: '500: Broken' });
    expect(await failureOf(failing(529, said('Overloaded')))).toMatchObject({ class: 'transient' });
    const cut = stream((write, _end, drop) => {
      write(delta('{"answer":'));
      setTimeout(drop, 50);
    });
    expect(await failureOf(cut)).toMatchObject({ class: 'transient', message: expect.stringContaining('cut') });
    const ended = stream((write, end) => {
      write(delta(answerText('P00')));
      end();
    });
    expect(await failureOf(ended)).toMatchObject({
      class: 'transient',
      message: expect.stringContaining('ended without a finish reason'),
    });
    const event = stream((write, end) => {
      write(`data: ${JSON.stringify({ error: { message: 'Engine overloaded', code: 503 } })}\n\n`);
      end();
    });
    expect(await failureOf(event)).toMatchObject({
      class: 'transient',
      message: expect.stringContaining('overloaded'),
    });
  });

  test('model executor: a service that is not there is transient; a name of a private address that is not listed is configuration', async () => {
    const gone = createServer();
    await new Promise<void>((ready) => gone.listen(0, '127.0.0.1', ready));
    const { port } = gone.address() as AddressInfo;
    await new Promise((closed) => gone.close(closed));
    boxed.server.script([]);
    const base_url = `http://127.0.0.1:${port}/v1`;
    expect((await boxed.execute({ config: { base_url } })).failure).toMatchObject({ class: 'transient' });
    const inside = await boxed.execute({ config: { base_url: `http://${PRIVATE_NAME}:8080/v1` } });
    expect(inside.failure).toMatchObject({
      class: 'configuration',
      message: expect.stringMatching(/sandbox refused.*network\.hosts/),
    });
  });

  test('model executor: a service that redirects is configuration, and the key does not go to the other host', async () => {
    const seen: unknown[] = [];
    const other = createServer((request, response) => {
      seen.push(request.headers);
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end(delta('x', 'stop'));
    });
    await new Promise<void>((ready) => other.listen(0, '127.0.0.1', ready));
    const host = `127.0.0.1:${(other.address() as AddressInfo).port}`;
    const network = { hosts: [host, new URL(boxed.server.url).host] };
    for (const provider of ['openai-compatible', 'anthropic']) {
      const redirect = failing(307, {}, { location: `http://${host}/v1/chat?key=secret` });
      expect(await failureOf(redirect, { provider, network })).toEqual({
        class: 'configuration',
        message: expect.stringMatching(
          new RegExp(`redirects to http://${host}/v1/chat, which is not followed.*base_url`),
        ),
      });
    }
    expect(seen).toEqual([]);
    other.close();
  });

  test('model executor: an answer that is cut at its limit, or withheld, is a bad answer', async () => {
    const ends = (reason: string) =>
      stream((write, end) => {
        write(delta('{"answer":', reason));
        write('data: [DONE]\n\n');
        end();
      });
    expect(await failureOf(ends('length'), { parameters: { max_output_tokens: 5 } })).toContain('max_output_tokens');
    expect(await failureOf(ends('content_filter'))).toContain('withheld');
  });

  test('model executor: usage of the calls before a failure is recorded', async () => {
    boxed.server.script([{ kind: 'tool', name: 'list_files', input: {} }, failing(500, said('Broken'))]);
    const outcome = await boxed.execute({ gate: 'P06' });
    expect(outcome).toMatchObject({ failure: { class: 'transient' }, used: { usage: { input_tokens: 1_234 } } });
    expect(linesOf(outcome).at(-1)).toMatchObject({ type: 'failed' });
  });
});
