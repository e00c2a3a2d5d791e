import { type ClientContext, client, methods, PROTOCOL_VERSION, RequestError } from '@agentclientprotocol/sdk';
import type { AcpClientSettings } from '../../contracts/config/acp-executor.js';
import { messageOf } from '../../contracts/errors.js';
import { isRecord } from '../../contracts/json.js';
import { type AgentProcess, describeAgentEnd } from './agent-process.js';
import { classOfWords, failureOfError, SessionFailed, type SessionFailure } from './failure.js';
import { offerOf, serveFiles, serveTerminals } from './offer.js';
import type { OwnFolders } from './own-folders.js';
import { answerPermission } from './permissions.js';
import type { Transcript } from './transcript.js';
import type { SessionUpdates } from './updates.js';

interface SessionOptions {
  readonly settings: AcpClientSettings;
  readonly process: AgentProcess;
  /** The checkout: the root of the session. */
  readonly cwd: string;
  readonly folders: OwnFolders;
  readonly transcript: Transcript;
  readonly updates: SessionUpdates;
}

/** What is known of a session, as far as it got. */
export interface SessionFacts {
  agent: { readonly name: string | null; readonly version: string | null } | null;
  /** Ids of the ways of authentication that the agent offers. */
  auth: readonly string[];
  session_id: string | null;
  mode: string | null;
  model: string | null;
  stop_reason: string | null;
  usage: unknown;
  readonly permissions: { allowed: number; refused: number };
}

interface Session {
  readonly facts: Readonly<SessionFacts>;
  /** @returns why there is no answer; null when the turn has ended, for whatever reason */
  ask(prompt: string): Promise<SessionFailure | null>;
  /** Asks the agent to end its turn. */
  cancel(): Promise<void>;
  /** Ends the commands of the session. */
  close(): void;
}

/** How long an agent may take to end after it has closed its output. */
const END_MS = 2_000;

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
const record = (value: unknown): Readonly<Record<string, unknown>> => (isRecord(value) ? value : {});

/** One session with one turn, in a process that was started for it. */
export function openSession(options: SessionOptions): Session {
  const { settings, process, cwd, folders, transcript, updates } = options;
  const { permissions } = settings;
  const facts: SessionFacts = {
    ...{ agent: null, auth: [], session_id: null, mode: null, model: null, stop_reason: null, usage: null },
    permissions: { allowed: 0, refused: 0 },
  };
  const app = client({ name: 'promptos' });
  serveFiles(app, { permissions, folders, transcript });
  const close = serveTerminals(app, { permissions, folders, cwd, transcript });
  app.onRequest(methods.client.session.requestPermission, record, ({ params }) => {
    const call = updates.toolCall(params.toolCall);
    const { decision, option } = answerPermission(permissions, call.kind, params.options);
    facts.permissions[decision] += 1;
    transcript.event({ type: 'permission', tool_call: call, decision, option, options: params.options });
    return { outcome: option === null ? { outcome: 'cancelled' } : { outcome: 'selected', optionId: option } };
  });
  const { agent } = app.connect(process.stream);
  const died = process.ended.then((end) => {
    throw new SessionFailed(whyDead(process, describeAgentEnd(end)));
  });
  died.catch(() => undefined);
  return {
    facts,
    close,
    ask: async (prompt) => {
      try {
        await Promise.race([takeTurn(agent, prompt, facts, options), died]);
        return null;
      } catch (error) {
        if (error instanceof SessionFailed) return error.failure;
        if (error instanceof RequestError) return withAuth(failureOfError(error), facts);
        // The connection is closed: the agent is about to end, or has sent what cannot be read.
        const late = new Promise<null>((resolve) => setTimeout(resolve, END_MS, null));
        const end = await Promise.race([process.ended, late]);
        const why =
          end === null ? `The connection to the agent was closed: ${messageOf(error)}` : describeAgentEnd(end);
        return new SessionFailed(whyDead(process, why)).failure;
      }
    },
    cancel: async () => {
      if (facts.session_id !== null) await agent.notify(methods.agent.session.cancel, { sessionId: facts.session_id });
    },
  };
}

/** From the first word to the end of the turn. What an agent sends is read as it comes, since nothing checks it. */
async function takeTurn(
  agent: ClientContext,
  prompt: string,
  facts: SessionFacts,
  { settings, cwd, transcript }: SessionOptions,
): Promise<void> {
  const greeting = await greet(agent, settings);
  facts.agent = greeting.agent;
  facts.auth = greeting.auth;
  transcript.event({ type: 'agent', initialized: greeting.received });
  const { auth: methodId } = settings;
  if (methodId !== undefined) await agent.request<unknown>('authenticate', { methodId });
  const opened = record(await agent.request<unknown>('session/new', { cwd, mcpServers: [] }));
  const sessionId = text(opened.sessionId);
  if (sessionId === null) throw new SessionFailed({ class: 'configuration', message: 'The agent gave no session id.' });
  facts.session_id = sessionId;
  transcript.event({ type: 'session', opened });
  facts.mode = await makeChoice(agent, opened, 'mode', settings.mode);
  facts.model = await makeChoice(agent, opened, 'model', settings.model);
  const turn = { sessionId, prompt: [{ type: 'text', text: prompt }] };
  const { stopReason, usage, _meta } = record(await agent.request<unknown>('session/prompt', turn));
  facts.stop_reason = text(stopReason);
  // Gemini CLI has its figures in a place of its own.
  facts.usage = usage ?? record(record(_meta).quota).token_count ?? null;
}

/** An agent that ends before it is asked has a reason that it prints, such as a missing key. */
function whyDead(process: AgentProcess, why: string) {
  const said = process.lastErrors().trim().slice(-MAX_SAID);
  const message = said === '' ? why : `${why} Its standard error ends with: ${said}`;
  return { class: classOfWords(said) ?? 'bad_answer', message } as const;
}
const MAX_SAID = 1_000;

