import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const text = (path: string): string => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');
const page = text('docs/decisions.md').replaceAll(/\s+/g, ' ');

/** What the page says, and the constant that it says it of, each as a pattern whose group is the figure. */
const FIGURES: readonly (readonly [said: RegExp, file: string, constant: RegExp])[] = [
  [/the (\d+) worst, \d+ characters each/, 'src/activities/attempt/judge-attempt.ts', /FINDINGS_RETURNED = ([\d_]+)/],
  [/worst, (\d+) characters each/, 'src/activities/attempt/judge-attempt.ts', /TEXT_RETURNED = ([\d_]+)/],
  [/after (\d) seconds without an answer, the signal/, 'src/client/client.ts', /ANSWER_TIMEOUT_MS = (\d)_000/],
  [/in the ledger, (\d+) in full/, 'src/domain/run/refusals.ts', /MAX_REFUSALS_IN_FULL = ([\d_]+)/],
  [/and (\d+) of signed messages/, 'src/domain/run/refusals.ts', /MAX_SIGNED_REFUSALS_IN_FULL = ([\d_]+)/],
  [/At most (\d+) escalations are open at once/, 'src/domain/run/escalations.ts', /MAX_OPEN_ESCALATIONS = ([\d_]+)/],
  [/at once and (\d+) in a run/, 'src/domain/run/escalations.ts', /MAX_ESCALATIONS = ([\d_]+)/],
  [/Heartbeats every (\d+) seconds/, 'src/activities/index.ts', /HEARTBEAT_INTERVAL_MS = (\d+)_000/],
  [/every 2 seconds, noticed after (\d+)/, 'src/workflows/governed-run.ts', /HEARTBEAT_TIMEOUT = '(\d+) seconds'/],
  [/sets the throttle to (\d+)/, 'src/plugin/plugin.ts', /HEARTBEAT_THROTTLE = '(\d+) seconds'/],
  [/waits (\d+) seconds for a worker that had it cached/, 'src/plugin/plugin.ts', /STICKY_TIMEOUT = '(\d+) seconds'/],
  [/at ([\d,]+) events or \d+ MiB/, 'src/workflows/governed-run.ts', /MAX_EVENTS_WHILE_RUNNING = ([\d_]+)/],
  [/events or (\d+) MiB/, 'src/workflows/governed-run.ts', /MAX_BYTES_WHILE_RUNNING = (\d+) \* 1024 \* 1024/],
  [
    /and ([\d,]+) polls a second of the transfer queue/,
    'src/embedded/temporal-cli.ts',
    /transferProcessorMaxPollRPS=(\d+)/,
  ],
  [/Ended runs are kept for (\d+) days/, 'src/embedded/temporal-cli.ts', /RETENTION_SECONDS = (\d+) \* 24 \* 3_600/],
  [/keeps at most (\d+) templates/, 'src/adapters/workspace/templates/templates.ts', /TEMPLATES = \{ idle: (\d+)/],
  [
    /templates and (\d+) patches that no gate uses/,
    'src/adapters/workspace/templates/templates.ts',
    /OVERLAYS = \{ idle: (\d+)/,
  ],
  [/Streams of more than (\d+) MiB/, 'src/adapters/store/s3/uploads.ts', /PART_BYTES = (\d+) \* 1_048_576/],
];

const figure = (pattern: RegExp, where: string): number =>
  Number((pattern.exec(where)?.[1] ?? 'missing').replaceAll(/[,_]/g, ''));

test.each(FIGURES)('docs/decisions.md: %s is the constant of %s', (said, file, constant) => {
  const inPage = figure(said, page);
  expect(inPage).toBeGreaterThan(0);
  expect(inPage).toBe(figure(constant, text(file)));
});
