import { mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { installStandIn } from './acp/agent-box.js';
import type { AgentScript, Step } from './acp/script.js';
import { startModelServer } from './model-server.js';

/** The next thing that an executor does when it is asked. */
export type Act =
  | { readonly do: 'answer'; readonly text: string }
  /** Shows `WORKING` at once, and never ends. */
  | { readonly do: 'hang' }
  /** Prints without end. */
  | { readonly do: 'flood' }
  /** Has its provider say 429. */
  | { readonly do: 'overload' };

/** What an executor shows before it hangs. */
export const WORKING = 'working-on-it';

/** What an executor has its provider say with 429. */
export const OVERLOADED = 'Too many requests';

/** One kind of executor, and how it is made to act. */
export interface ExecutorHarness {
  /** The variables that the worker needs for it. */
  readonly env: Readonly<Record<string, string>>;
  /** The milliseconds that its provider asks to wait at an overload; null where the kind has no word for it. */
  readonly retryAfterMs: number | null;
  /** The entry of the worker config by which the next call acts so. */
  acts(act: Act): Readonly<Record<string, unknown>>;
  close(): Promise<void>;
}

const AGENT = resolve('test/fixtures/executors/acting-agent.mjs');
const { PATH = '' } = process.env;
const inFrontOf = (folder: string): string => `${folder}:${PATH}`;
const setAct = (print: string, next = 'end', code = 0) => ({
  env: { set: { ACT: JSON.stringify({ print, next, code }) } },
});

/** Folder of the test's own with programs. */
async function makeFolder(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'promptos-harness-')));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

async function commandHarness(): Promise<ExecutorHarness> {
  const config = {
    kind: 'command',
    argv: [process.execPath, AGENT],
    failures: [{ class: 'transient', matches: OVERLOADED, retry_after: { matches: 'after ([0-9]+)' } }],
  };
  const acts: ExecutorHarness['acts'] = (act) => {
    switch (act.do) {
      case 'answer':
        return { ...config, ...setAct(act.text) };
      case 'overload':
        return { ...config, ...setAct(`${OVERLOADED}; ask after 7`, 'end', 1) };
      default:
        return { ...config, ...setAct(WORKING, act.do) };
    }
  };
  return { env: { PATH }, retryAfterMs: 7_000, acts, close: async () => undefined };
}

async function presetHarness(): Promise<ExecutorHarness> {
  const { path, remove } = await makeFolder();
  await symlink(AGENT, join(path, 'claude'));
  const result = (fields: object) => JSON.stringify({ type: 'result', ...fields });
  const acts: ExecutorHarness['acts'] = (act) => {
    const config = { kind: 'preset', agent: 'claude', network: 'none' };
    switch (act.do) {
      case 'answer':
        return { ...config, ...setAct(result({ result: act.text })) };
      case 'overload':
        return { ...config, ...setAct(result({ result: OVERLOADED, api_error_status: 429 }), 'end', 1) };
      default:
        return { ...config, ...setAct(WORKING, act.do) };
    }
  };
  return { env: { PATH: inFrontOf(path), ANTHROPIC_API_KEY: 'none' }, retryAfterMs: null, acts, close: remove };
}

async function acpHarness(): Promise<ExecutorHarness> {
  const { path, remove } = await makeFolder();
  const bin = await installStandIn(path);
  const steps = (act: Act): readonly Step[] => {
    switch (act.do) {
      case 'answer':
        return [{ do: 'say', text: act.text }];
      case 'hang':
        return [
          { do: 'update', update: { sessionUpdate: 'tool_call', toolCallId: 't', title: WORKING } },
          { do: 'hang' },
        ];
      case 'flood':
        return [{ do: 'flood', bytes: 1e12 }];
      case 'overload': {
        const data = { errorKind: 'rate_limit', retryAfter: 7 };
        return [{ do: 'fail', code: -32_603, message: OVERLOADED, data }];
      }
    }
  };
  const acts: ExecutorHarness['acts'] = (act) => {
    const script: AgentScript = { turns: [{ steps: steps(act) }] };
    return { kind: 'acp', argv: ['stand-in'], env: { set: { STAND_IN_SCRIPT: JSON.stringify(script) } } };
  };
  return { env: { PATH: inFrontOf(bin) }, retryAfterMs: 7_000, acts, close: remove };
}

async function modelHarness(): Promise<ExecutorHarness> {
  const server = await startModelServer();
  const chunk = (content: string) => {
    const choices = [{ index: 0, delta: { content }, finish_reason: null }];
    return `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices })}\n\n`;
  };
  const acts: ExecutorHarness['acts'] = (act) => {
    // A model is asked for an unusable answer once more by the executor itself.
    const turn = act.do === 'answer' ? ({ kind: 'text', text: act.text } as const) : custom(act.do);
    server.script([turn], { repeats: true });
    return { kind: 'model', base_url: `${server.url}/v1`, model: 'scripted', edits: 'files' };
  };
  const custom = (what: Exclude<Act['do'], 'answer'>) => ({
    kind: 'custom' as const,
    send: (response: ServerResponse) => {
      if (what === 'overload') {
        const headers = { 'content-type': 'application/json', 'retry-after': '7' };
        response.writeHead(429, headers).end(JSON.stringify({ error: { message: OVERLOADED } }));
        return;
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(chunk(`${WORKING} ${' '.repeat(4_096)}`));
      const more = (): void => {
        if (response.destroyed) return;
        if (response.write(chunk('x'.repeat(1_000_000)))) setImmediate(more);
        else response.once('drain', more);
      };
      if (what === 'flood') more();
    },
  });
  return { env: { PATH }, retryAfterMs: 7_000, acts, close: () => server.close() };
}

/** Every kind of executor that a worker starts. */
export const EXECUTOR_HARNESSES = {
  command: commandHarness,
  preset: presetHarness,
  acp: acpHarness,
  model: modelHarness,
} as const satisfies Record<string, () => Promise<ExecutorHarness>>;