/** Names the ways of authentication where the agent asks for one. */
function withAuth(failure: SessionFailure, { auth }: SessionFacts): SessionFailure {
  if (failure.class !== 'authentication' || failure.code !== AUTH_REQUIRED || auth.length === 0) return failure;
  return {
    ...failure,
    message: `${failure.message} (ways of authentication that the agent offers: ${auth.join(', ')})`,
  };
}
const AUTH_REQUIRED = -32_000;

/** What the agent says of itself. */
interface Greeting {
  readonly agent: { readonly name: string | null; readonly version: string | null };
  /** Ids of the ways of authentication that it offers. */
  readonly auth: readonly string[];
  /** As it was received. */
  readonly received: unknown;
}

const textOrNull = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

/** Agrees on the protocol, and offers what the permission rule allows. */
async function greet(
  agent: ClientContext,
  { permissions, client_files, start_timeout_ms }: AcpClientSettings,
): Promise<Greeting> {
  const answer = agent.request<unknown>('initialize', {
    protocolVersion: PROTOCOL_VERSION,
    clientInfo: { name: 'promptos', version: '1' },
    clientCapabilities: offerOf({ permissions, client_files }),
  });
  const received = await within(answer, start_timeout_ms);
  const { protocolVersion, agentInfo, authMethods } = isRecord(received) ? received : {};
  if (protocolVersion !== PROTOCOL_VERSION) {
    throw new SessionFailed({
      class: 'configuration',
      message: `The agent speaks version ${JSON.stringify(protocolVersion ?? null)} of the Agent Client Protocol; expected ${PROTOCOL_VERSION}.`,
    });
  }
  const { name, title, version } = isRecord(agentInfo) ? agentInfo : {};
  return {
    agent: { name: textOrNull(title) ?? textOrNull(name), version: textOrNull(version) },
    auth: (Array.isArray(authMethods) ? authMethods : []).flatMap((method) =>
      isRecord(method) && typeof method.id === 'string' ? [method.id] : [],
    ),
    received,
  };
}

async function within<T>(answer: Promise<T>, milliseconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const message = `The agent did not answer "initialize" within ${milliseconds / 1_000} s. Check that its command line starts the Agent Client Protocol.`;
      reject(new SessionFailed({ class: 'configuration', message }));
    }, milliseconds);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A choice of the session that the worker config may make. */
type Choice = 'mode' | 'model';

/** What a session offers for one choice, and how it is made. */
interface Offer {
  readonly ids: readonly string[];
  readonly current: string | null;
  choose(id: string): Promise<unknown>;
}

const stringOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);

const idsOf = (list: unknown, name: string): readonly string[] =>
  Array.isArray(list) ? list.filter(isRecord).flatMap((item) => stringOrNull(item[name]) ?? []) : [];

/** Options may come in groups. */
const valuesOf = (options: unknown): readonly string[] =>
  Array.isArray(options)
    ? options.filter(isRecord).flatMap((item) => ('options' in item ? valuesOf(item.options) : idsOf([item], 'value')))
    : [];

/** The list of a choice in `session/new`, before there were configuration options. */
const LISTS = {
  mode: {
    list: 'modes',
    available: 'availableModes',
    id: 'id',
    current: 'currentModeId',
    method: methods.agent.session.setMode,
  },
  // Not in this version of the protocol any more; agents of today still have it.
  model: {
    list: 'models',
    available: 'availableModels',
    id: 'modelId',
    current: 'currentModelId',
    method: 'session/set_model',
  },
} as const;

function offersOf(agent: ClientContext, session: Readonly<Record<string, unknown>>, choice: Choice): readonly Offer[] {
  const { sessionId } = session;
  const options = (Array.isArray(session.configOptions) ? session.configOptions : []).filter(isRecord);
  const ofOptions = options
    .filter(({ category, id, type }) => type === 'select' && (category === choice || id === choice))
    .map((option) => ({
      ids: valuesOf(option.options),
      current: stringOrNull(option.currentValue),
      choose: (value: string) =>
        agent.request<unknown>(methods.agent.session.setConfigOption as string, {
          sessionId,
          configId: option.id,
          value,
        }),
    }));
  const { list, available, id, current, method } = LISTS[choice];
  const listed = session[list];
  if (!isRecord(listed)) return ofOptions;
  return [
    ...ofOptions,
    {
      ids: idsOf(listed[available], id),
      current: stringOrNull(listed[current]),
      choose: (value) =>
        agent.request<unknown>(method as string, { sessionId, [choice === 'mode' ? 'modeId' : 'modelId']: value }),
    },
  ];
}

/**
 * Makes a choice that the worker config asks for. @returns what holds then; null when the agent offers no such choice and
 * none is asked for
 * @param session the answer to `session/new`
 */
async function makeChoice(
  agent: ClientContext,
  session: Readonly<Record<string, unknown>>,
  choice: Choice,
  wanted: string | undefined,
): Promise<string | null> {
  const offers = offersOf(agent, session, choice);
  if (wanted === undefined) return offers[0]?.current ?? null;
  const offer = offers.find(({ ids }) => ids.includes(wanted));
  if (offer === undefined) {
    const ids = [...new Set(offers.flatMap((one) => one.ids))];
    const known = ids.length === 0 ? `it offers no choice of a ${choice}` : `it offers ${ids.slice(0, 30).join(', ')}`;
    throw new SessionFailed({
      class: 'configuration',
      message: `The agent does not offer the ${choice} "${wanted}": ${known}.`,
    });
  }
  if (offer.current !== wanted) await offer.choose(wanted);
  return wanted;
}
