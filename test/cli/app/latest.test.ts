import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { promptos } from '../../support/command-line.js';
import {
  createGovernedWorker,
  eventually,
  type GovernedWorker,
  type WorkedRun,
} from '../../support/governed-worker.js';
import { writeKeys } from '../../support/signing-policy.js';
import { siteRoot, writeSiteConfig } from '../../support/site-home.js';

/*
 * Two projects on one server, each with a queue and a store of its own, whose repositories have the same name; and a third
 * repository that shares queue and store with the first.
 */

interface Place {
  readonly site: GovernedWorker;
  readonly cwd: string;
  type(...args: readonly string[]): ReturnType<typeof promptos>;
  /** The same where no server answers. */
  typeOffline(...args: readonly string[]): ReturnType<typeof promptos>;
}

const address = inject('temporalAddress');

/** A repository whose worker config calls it `name`, beside the store of a site. */
async function placeAt(site: GovernedWorker, name: string): Promise<Place> {
  const cwd = join(siteRoot(site), `clone of ${name}`);
  await mkdir(join(cwd, '.promptos'), { recursive: true });
  execFileSync('git', ['init', '-q'], { cwd });
  await writeSiteConfig(site, join(cwd, '.promptos', 'worker.yaml'), { repositories: { [name]: { path: '..' } } });
  const env = { PATH: process.env.PATH, HOME: cwd, TEMPORAL_ADDRESS: address, ...(await writeKeys(cwd, site.keys)) };
  const { TEMPORAL_ADDRESS: _, ...offline } = env;
  const typeIn =
    (env: Readonly<Record<string, string | undefined>>) =>
    (...args: readonly string[]) =>
      promptos([...args, '--json'], { cwd, env });
  return { site, cwd, type: typeIn(env), typeOffline: typeIn(offline) };
}

const CANCELLING = ['--as', 'ada', '--reason', 'Wrong branch.', '--yes'];

let [first, second, neighbour] = [] as unknown as [Place, Place, Place];
beforeAll(async () => {
  const sites = await Promise.all([createGovernedWorker({ address }), createGovernedWorker({ address })]);
  first = await placeAt(sites[0], 'example');
  second = await placeAt(sites[1], 'example');
  neighbour = await placeAt(sites[0], 'billing');
});
afterAll(() => Promise.all([first.site.close(), second.site.close()]));

const statusIn = async (place: Place) => (await place.type('run', 'status', 'latest')).objects().at(-1);
const latestIs = (place: Place, run: WorkedRun) =>
  // The server's listing may lag a moment behind.
  eventually(async () => ((await statusIn(place))?.run_id === run.runId ? true : null), `${run.runId} as latest`);
const waiting = async (place: Place): Promise<WorkedRun> => {
  const run = await place.site.startRun();
  await run.awaitDecision('P00');
  return run;
};
const end = async (place: Place, run: WorkedRun) => {
  await run.approve('P00');
  await place.site.runs.wait(run.runId);
};

