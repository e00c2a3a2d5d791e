import type { ClientContext } from '@agentclientprotocol/sdk';
import { methods } from '@agentclientprotocol/sdk';
import { isRecord } from '../../contracts/json.js';
import { SessionFailed } from './failure.js';

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
export async function makeChoice(
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
