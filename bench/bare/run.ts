import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { SERVER_SETTINGS } from '../../src/embedded/settings.js';
import { type HistoryMeasure, measureHistory, median } from '../measure.js';
import { createBareWorker, driveBareRun } from './drive-bare-run.js';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    plain: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

/** What makes the embedded server quick; the rest of its settings is not about speed. */
const tuned = SERVER_SETTINGS.map((setting) => setting.arguments)
  .filter(([name]) => name === '--sqlite-pragma' || name === '--dynamic-config-value')
  .flat();

Runtime.install({ logger: new DefaultLogger('WARN') });
const folder = await mkdtemp(join(tmpdir(), 'promptos-bench-'));
const cli = process.env.TEMPORAL_CLI_PATH;
const environment = await TestWorkflowEnvironment.createLocal({
  server: {
    ...(cli === undefined ? {} : { executable: { type: 'existing-path', path: cli } }),
    dbFilename: join(folder, 'temporal.db'),
    extraArgs: values.plain ? [] : tuned,
  },
});
try {
  const worker = await createBareWorker(environment.nativeConnection);
  const measures = await worker.runUntil(async () => {
    // The first run pays for what every later one finds warm.
    await driveBareRun(environment.client, 'warm-up');
    const all: HistoryMeasure[] = [];
    for (let run = 1; run <= Number(values.runs); run += 1) {
      all.push(await measureHistory(environment.client, await driveBareRun(environment.client, `run-${run}`)));
    }
    return all;
  });
  report(measures);
} finally {
  await environment.teardown();
  await rm(folder, { recursive: true, force: true });
}

function report(measures: readonly HistoryMeasure[]): void {
  const figures = {
    server: values.plain ? 'start-dev' : 'as the embedded one',
    runs: measures.length,
    events: median(measures.map(({ events }) => events)),
    bytes: median(measures.map(({ bytes }) => bytes)),
    actions: median(measures.map(({ actions }) => actions)),
    signal_to_activity_ms: median(measures.flatMap((measure) => measure.answer_to_activity_ms)),
    duration_ms: median(measures.flatMap(({ duration_ms }) => duration_ms ?? [])),
  };
  if (values.json) console.log(JSON.stringify(figures));
  else for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(22)} ${value}`);
}
