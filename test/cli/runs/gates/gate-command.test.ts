import { existsSync } from 'node:fs';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { untilHandedOff } from '../../../handoff/support.js';
import { PROMPTOS } from '../../../support/built-package.js';
import { exampleOutputs } from '../../../support/gate-outputs.js';
import { EXAMPLE_POLICY } from '../../../support/governed-repository.js';
import { createGovernedWorker, type GovernedWorker, type WorkedRun } from '../../../support/governed-worker.js';
import { type McpHome, makeMcpHome } from '../../../support/mcp-client.js';
import { writeSiteConfig } from '../../../support/site-home.js';

/*
 * `promptos gate` of the built program. Nina's key is among those of people, and no worker config of this place has it.
 */

let site: GovernedWorker;
let home: McpHome;
let run: WorkedRun;
let folder: string;
const file = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'promptos-gate-'));
  const handOff = (principal: string) => (principal === 'nina' ? { claim_timeout_ms: 3_600_000 } : null);
  const signedPolicy = EXAMPLE_POLICY.replace('nina: { kind: agent }', 'nina: { kind: human }');
  site = await createGovernedWorker({ address: inject('temporalAddress'), signedPolicy, handOff });
  home = await makeMcpHome(site, inject('temporalAddress'));
  await writeSiteConfig(site, join(home.cwd, 'worker.yaml'), {
    trust: { policies: ['policy.yaml'] },
    repositories: { [site.repository.run.target_repo]: { path: site.repository.repository } },
    executors: { nina: { kind: 'handoff' } },
    sandbox: 'none',
  });
  run = await site.startRun();
  await untilHandedOff(site, run, 'P00');
  await writeFile(file('good.json'), JSON.stringify({ kind: 'output', ...exampleOutputs().P00 }));
  await writeFile(file('text.json'), 'Done.');
  await writeFile(file('empty.json'), '');
  await writeFile(file('huge.json'), '');
  await truncate(file('huge.json'), 65 * 1_048_576);
});
afterAll(async () => {
  await site?.close();
  await rm(folder, { recursive: true, force: true });
});

async function gate(...args: readonly string[]) {
  const { cwd, env } = home;
  const done = await execa(PROMPTOS, ['gate', ...args], { cwd, env, extendEnv: false, reject: false });
  return { exitCode: done.exitCode, stdout: done.stdout, stderr: done.stderr };
}
const submit = (...args: readonly string[]) => gate('submit', run.runId, ...args);

