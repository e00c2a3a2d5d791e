import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createPinnedDocuments } from '../../../src/activities/documents/pinned-documents.js';
import { executeGate } from '../../../src/activities/execute-gate.js';
import { createCheckRunner } from '../../../src/adapters/checks/check-runner.js';
import { createKeptBaselines } from '../../../src/adapters/checks/kept-baselines.js';
import {
  type Baseline,
  type BaselineCheck,
  baselineSchema,
  type CheckResult,
} from '../../../src/contracts/answers/gate-outputs.js';
import type { GateId } from '../../../src/contracts/names.js';
import type { DueGate } from '../../../src/contracts/run/activities.js';
import type { GateProgress } from '../../../src/contracts/run/gate-progress.js';
import type { GovernancePorts } from '../../../src/ports/index.js';
import { checksPolicy } from '../../support/checks-policy.js';
import { exampleOutputs } from '../../support/gate-outputs.js';
import { createGovernedRepository, type GovernedRepository } from '../../support/governed-repository.js';
import { edits, outputs } from '../../support/scripted-executor.js';

/** The verifier of these walks says that all is well. */
const CONTRADICTED = [1, 2].map((number) => ({ id: `verifier_contradicted-${number}`, blocking: true }));

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'promptos-baseline-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const good = exampleOutputs();
const build = (text: string) => edits({ 'src/split.js': `export const split = '${text}';\n` }, outputs(good.P05));

/** A check that counts its calls in a file, and fails while the source says "wrong" or a file says so; of a source that says
 * "right" it executes as many tests as it is given. While a file is there it does not end, and writes into it who it is. */
const CHECK = `
const fs = require('node:fs');
fs.appendFileSync(process.env.CALLS, 'x');
console.log('it printed this');
const text = fs.readFileSync('src/split.js', 'utf8');
if (text.includes('wrong') || fs.existsSync(process.env.BROKEN)) process.exit(3);
const tests = text.includes('right') ? Number(process.env.TESTS) : 2;
if (tests > 0) console.log('TAP version 13\\n1..' + tests + '\\n' + 'ok\\n'.repeat(tests));
if (fs.existsSync(process.env.HANGS)) {
  fs.writeFileSync(process.env.HANGS, String(process.pid));
  setInterval(() => {}, 1_000);
}
`;

interface Site {
  readonly given: GovernedRepository;
  calls(): number;
  /** Carries out gates in their order in one process, each on what the ones before left. */
  walk(ports: GovernancePorts, gates: readonly GateId[], more?: Partial<DueGate>, patched?: string): Promise<Walked>;
  /** The ports of another worker process: it remembers nothing. */
  process(parts?: Partial<GovernancePorts>): GovernancePorts;
}
interface Walked {
  readonly result: Awaited<ReturnType<typeof executeGate>>;
  readonly baseline: Baseline | null;
  readonly checks: readonly CheckResult[];
}

async function site(baseline: string, base = 'right', tests = 0): Promise<Site> {
  const env = {
    CALLS: join(root, 'calls'),
    BROKEN: join(root, 'broken'),
    HANGS: join(root, 'hangs'),
    TESTS: String(tests),
  };
  const check = { argv: ['node', '-e', CHECK], env, ...(tests > 0 ? { report: { format: 'tap' } } : {}) };
  const given = await createGovernedRepository({
    files: { 'src/split.js': `export const split = '${base}';\n`, 'README.md': '# Split\n' },
    policy: checksPolicy(`${baseline}
checks: { tests: ${JSON.stringify(check)} }`),
  });
  onTestFinished(() => given.remove());
  const text = async (sha256: string) => new TextDecoder().decode(await given.ports.store.readObject(sha256));
  return {
    given,
    calls: () => (existsSync(env.CALLS) ? readFileSync(env.CALLS, 'utf8').length : 0),
    process: (parts = {}) => ({ ...given.ports, baselines: createKeptBaselines(join(root, 'kept')), ...parts }),
    walk: async (ports, gates, more = {}, patched = 'better') => {
      const inputs: Partial<Record<GateId, string>> = {};
      let walked: Walked | null = null;
      for (const gate of gates) {
        const input = given.input(gate, { inputs: { ...inputs }, ...more });
        given.executors.script(input.principal, gate === 'P05' ? build(patched) : outputs(good[gate]));
        const options = { signal: new AbortController().signal, progress: () => undefined };
        const result = await executeGate(ports, createPinnedDocuments(ports.store), input, options);
        inputs[gate] = result.output_sha256;
        const { artifacts } = await given.record(result);
        const at = (path: string) => artifacts.find((ref) => ref.path === path)?.sha256;
        const [before, tests] = [at('evidence/baseline.json'), at('evidence/test_results.json')];
        walked = {
          result,
          baseline: before === undefined ? null : baselineSchema.parse(JSON.parse(await text(before))),
          checks: tests === undefined ? [] : JSON.parse(await text(tests)).checks,
        };
      }
      if (walked === null) throw new Error('expected a gate to walk');
      return walked;
    },
  };
}

