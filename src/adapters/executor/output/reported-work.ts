import type { ExecutorUsage, UsageLocation } from '../../../contracts/config/executor-output.js';
import { isRecord } from '../../../contracts/json.js';
import { type AgentWork, type ToolCalls, type ToolList, WORK_LIMITS } from '../../../contracts/run/agent-work.js';
import type { ReportedUse } from '../../../ports/gate-executor.js';
import type { PrintedJson } from './printed-json.js';
import { shownName } from './program-words.js';

/** Where a call of a tool is reported. */
type CallLocation =
  | {
      readonly kind: 'events';
      /** Pointer to the event within a message; a part `*` matches every member. */
      readonly at: string;
      /** Member of the event, and the values that make it a call. */
      readonly type: { readonly member: string; readonly is: readonly string[] };
      /** Pointer within the event to the name of the tool. */
      readonly name: string;
      /** Pointer within the event to the id of the call, where one call may be reported more than once. */
      readonly id?: string;
    }
  /** Pointer to an object that has, for each tool, how often it was called. */
  | { readonly kind: 'counts'; readonly at: string; readonly count: string };

/** Where a program reports the tools of its agent. RFC 6901 pointers into the JSON that was printed. */
export interface WorkLocation {
  /** The list of names. */
  readonly tools?: { readonly at: string; readonly listed_by: ToolList['listed_by'] };
  /** The list of servers, each with its `name`. */
  readonly mcp_servers?: string;
  readonly calls?: CallLocation;
  /** What the agent says that it runs with, by the name that the record has. */
  readonly settings?: Readonly<Record<string, string>>;
}

const nameOf = (text: string): string => shownName(text, WORK_LIMITS.name);

const isText = (value: unknown): value is string => typeof value === 'string' && value.trim() !== '';
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) > 0;

/** The tools that an agent had and called, as the program says. What it does not say is null: it is not known. */
export function readWork(
  { tools, mcp_servers, calls, settings = {} }: WorkLocation,
  json: PrintedJson,
): Required<Pick<AgentWork, 'tools' | 'tool_calls'>> & { readonly settings: Readonly<Record<string, string>> } {
  const said = Object.entries(settings).flatMap(([name, pointer]) => {
    const found = json.at(pointer);
    return found.found && isText(found.value) ? [[name, nameOf(found.value)] as const] : [];
  });
  return {
    tools: tools === undefined ? null : listOf(tools, mcp_servers, json),
    tool_calls: calls === undefined ? null : callsOf(calls, json),
    settings: Object.fromEntries(said),
  };
}

function listOf(
  { at, listed_by }: NonNullable<WorkLocation['tools']>,
  servers: string | undefined,
  json: PrintedJson,
): ToolList | null {
  const found = json.at(at);
  if (!found.found || !Array.isArray(found.value)) return null;
  const names = namesIn(found.value);
  const more = names.length - WORK_LIMITS.names;
  const listed = servers === undefined ? null : json.at(servers);
  return {
    listed_by,
    names: names.slice(0, WORK_LIMITS.names),
    ...(more > 0 ? { more } : {}),
    ...(listed?.found === true && Array.isArray(listed.value)
      ? { mcp_servers: namesIn(listed.value).slice(0, WORK_LIMITS.names) }
      : {}),
  };
}

/** Names may be texts, or members of objects that say more. */
const namesIn = (list: readonly unknown[]): readonly string[] => [
  ...new Set(
    list.flatMap((item) => {
      const name = isRecord(item) ? item.name : item;
      return isText(name) ? [nameOf(name)] : [];
    }),
  ),
];