describe('gate: what it refuses', () => {
  test('--dir where no folder can be made: it says so and ends', async () => {
    const done = await gate('next', run.runId, '--as', 'nina', '--dir', '/proc/promptos-gates');
    expect(done.stderr).toMatch(
      /error FILE_NOT_READABLE: \/proc\/promptos-gates\/.*: the folder of the gate cannot be made/,
    );
    expect(done.exitCode).toBe(2);
  });

  test.each<[string, readonly string[], number, string]>([
    ['no command', [], 2, 'USAGE: "promptos gate" needs one of its commands: next, submit, release.'],
    ['a mistyped command', ['nxt'], 2, "unknown command 'nxt' (Did you mean next?)"],
    ['no principal', ['next', 'latest'], 2, "required option '--as <name>' not specified"],
    ['a mistyped option', ['next', 'latest', '--as', 'nina', '--claimnt', 'x'], 2, "unknown option '--claimnt'"],
    ['an unknown gate', ['next', 'latest', '--as', 'nina', '--gate', 'P9'], 2, 'Allowed choices are P00'],
    ['no run of this id', ['next', 'no-such-run', '--as', 'nina'], 1, 'RUN_NOT_FOUND'],
    ['a gate that is not due', ['next', 'latest', '--as', 'nina', '--gate', 'P03'], 1, 'it waits for P00 Context Lock'],
    ['another principal', ['next', 'latest', '--as', 'vera'], 1, 'PRINCIPAL_NOT_BOUND'],
    ['a claimant of two lines', ['next', 'latest', '--as', 'nina', '--claimant', 'a\nb'], 2, '--claimant: expected'],
  ])('%s', async (_, args, exitCode, message) => {
    const done = await gate(...args);
    expect(done).toMatchObject({ exitCode, stdout: '', stderr: expect.stringContaining(message) });
    expect(done.stderr).toContain('next: ');
    expect(done.stderr).not.toMatch(/^\s+at |INTERNAL/m);
  });

  test.each<[string, string, number, RegExp]>([
    ['missing', 'none.json', 2, /FILE_NOT_READABLE: --output: expected a file, received .*none\.json/],
    ['a folder', '.', 2, /FILE_NOT_READABLE: --output: expected a file/],
    ['too large', 'huge.json', 2, /FILE_NOT_READABLE: --output: expected at most 64 MiB, received .*huge\.json/],
    ['empty', 'empty.json', 1, /OUTPUT_UNUSABLE: .* The answer is not JSON/],
    ['no JSON', 'text.json', 1, /OUTPUT_UNUSABLE: .* The answer is not JSON/],
  ])('an output that is %s', async (_, name, exitCode, said) => {
    const done = await submit('--gate', 'P00', '--as', 'nina', '--output', file(name));
    expect(done).toMatchObject({ exitCode, stdout: '', stderr: expect.stringMatching(said) });
  });

  test('a key that --key names and the policy does not list for the principal', async () => {
    const key = home.env.PROMPTOS_KEYS_DIR ?? '';
    const done = await submit(
      '--gate',
      'P00',
      '--as',
      'nina',
      '--output',
      file('good.json'),
      '--key',
      `${key}/vera.pem`,
    );
    expect(done).toMatchObject({ exitCode: 2, stdout: '', stderr: expect.stringContaining('KEY_') });
  });

  test('a patch at a gate that changes no files', async () => {
    const patch = file('good.json');
    const done = await submit('--gate', 'P00', '--as', 'nina', '--output', patch, '--patch', patch);
    expect(done).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('P00 changes no files') });
  });
});

test('gate: next, release and submit, each with its help and one object for programs', async () => {
  for (const command of ['next', 'submit', 'release']) {
    expect(await gate(command, '--help')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining(`promptos gate ${command} latest`),
    });
  }
  const opened = await gate('next', 'latest', '--as', 'nina', '--json');
  expect(JSON.parse(opened.stdout)).toMatchObject({
    ...{ run_id: run.runId, gate: 'P00', attempt: 1, again: false, edits_files: false },
    submit: expect.stringContaining(`gate submit ${run.runId} --gate P00 --as nina --output `),
  });
  const other = ['--as', 'nina', '--claimant', 'another'];
  expect(await gate('release', 'latest', ...other)).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('GATE_CLAIMED'),
  });
  const { files } = JSON.parse(opened.stdout);
  const released = await gate('release', 'latest', '--as', 'nina');
  expect(released.stdout).toMatch(/^The claim of .+ has ended\.$/m);
  expect(released.stderr).toContain(`removed ${files.folder}: no claimant has the gate, and nothing was written in it`);
  expect(existsSync(files.folder)).toBe(false);
  await gate('next', 'latest', '--as', 'nina');
  await writeFile(files.output, '{}');
  expect((await gate('release', 'latest', '--as', 'nina')).stderr).toContain(
    `kept ${files.folder}: no claimant has the gate, and what was written in it was not submitted: output.json`,
  );
  expect(existsSync(files.output)).toBe(true);
  expect((await gate('release', 'latest', '--as', 'nina')).stdout).toContain('There is no claim.');
  const done = await submit('--gate', 'P00', '--as', 'nina', '--output', file('good.json'), '--json');
  expect(JSON.parse(done.stdout)).toMatchObject({ submitted: true, before: false, verdict: 'pass' });
  await run.awaitDecision('P00');
  const late = await submit('--gate', 'P00', '--as', 'nina', '--output', file('good.json'));
  expect(late).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('it waits for a decision') });
});