describe('P00: a check that fails on the base commit', () => {
  const said = 'The check tests failed on the base commit, before any change: exit code 3.';

  test.each([
    ['is noted', 'baseline: note', 'pass', { severity: 'medium', blocking: false, message: said }],
    ['is noted when the policy says nothing', '', 'pass', { severity: 'medium', blocking: false, message: said }],
    ['fails the gate', 'baseline: block', 'fail', { severity: 'high', blocking: true }],
  ])('%s', async (_name, baseline, verdict, finding) => {
    const { walk, process, given } = await site(baseline, 'wrong');
    const { result, baseline: recorded } = await walk(process(), ['P00']);
    expect(result).toMatchObject({ verdict, findings: [{ id: 'baseline-1', rule: 'baseline', ...finding }] });
    expect(recorded).toMatchObject({
      base_commit: given.run.base_commit,
      checks: [{ name: 'tests', argv: ['node', '-e', CHECK], status: 'failed', exit_code: 3 }],
    });
    expect(recorded?.checks[0]?.stdout_tail).toBe('it printed this\n');
  });

  test('is not looked at with `baseline: off`, nor in a run of the first rules', async () => {
    const off = await site('baseline: off', 'wrong');
    expect(await off.walk(off.process(), ['P00'])).toMatchObject({ result: { findings: [] }, baseline: null });
    const block = await site('baseline: block', 'wrong');
    const old = await block.walk(block.process(), ['P00'], { rules_version: 1 });
    expect(old).toMatchObject({ result: { verdict: 'pass', findings: [] }, baseline: null });
    expect(off.calls() + block.calls()).toBe(0);
  });

  test('is not known on a worker that does not grant the check: a note, or a failure where the policy blocks', async () => {
    const checks = createCheckRunner({ allow: [], env: process.env });
    const note = await site('baseline: note');
    const noted = await note.walk(note.process({ checks }), ['P00']);
    expect(noted.result).toMatchObject({ verdict: 'pass', findings: [{ severity: 'low', blocking: false }] });
    expect(noted.result.findings[0]?.message).toContain('the worker of P00 does not grant it');
    const block = await site('baseline: block');
    expect((await block.walk(block.process({ checks }), ['P00'])).result).toMatchObject({ verdict: 'fail' });
  });
});

test('P00: a check on the base commit is shown with its time-out while it runs, and ends when the gate is cancelled', async () => {
  const { given, process: worker } = await site('baseline: block');
  const hangs = join(root, 'hangs');
  writeFileSync(hangs, '');
  const cancelled = new AbortController();
  let now = (): GateProgress => {
    throw new Error('nothing was begun');
  };
  const ports = worker();
  given.executors.script('nina', outputs(good.P00));
  const work = executeGate(ports, createPinnedDocuments(ports.store), given.input('P00'), {
    signal: cancelled.signal,
    progress: (details) => {
      now = details;
    },
  });
  work.catch(() => undefined);
  await expect.poll(() => readFileSync(hangs, 'utf8')).not.toBe('');
  await expect.poll(() => now().last_line).toBe('it printed this');
  expect(now()).toMatchObject({ activity: 'check tests on the base commit', timeout_ms: 600_000 });
  cancelled.abort(new Error('cancelled'));
  await expect(work).rejects.toThrow('cancelled');
  expect(existsSync(join('/proc', readFileSync(hangs, 'utf8')))).toBe(false);
});

describe('P00: a base commit is looked at once', () => {
  test('a pass counts for every later run under the same policy, in other processes too', async () => {
    const { walk, process, calls } = await site('baseline: block');
    for (let run = 0; run < 3; run += 1) {
      expect((await walk(process(), ['P00'])).result).toMatchObject({ verdict: 'pass', findings: [] });
    }
    expect(calls()).toBe(1);
  });

  test('a failure counts for the first attempt, and is tried again by the next', async () => {
    const { walk, process, calls } = await site('baseline: block');
    writeFileSync(join(root, 'broken'), '');
    expect((await walk(process(), ['P00'])).result.verdict).toBe('fail');
    rmSync(join(root, 'broken'));
    expect((await walk(process(), ['P00'])).result.verdict).toBe('fail');
    expect(calls()).toBe(1);
    expect((await walk(process(), ['P00'], { attempt: 2 })).result.verdict).toBe('pass');
    expect((await walk(process(), ['P00'])).result.verdict).toBe('pass');
    expect(calls()).toBe(2);
  });

  test('another base commit and another policy get a new baseline', async () => {
    const first = await site('baseline: note');
    await first.walk(first.process(), ['P00']);
    first.given.git('commit', '-q', '--allow-empty', '-m', 'second');
    const run = { ...first.given.run, base_commit: first.given.git('rev-parse', 'HEAD') };
    await first.walk(first.process(), ['P00'], { run });
    const second = await site('baseline: block');
    await second.walk(second.process(), ['P00']);
    expect(first.calls()).toBe(3);
  });

  test('an unreadable kept baseline is made again', async () => {
    const { walk, process, calls } = await site('baseline: note');
    await walk(process(), ['P00']);
    const [name = ''] = readdirSync(join(root, 'kept'));
    writeFileSync(join(root, 'kept', name), '{"status":"passed"}');
    expect((await walk(process(), ['P00'])).baseline?.checks[0]?.exit_code).toBe(0);
    expect(calls()).toBe(2);
  });
});

