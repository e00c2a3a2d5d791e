import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { eventually } from '../../support/governed-worker.js';
import { createHostileSite, type HostileSite } from '../../support/hostile-site.js';
import { KEYS, onTerminal } from '../../support/terminal.js';

/*
 * `dev` where a run of the same request is open: it is offered, carried on with, or refused, as processes of the real program.
 */

let site: HostileSite;
beforeAll(async () => {
  site = await createHostileSite({ address: inject('temporalAddress') });
});
afterAll(() => site.close());

const START = (notes: string) => ['dev', '--developer', 'ada', '--notes', notes, '--prompts', 'P01'];
const dev = (notes: string, ...more: readonly string[]) => site.promptos(...START(notes), '--json', ...more);
const resume = (...more: readonly string[]) => site.promptos('dev', '--resume', ...more, '--json');
const code = ({ last }: { readonly last: Record<string, unknown> | undefined }) =>
  (last?.error as { code?: string } | undefined)?.code;
const message = ({ last }: { readonly last: Record<string, unknown> | undefined }) =>
  (last?.error as { message?: string } | undefined)?.message;

/** Starts a run that waits for a person, and waits until the server lists it. */
async function leaveOpen(notes: string, ...more: readonly string[]): Promise<string> {
  const { exitCode, last } = await dev(notes, '--detach', ...more);
  expect(exitCode).toBe(0);
  const runId = String(last?.run_id);
  await eventually(
    async () => ((await site.promptos('run', 'list')).stdout.includes(runId) ? true : null),
    `${runId} listed`,
  );
  return runId;
}

describe('without a terminal', () => {
  test('dev: starts nothing where a run of the same request is open, and says what to type', async () => {
    const runId = await leaveOpen('Round half to even');
    const refused = await dev('Round half to even', '--decide-as', 'grace');
    expect(refused).toMatchObject({ exitCode: 1 });
    expect(code(refused)).toBe('RUN_OPEN');
    expect(message(refused)).toContain(runId);
    expect(refused.last).toMatchObject({
      error: { next: `Carry on: \`promptos dev --resume ${runId}\`. Start another run: add --new.` },
    });
    expect(refused.objects.map(({ event }) => event)).not.toContain('started');

    // What differs from a new run is named.
    await appendFile(join(site.repository, 'README.md'), 'more\n');
    site.git('commit', '-qam', 'more');
    expect(message(await dev('Round half to even'))).toContain('with another base commit');

    // Another request is no reason to ask.
    expect(await dev('Round half up', '--decide-as', 'grace')).toMatchObject({
      exitCode: 0,
      last: { outcome: 'approved' },
    });
    const resumed = await dev('Round half to even', '--resume', '--decide-as', 'grace');
    expect(resumed).toMatchObject({ exitCode: 0, last: { run_id: runId, outcome: 'approved' } });
    expect(resumed.objects).toContainEqual(expect.objectContaining({ event: 'resumed', run_id: runId }));
    expect(code(await dev('Round half to even', '--resume'))).toBe('RUN_NOT_FOUND');
  });

  test('dev --resume: takes the only open run, a named one, or lists them and exits 2', async () => {
    const none = await resume();
    expect({ exitCode: none.exitCode, code: code(none) }).toEqual({ exitCode: 1, code: 'RUN_NOT_FOUND' });
    const first = await leaveOpen('First');
    const second = await leaveOpen('First', '--new');
    const third = await leaveOpen('Third');
    const several = await resume();
    expect({ exitCode: several.exitCode, code: code(several) }).toEqual({ exitCode: 2, code: 'RUN_AMBIGUOUS' });
    for (const run of [first, second, third]) expect(message(several)).toContain(run);
    const narrowed = await dev('First', '--resume');
    expect(code(narrowed)).toBe('RUN_AMBIGUOUS');
    expect(message(narrowed)).not.toContain(third);
    expect(code(await dev('First', '--resume', third))).toBe('USAGE');
    expect(code(await resume('no-such-run'))).toBe('RUN_NOT_FOUND');
    for (const run of [first, second]) {
      expect(await resume(run, '--decide-as', 'grace')).toMatchObject({ exitCode: 0, last: { run_id: run } });
    }
    expect(code(await resume(first))).toBe('RUN_CLOSED');
    const left = await site.promptos('dev', '--resume', '--detach', '--json');
    expect(left).toMatchObject({ exitCode: 0, last: { event: 'detached', run_id: third } });
    expect(await resume('--decide-as', 'grace')).toMatchObject({ exitCode: 0, last: { run_id: third } });
    const unnamed = await site.promptos('dev', '--notes', 'x', '--json');
    expect({ exitCode: unnamed.exitCode, code: code(unnamed) }).toEqual({ exitCode: 2, code: 'USAGE' });
  });
});

test('in a terminal: dev shows the open run and asks; return carries on with it', async () => {
  const runId = await leaveOpen('Ask me');
  const type = { cwd: site.repository, env: site.env };
  const broken = await onTerminal(START('Ask me'), { ...type, typed: [[/What is meant\?/, KEYS.interrupt]] });
  expect(broken).toMatchObject({
    exitCode: 130,
    screen: expect.stringContaining('A run of this request has not ended'),
  });
  const { screen, exitCode } = await onTerminal([...START('Ask me'), '--as', 'grace'], {
    ...type,
    typed: [
      [/What is meant\?/, KEYS.enter],
      [/decide, grace\?/, KEYS.enter],
    ],
  });
  expect(screen).toContain(`run     ${runId}`);
  expect(screen).toContain('APPROVED: every gate passed');
  expect(exitCode).toBe(0);
});
