import { isRecord } from '../../../contracts/json.js';
import { type AgentWork, type ToolCalls, type ToolList, WORK_LIMITS } from '../../../contracts/run/agent-work.js';
import type { PrintedJson } from './printed-json.js';
import { shownName } from './shown-name.js';
import type { CallLocation, WorkLocation } from './work-location.js';

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