describe('P06: what the base commit does', () => {
  const gates = ['P00', 'P01', 'P03', 'P05', 'P06'] as const;

  test('is not run again by a process that saw it at P00', async () => {
    const { walk, process, calls } = await site('baseline: note', 'right', 2);
    const { result, checks } = await walk(process(), gates);
    expect(result).toMatchObject({ verdict: 'pass', findings: [] });
    expect(checks[0]?.baseline).toMatchObject({ status: 'passed', tests: { executed: 2 } });
    expect(calls()).toBe(2);
  });

  test('a failure there and now is said so, and stays a failure', async () => {
    const { walk, process, calls } = await site('baseline: note', 'wrong');
    const { result } = await walk(process(), gates, {}, 'wrong again');
    expect(result).toMatchObject({ verdict: 'fail', findings: [{ id: 'checks-1', blocking: true }, ...CONTRADICTED] });
    expect(result.findings[0]?.message).toContain('It fails on the base commit too, without the patch (exit code 3).');
    expect(calls()).toBe(2);
  });

  test('a failure of the patch alone is said so', async () => {
    const { walk, process, calls } = await site('baseline: block');
    const { result } = await walk(process(), gates, {}, 'wrong now');
    expect(result).toMatchObject({ verdict: 'fail', findings: [{ id: 'checks-1', blocking: true }, ...CONTRADICTED] });
    expect(result.findings[0]?.message).toContain('It passes on the base commit, so the patch broke it.');
    expect(calls()).toBe(2);
  });

  /** What a worker that cheats would keep, and say at P00. */
  const claim = (status: 'passed' | 'failed', executed: number): BaselineCheck => ({
    name: 'tests',
    argv: ['node', '-e', CHECK],
    status,
    exit_code: status === 'passed' ? 0 : 1,
    tests: { executed, passed: executed, failed: 0, skipped: 0 },
    stdout_tail: '',
    stderr_tail: '',
  });
  const claiming = (lie: BaselineCheck) => ({ baselines: { recall: async () => lie, keep: async () => undefined } });

  test.each([
    ['fewer tests', claim('passed', 1)],
    ['a failure', claim('failed', 0)],
  ])('is never taken from what is kept or said at P00: a claim of %s hides no lost test', async (_name, lie) => {
    const { walk, process, calls } = await site('baseline: note', 'right', 3);
    const { result, checks } = await walk(process(claiming(lie)), gates);
    expect(checks[0]).toMatchObject({
      status: 'failed',
      reason: 'it executed 2 tests; on the base commit it executes 3',
      baseline: { status: 'passed', tests: { executed: 3 } },
    });
    expect(result.verdict).toBe('fail');
    expect(calls()).toBe(2);
  });

  test('a claim at P00 that it fails excuses no failure, and the difference is a finding', async () => {
    const { walk, process } = await site('baseline: note');
    const { result } = await walk(process(claiming(claim('failed', 0))), gates, {}, 'wrong now');
    expect(result).toMatchObject({
      verdict: 'fail',
      findings: [
        { id: 'checks-1', message: expect.stringContaining('so the patch broke it') },
        ...CONTRADICTED,
        { id: 'baseline-1', severity: 'medium', blocking: false },
      ],
    });
    expect(result.findings.at(-1)?.message).toMatch(/failed on the base commit at P00 and passed there at P06/);
  });

  test('a failure that was seen before is looked at again when the patched tree passes with counts', async () => {
    const { walk, process } = await site('baseline: note', 'right', 2);
    const ports = process();
    writeFileSync(join(root, 'broken'), '');
    expect((await walk(ports, ['P00'])).baseline?.checks[0]?.status).toBe('failed');
    rmSync(join(root, 'broken'));
    const { result, checks } = await walk(ports, gates);
    expect(checks[0]).toMatchObject({ status: 'passed', baseline: { tests: { executed: 2 } } });
    expect(result.verdict).toBe('pass');
  });
});
