import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import {
  type AgentContext,
  agent,
  methods,
  ndJsonStream,
  PROTOCOL_VERSION,
  RequestError,
} from '@agentclientprotocol/sdk';
import type { AgentScript, Step } from './script.js';

/*
 * An agent of the Agent Client Protocol that does what its script says. Its script is in the variable STAND_IN_SCRIPT. The
 * tests make one file of it, so that it runs in the box.
 */

const script: AgentScript = JSON.parse(process.env.STAND_IN_SCRIPT ?? '');
const turns = [...script.turns];
const cancelled = new AbortController();
let checkout = '';
let isAuthenticated = script.requiresAuth === undefined;

const print = (text: string) => new Promise<void>((resolve) => process.stdout.write(text, () => resolve()));
if (script.banner !== undefined) await print(script.banner);
if (script.exitAtStart !== undefined) {
  process.stderr.write(script.exitAtStart.complaint);
  process.exit(script.exitAtStart.code);
}
if (script.deaf === true) setInterval(() => undefined, 60_000);
else serve();

interface Turn {
  readonly client: AgentContext;
  readonly sessionId: string;
  readonly prompt: string;
}

function serve(): void {
  const app = agent({ name: 'stand-in' });
  app.onRequest(methods.agent.initialize, ({ params }) => {
    process.stderr.write(`offered ${JSON.stringify(params.clientCapabilities)}\n`);
    return {
      protocolVersion: script.protocolVersion ?? PROTOCOL_VERSION,
      agentInfo: { name: 'stand-in', title: 'Stand-in', version: '1.2.3' },
      authMethods: [...(script.authMethods ?? [])],
    };
  });
  app.onRequest(methods.agent.authenticate, ({ params }) => {
    isAuthenticated = params.methodId === script.requiresAuth;
    return {};
  });
  app.onRequest(methods.agent.session.new, ({ params }) => {
    if (!isAuthenticated) throw RequestError.authRequired();
    checkout = params.cwd;
    return { sessionId: randomUUID(), ...script.session };
  });
  app.onRequest(methods.agent.session.setMode, ({ params }) => {
    process.stderr.write(`mode ${params.modeId}\n`);
    return {};
  });
  app.onRequest(methods.agent.session.setConfigOption, ({ params }) => {
    process.stderr.write(`option ${params.configId} ${JSON.stringify(params.value)}\n`);
    return { configOptions: [] };
  });
  app.onRequest(
    'session/set_model',
    (params) => params,
    ({ params }) => {
      process.stderr.write(`model ${JSON.stringify(params)}\n`);
      return {};
    },
  );
  app.onNotification(methods.agent.session.cancel, () => cancelled.abort());
  app.onRequest(methods.agent.session.prompt, async ({ params, client }) => {
    const next = turns.shift();
    if (next === undefined) throw new Error('the script has no further turn');
    const prompt = params.prompt.map((block) => (block.type === 'text' ? block.text : '')).join('');
    for (const step of next.steps) await take(step, { client, sessionId: params.sessionId, prompt });
    return { stopReason: cancelled.signal.aborted ? 'cancelled' : 'end_turn', ...next.answer };
  });
  app.connect(
    ndJsonStream(Writable.toWeb(process.stdout), Readable.toWeb(process.stdin) as ReadableStream<Uint8Array>),
  );
}

const fill = (text: string, { prompt }: Turn): string =>
  text.replaceAll('{prompt}', prompt).replaceAll('{checkout}', checkout);
const fillAll = <T>(value: T, turn: Turn): T => JSON.parse(fill(JSON.stringify(value), { ...turn, prompt: '' }));

async function take(step: Step, turn: Turn): Promise<void> {
  const { client, sessionId } = turn;
  const update = (sent: Readonly<Record<string, unknown>>) =>
    client.notify<unknown>('session/update', { sessionId, update: sent });
  const say = (text: string, more = {}) =>
    update({ sessionUpdate: 'agent_message_chunk', content: { type: 'text', text }, ...more });
  switch (step.do) {
    case 'say':
      return say(fill(step.text, turn), step.messageId === undefined ? {} : { messageId: step.messageId });
    case 'think':
      return update({ sessionUpdate: 'agent_thought_chunk', content: { type: 'text', text: step.text } });
    case 'update':
      return update(step.update);
    case 'ask': {
      const asked = { sessionId, toolCall: step.tool, options: step.options };
      const { outcome } = await client.request<{ outcome: { outcome: string; optionId?: string } }>(
        'session/request_permission',
        asked,
      );
      await say(`heard permission: ${JSON.stringify(outcome)}\n`);
      if (!step.options.some(({ optionId, kind }) => optionId === outcome.optionId && kind.startsWith('allow'))) return;
      for (const next of step.granted ?? []) await take(next, turn);
      return;
    }
    case 'edit':
      return writeFileSync(join(checkout, step.path), step.text);
    case 'call':
      return say(
        `heard ${step.method}: ${await call(client, step.method, { sessionId, ...fillAll(step.params, turn) })}\n`,
      );
    case 'run': {
      const { terminalId } = await client.request<{ terminalId: string }>('terminal/create', {
        sessionId,
        ...fillAll(step.params, turn),
      });
      const terminal = { sessionId, terminalId };
      await call(client, 'terminal/wait_for_exit', terminal);
      await say(`heard terminal: ${await call(client, 'terminal/output', terminal)}\n`);
      await call(client, 'terminal/release', terminal);
      return;
    }
    case 'fail':
      throw new RequestError(step.code, step.message, step.data);
    case 'exit':
      process.stderr.write(step.complaint ?? '');
      process.exit(step.code);
      return;
    case 'flood':
      for (let sent = 0; sent < step.bytes; sent += 65_536) await say('x'.repeat(65_536));
      return;
    case 'print':
      return print(step.text);
    case 'hang': {
      const { noteCancel } = step;
      // A box that ends asks its programs to end too; this one goes on, to hear the cancellation.
      if (noteCancel !== undefined) process.on('SIGTERM', () => undefined);
      await new Promise<void>((resolve) => {
        const beat = setInterval(() => undefined, 60_000);
        cancelled.signal.addEventListener('abort', () => {
          clearInterval(beat);
          if (noteCancel !== undefined) writeFileSync(join(checkout, noteCancel), 'cancelled');
          resolve();
        });
      });
      return;
    }
  }
}

/** What a call of the client gives, as JSON, an error too. */
async function call(client: AgentContext, method: string, params: Readonly<Record<string, unknown>>): Promise<string> {
  try {
    return JSON.stringify(await client.request<unknown>(method, params));
  } catch (error) {
    return JSON.stringify({ error: error instanceof Error ? error.message : String(error) });
  }
}
