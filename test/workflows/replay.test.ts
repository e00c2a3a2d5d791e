import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { GovernedRunPlugin } from '../../src/plugin/plugin.js';
import { governedBundle, quietRuntime } from '../support/governed-worker.js';
import { HISTORY_NAMES, recordHistories } from '../support/record-histories.js';

const FOLDER = fileURLToPath(new URL('../histories/', import.meta.url));

beforeAll(async () => {
  quietRuntime();
  const { RECORD_HISTORIES: asked } = process.env;
  if (asked === undefined) return;
  await recordHistories(inject('temporalAddress'), FOLDER, asked === '1' ? HISTORY_NAMES : asked.split(','));
});

interface Recorded {
  readonly workflow_id: string;
  readonly history: { readonly events: readonly { readonly eventType?: string }[] };
}

const readText = (name: string) => readFileSync(`${FOLDER}${name}.json`, 'utf8');
const read = (text: string) => JSON.parse(text) as Recorded;

async function replay({ workflow_id, history }: Recorded): Promise<void> {
  const workflowBundle = await governedBundle();
  await Worker.runReplayHistory({ workflowBundle, plugins: [new GovernedRunPlugin()] }, history, workflow_id);
}

/** What another workflow would have left: each of these must be noticed. */
const MUTATIONS: Readonly<Record<string, (text: string) => string>> = {
  'another activity': (text) => text.replace(/"name":"promptos_(?:executeGate|finalise)"/, '"name":"promptos_other"'),
  'activities in another order': (text) =>
    text
      .replaceAll('"name":"promptos_finalise"', '"name":"*"')
      .replace('"name":"promptos_executeGate"', '"name":"promptos_finalise"')
      .replaceAll('"name":"*"', '"name":"promptos_executeGate"'),
  'no timer where one was set': (text) => {
    const recorded = read(text);
    const events = recorded.history.events.map((event) =>
      event.eventType === 'EVENT_TYPE_TIMER_STARTED' ? { ...event, ...MARKER } : event,
    );
    return JSON.stringify({ ...recorded, history: { events } });
  },
};
const MARKER = {
  eventType: 'EVENT_TYPE_MARKER_RECORDED',
  timerStartedEventAttributes: undefined,
  markerRecordedEventAttributes: { markerName: 'core_patch', workflowTaskCompletedEventId: '4' },
};

/** How executions ended that gave no result; one that goes on has no end. */
const END: Readonly<Record<string, string | null>> = {
  cancelled: 'EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED',
  continued: 'EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW',
  open: null,
};
const IS_END = /_EXECUTION_(?:COMPLETED|FAILED|CANCELED|TERMINATED|TIMED_OUT|CONTINUED_AS_NEW)$/;

describe.each(HISTORY_NAMES)('governedRun: the recorded run "%s"', (name) => {
  test('replays', async () => {
    await replay(read(readText(name)));
  });

  test('ends as the run did', () => {
    const types = read(readText(name)).history.events.flatMap(({ eventType }) => eventType ?? []);
    const end = name in END ? END[name] : 'EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED';
    expect(types.find((type) => IS_END.test(type)) ?? null).toBe(end);
  });

  test.each(Object.keys(MUTATIONS))('with %s is refused', async (mutation) => {
    const text = readText(name);
    const mutated = MUTATIONS[mutation]?.(text) ?? text;
    expect(mutated).not.toBe(text);
    await expect(replay(read(mutated))).rejects.toBeInstanceOf(DeterminismViolationError);
  });

  test('holds no path, no machine and no text of a model, and is small', () => {
    const text = readText(name);
    const payloads = [...text.matchAll(/"data":"([^"]*)"/g)].map(([, data]) => Buffer.from(data ?? '', 'base64'));
    const readable = `${text}${Buffer.concat(payloads).toString('utf8')}`;
    expect(readable).toContain('governedRun');
    expect(readable).not.toMatch(/\/(work|tmp|home|root|Users)\//);
    // As a value or in an identity: a short name may well be part of a signature.
    for (const host of [`@${hostname()}"`, `"${hostname()}"`]) expect(readable).not.toContain(host);
    expect(readable).not.toMatch(/A bill splitter|Hand out the rest/);
    expect(text.length).toBeLessThan(100_000);
  });
});
