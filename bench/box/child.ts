import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { createLauncher } from '../../src/adapters/platform/launcher.js';
import type { Program, ProgramStarter } from '../../src/adapters/platform/program-starter.js';
import { openSandbox } from '../../src/adapters/sandbox/open-sandbox.js';
import { DEFAULT_SANDBOX } from '../../src/contracts/config/sandbox-config.js';
import { median } from '../figures.js';
import type { BoxStarts } from '../parts/box.js';

// A process of its own, so that it can belong to another user than the bench.

/** Between two starts, so that none gains from what the kernel did for the one before. */
const PAUSE_MS = 60;
/** Until the programs and folders of the system are known and in memory. */
const WARM_UP = 10;

const root = await mkdtemp(join(tmpdir(), 'promptos-bench-'));
const [checkout, scratch] = [join(root, 'checkout'), join(root, 'scratch')];
for (const folder of [checkout, scratch]) await mkdir(folder);
const program: Program = {
  argv: ['/bin/echo', 'here'],
  env: { PATH: '/usr/bin:/bin' },
  cwd: checkout,
  reach: { readable: [], writable: [scratch], network: 'none' },
};

/** Milliseconds until a program that was started has printed something. */
const start = async (programs: ProgramStarter): Promise<number> => {
  await pause(PAUSE_MS);
  const begun = performance.now();
  const running = await programs.start(program);
  running.stderr.resume();
  const printed = new Promise<number>((resolve, reject) => {
    running.stdout.once('data', () => resolve(performance.now() - begun));
    running.stdout.once('close', () => reject(new Error('the program printed nothing')));
  });
  await Promise.all([printed, running.untilEnded()]);
  return printed;
};

const rounds = async (programs: ProgramStarter, runs: number): Promise<number> => {
  const taken: number[] = [];
  for (let round = -WARM_UP; round < runs; round += 1) {
    const ms = await start(programs);
    if (round >= 0) taken.push(ms);
  }
  return median(taken) ?? 0;
};

const launcher = createLauncher(process.env.PATH);
try {
  const sandbox = await openSandbox(DEFAULT_SANDBOX, { programs: launcher, path: process.env.PATH, secret: [root] });
  const runs = Number(process.argv[2]);
  const starts: BoxStarts = { boxed: await rounds(sandbox, runs), bare: await rounds(launcher, runs) };
  console.log(JSON.stringify(starts));
} finally {
  await launcher.close();
  await rm(root, { recursive: true, force: true });
}