/** Null where the program printed no JSON, such as one that died before its first call: then nothing is known. */
function callsOf(location: CallLocation, json: PrintedJson): ToolCalls | null {
  if (!json.isAny) return null;
  const counts = new Map<string, number>();
  const add = (name: string, calls: number) => counts.set(name, (counts.get(name) ?? 0) + calls);
  if (location.kind === 'counts') {
    const found = json.at(location.at);
    if (!found.found || !isRecord(found.value)) return null;
    for (const [name, value] of Object.entries(found.value)) {
      const count = isRecord(value) ? value[location.count] : value;
      if (isText(name) && isCount(count)) add(nameOf(name), count);
    }
  } else {
    for (const name of namesOfCalls(location, json)) add(name, 1);
  }
  const sorted = [...counts].sort(([a, some], [b, others]) => others - some || (a < b ? -1 : 1));
  const total = sorted.reduce((sum, [, calls]) => sum + calls, 0);
  // Figures that no program counted are worth no more than none, and a record could not have them.
  if (!Number.isSafeInteger(total)) return null;
  return { total, by_tool: sorted.slice(0, WORK_LIMITS.names).map(([tool, calls]) => ({ tool, calls })) };
}

function* namesOfCalls(
  { at, type, name, id }: Extract<CallLocation, { readonly kind: 'events' }>,
  json: PrintedJson,
): Generator<string> {
  const seen = new Set<unknown>();
  for (const event of json.each(at).flat()) {
    if (!isRecord(event) || !type.is.some((kind) => event[type.member] === kind)) continue;
    const called = memberAt(event, name);
    if (!isText(called)) continue;
    const call = id === undefined ? undefined : memberAt(event, id);
    if (isText(call)) {
      if (seen.has(call)) continue;
      seen.add(call);
    }
    yield nameOf(called);
  }
}

/** @param pointer such as `/data/toolName`, without escapes */
const memberAt = (value: unknown, pointer: string): unknown =>
  pointer
    .split('/')
    .slice(1)
    .reduce<unknown>((inner, key) => (isRecord(inner) && Object.hasOwn(inner, key) ? inner[key] : undefined), value);

const MAX_ID = 200;
const MAX_REQUEST_IDS = 20;

const isTokens = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isCost = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value < 1e9;

/**
 * What a program says that a call used. Each figure is taken from the first of the texts that has it; what is not a figure
 * counts as absent: it is a claim, and no reason to fail a try.
 */
export function readUse(location: UsageLocation, texts: readonly PrintedJson[]): ReportedUse {
  const figure = (pointer: string | undefined, isFigure: (value: unknown) => value is number): number | undefined => {
    if (pointer === undefined) return undefined;
    for (const text of texts) {
      const messages = text
        .each(pointer)
        .map((values) => values.filter(isFigure))
        .filter((figures) => figures.length > 0);
      const counted = location.take === 'sum' ? messages.flat() : messages.at(-1);
      if (counted === undefined || counted.length === 0) continue;
      const total = counted.reduce((sum, value) => sum + value, 0);
      return isFigure(total) ? total : undefined;
    }
    return undefined;
  };
  const ids = (pointer: string | undefined): readonly string[] =>
    pointer === undefined ? [] : texts.flatMap((text) => text.each(pointer).flat()).flatMap(idOf);

  const usage = defined({
    input_tokens: figure(location.input_tokens, isTokens),
    output_tokens: figure(location.output_tokens, isTokens),
    cached_tokens: figure(location.cached_tokens, isTokens),
    cost_usd: figure(location.cost_usd, isCost),
  }) satisfies ExecutorUsage;
  const apart = location.cached_apart && usage.cached_tokens !== undefined ? ({ cached_apart: true } as const) : {};
  const session = ids(location.session_id).at(-1);
  const requests = [...new Set(ids(location.request_id))].slice(-MAX_REQUEST_IDS);
  return {
    ...(Object.keys(usage).length === 0 ? {} : { usage: { ...usage, ...apart } }),
    ...(session === undefined ? {} : { session_id: session }),
    ...(requests.length === 0 ? {} : { request_ids: requests }),
  };
}

const idOf = (value: unknown): readonly string[] =>
  typeof value !== 'string' || value.trim() === '' ? [] : [shownName(value.trim(), MAX_ID)];

type Defined<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

const defined = <T extends object>(record: T): Defined<T> =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Defined<T>;
