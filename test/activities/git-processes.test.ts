import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { expect, onTestFinished, test } from 'vitest';
import type { GateId } from '../../src/contracts/names.js';
import { exampleOutputs } from '../support/gate-outputs.js';
import { createGovernedRepository } from '../support/governed-repository.js';
import { edits, outputs, type ScriptStep } from '../support/scripted-executor.js';

const good = exampleOutputs();
const fixed = { 'src/split.js': "export const split = 'right';\n" };
const STEPS: readonly (readonly [GateId, ScriptStep])[] = [
  ['P00', outputs(good.P00)],
  ['P01', outputs(good.P01)],
  ['P03', outputs(good.P03)],
  ['P05', edits(fixed, outputs(good.P05))],
  ['P06', outputs(good.P06)],
  ['P07', outputs(good.P07)],
];

test('executeGate: at most three git processes at the median gate of a run', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'promptos-git-processes-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const log = join(folder, 'log');
  const path = process.env.PATH ?? '';
  await writeFile(join(folder, 'git'), `#!/bin/sh\necho "$1" >>'${log}'\nPATH='${path}' exec git "$@"\n`);
  await chmod(join(folder, 'git'), 0o755);
  const given = await createGovernedRepository({ gitPath: `${folder}:${path}` });
  onTestFinished(() => given.remove());
  /** One run; what the worker does once for a commit is not done again in the next. */
  const processesOfRun = async (): Promise<readonly (readonly [GateId, readonly string[]])[]> => {
    const inputs: Partial<Record<GateId, string>> = {};
    const counted: [GateId, readonly string[]][] = [];
    for (const [gate, step] of STEPS) {
      const input = given.input(gate, { inputs: { ...inputs } });
      given.executors.script(input.principal, step);
      await rm(log, { force: true });
      const result = await given.executeGate(input);
      expect(result.verdict).toBe('pass');
      inputs[gate] = result.output_sha256;
      const lines = (await readFile(log, 'utf8').catch(() => '')).split('\n');
      counted.push([gate, lines.filter((line) => line !== '')]);
    }
    return counted;
  };
  await processesOfRun();
  const counted = await processesOfRun();
  const sizes = counted.map(([, started]) => started.length).sort((one, other) => one - other);
  expect((sizes[2] ?? 99) + (sizes[3] ?? 99), JSON.stringify(counted)).toBeLessThanOrEqual(2 * 3);
  // A gate whose executor edits nothing: at most the state of the user's repository before and after. On a slow machine the
  // repository is unchanged for so long that neither is asked of git.
  for (const [gate, started] of counted) {
    if (gate !== 'P01' && gate !== 'P03') continue;
    expect(started.length).toBeLessThanOrEqual(2);
    expect(started.filter((command) => command !== 'status')).toEqual([]);
  }
});
