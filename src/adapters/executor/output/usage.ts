import type { ExecutorUsage, UsageLocation } from '../../../contracts/config/executor-output.js';
import type { ReportedUse } from '../../../ports/gate-executor.js';
import type { PrintedJson } from './printed-json.js';
import { shownName } from './shown-name.js';

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