describe('latest', () => {
  test('is the newest run of this repository, and no newer one of another project or repository', async () => {
    const mine = await waiting(first);
    const theirs = await waiting(second);
    await latestIs(second, theirs);
    await latestIs(first, mine);
    const none = await neighbour.type('run', 'status', 'latest');
    expect(none.objects().at(-1)).toMatchObject({ error: { code: 'RUN_NOT_FOUND' } });
    expect(none.objects().at(-1)).toMatchObject({
      error: { message: expect.stringContaining('There is no run of the repository billing yet.') },
    });
    const escaped = await neighbour.type('run', 'cancel', 'latest', ...CANCELLING);
    expect(escaped).toMatchObject({ exitCode: 1 });

    // A decision on `latest` is on this repository's run, and the run is named.
    const approved = await first.type('approve', 'latest', '--gate', 'P00', '--as', 'grace');
    expect(approved).toMatchObject({
      exitCode: 0,
      stderr: expect.stringContaining(`run     ${mine.runId} of example\n`),
    });
    expect(approved.objects()).toMatchObject([{ run_id: mine.runId, target_repo: 'example', accepted: true }]);
    expect((await theirs.status()).gates[0]?.state).toBe('awaiting_decision');
    await first.site.runs.wait(mine.runId);
    await end(second, theirs);
  });

  test('is the run that was started last, also when an older one ended after it', async () => {
    const older = await waiting(first);
    const newer = await waiting(first);
    await latestIs(first, newer);
    await end(first, newer);
    await latestIs(first, newer);
    await end(first, older);
    await eventually(
      async () =>
        (await first.site.runs.list(9, { open: true, taskQueue: first.site.taskQueue })).length === 0 ? true : null,
      'both ended in the listing',
    );
    await latestIs(first, newer);
    for (const args of [
      ['pr-block', 'latest'],
      ['export', '--artifacts-dir', 'out'],
      ['trace', 'latest'],
      ['verify', 'latest'],
    ]) {
      const { stderr } = await first.type(...args);
      expect(stderr).toContain(`run     ${newer.runId} of example\n`);
    }
  });

  test('without a server: a newer run that has not ended is not passed over for one that is published', async () => {
    const ended = await waiting(first);
    await end(first, ended);
    const run = (output: { readonly stderr: string }) => /^run {5}(\S+)/m.exec(output.stderr)?.[1];
    expect(run(await first.typeOffline('verify', 'latest'))).toBe(ended.runId);
    expect((await first.typeOffline('run', 'status', 'latest')).objects().at(-1)).toMatchObject({
      run_id: ended.runId,
    });

    const open = await waiting(first);
    for (const args of [['verify'], ['apply', '--branch', 'fix'], ['pr-block']]) {
      const refused = await first.typeOffline(...args.slice(0, 1), 'latest', ...args.slice(1));
      expect(run(refused)).toBe(open.runId);
      expect(refused.objects().at(-1)).toMatchObject({ error: { code: 'RUN_NOT_PUBLISHED' } });
    }
    const status = await first.typeOffline('run', 'status', 'latest');
    expect(status.objects().at(-1)).toMatchObject({ run_id: open.runId, state: 'open' });
    expect(run(await neighbour.typeOffline('verify', 'latest'))).toBeUndefined();
    await end(first, open);
  });

  test('run cancel: ends the only open run of this repository, and prints which', async () => {
    const theirs = await waiting(second);
    const mine = await waiting(first);
    const last = await waiting(second);
    await latestIs(first, mine);
    const cancelled = await first.type('run', 'cancel', 'latest', ...CANCELLING);
    expect(cancelled.objects()).toMatchObject([{ run_id: mine.runId, target_repo: 'example', accepted: true }]);
    expect((await first.site.runs.wait(mine.runId)).outcome).toBe('cancelled');
    const several = await eventually(async () => {
      const ambiguous = await second.type('run', 'cancel', 'latest', ...CANCELLING);
      return ambiguous.exitCode === 2 ? ambiguous : null;
    }, 'both open runs in the listing');
    expect(several.objects()).toMatchObject([{ error: { code: 'RUN_AMBIGUOUS' } }]);
    expect(several.stderr).toContain(theirs.runId);
    expect(several.stderr).toContain(last.runId);
    for (const run of [theirs, last]) await end(second, run);
  });
});

describe('a decision on latest', () => {
  test('goes to the one run that waits, though a newer one does not; with several it lists them and exits 2', async () => {
    const older = await waiting(first);
    const newer = await waiting(first);
    const open = { open: true, taskQueue: first.site.taskQueue };
    await eventually(async () => ((await first.site.runs.list(9, open)).length === 2 ? true : null), 'two open runs');
    for (const answer of [['approve'], ['reject', '--comment', 'no']]) {
      const several = await first.type(
        ...answer.slice(0, 1),
        'latest',
        '--gate',
        'P00',
        '--as',
        'grace',
        ...answer.slice(1),
      );
      expect(several).toMatchObject({ exitCode: 2 });
      expect(several.objects()).toMatchObject([{ error: { code: 'RUN_AMBIGUOUS' } }]);
      for (const run of [older, newer]) expect(several.stderr).toContain(`${run.runId}  a decision on P00`);
    }
    const unresolved = await first.type('resolve', 'latest', '--yes', '--choose', 'abort', '--as', 'grace');
    expect(unresolved.objects()).toMatchObject([{ error: { code: 'NOTHING_AWAITED' } }]);

    await first.type('escalate', newer.runId, '--issue', 'Stop!');
    await newer.awaitEscalation('E1');
    // A run of theirs waits, only not for what the line names.
    const other = await first.type('resolve', 'latest', 'E9', '--choose', 'abort', '--as', 'grace');
    expect(other.stderr).toMatch(/No run of .* waits for a resolution of E9\. The newest, .*, awaits .*E1 at P00/);
    const later = await first.type('approve', 'latest', '--gate', 'P03', '--as', 'grace');
    expect(later.stderr).toMatch(
      /No run of .* waits for a decision on P03\. The newest, .*, awaits .*a decision on P00/,
    );
    const resolved = await first.type('resolve', 'latest', 'E1', '--choose', 'abort', '--as', 'grace');
    expect(resolved.objects()).toMatchObject([{ run_id: newer.runId, accepted: true }]);
    await first.site.runs.wait(newer.runId);
    const counted = await first.type('approve', 'latest', '--gate', 'P00', '--as', 'grace');
    expect(counted.objects()).toMatchObject([{ run_id: older.runId, accepted: true }]);
    await first.site.runs.wait(older.runId);
    const late = await first.type('approve', 'latest', '--gate', 'P00', '--as', 'grace');
    expect(late.objects()).toMatchObject([
      { error: { code: 'NOTHING_AWAITED', message: expect.stringContaining('has ended') } },
    ]);
  });
});
