import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CancelledFailure } from '@temporalio/common';
import { afterEach, describe, expect, test } from 'vitest';
import { createPinnedDocuments } from '../../src/activities/documents/pinned-documents.js';
import { executeGate } from '../../src/activities/execute-gate.js';
import { PromptOsError } from '../../src/contracts/errors.js';
import type { GateId } from '../../src/contracts/names.js';
import { type GateProgress, gateProgressSchema } from '../../src/contracts/run/gate-progress.js';
import { until } from '../adapters/platform/processes.js';
import { exampleOutputs } from '../support/gate-outputs.js';
import {
  createGovernedRepository,
  EXAMPLE_POLICY,
  type GovernedRepository,
  type GovernedRepositoryOptions,
} from '../support/governed-repository.js';
import { edits, fails, outputs, promptInputs, type ScriptStep, says } from '../support/scripted-executor.js';

const made: GovernedRepository[] = [];
/** Without the baseline, which has tests of its own: what P00 finds here is what its executor led to. */
const POLICY = `${EXAMPLE_POLICY}baseline: off\n`;
const surroundings = async (options?: GovernedRepositoryOptions) => {
  const repository = await createGovernedRepository({ policy: POLICY, ...options });
  made.push(repository);
  return repository;
};
afterEach(async () => {
  await Promise.all(made.splice(0).map((repository) => repository.remove()));
});

const good = exampleOutputs();
const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'nothing was thrown',
    (error: unknown) => error,
  );

describe('executeGate: answers that do not count', () => {
  test('an answer that does not parse is tried again with the problem, and every try is kept', async () => {
    const given = await surroundings();
    given.executors.script('nina', says('I think it is fine'), outputs(good.P00));
    const record = await given.record(await given.executeGate(given.input('P00')));
    expect(record.verdict).toBe('pass');
    expect(record.tries.map(({ number, problem }) => [number, problem?.split(':')[0] ?? null])).toEqual([
      [1, 'The answer is not JSON'],
      [2, null],
    ]);
    expect(record.transcripts.map(({ path }) => path)).toEqual(
      [1, 2].flatMap((number) =>
        ['prompt.md', 'stdout.txt', 'stderr.txt', 'answer.txt'].map((name) => `try-${number}/${name}`),
      ),
    );
    expect(await given.text(record, 'try-1/stdout.txt')).toBe('I think it is fine');
    const prompt = await given.text(record, 'try-2/prompt.md');
    expect(promptInputs(prompt).previous_try).toEqual({
      problem: record.tries[0]?.problem,
      answer: 'I think it is fine',
    });
    expect(promptInputs(await given.text(record, 'try-1/prompt.md'))).not.toHaveProperty('previous_try');
  });

  test.each([
    ['no JSON object', says('[1]'), 'The answer does not have the expected shape'],
    ['no kind', says(JSON.stringify(good.P00)), 'The answer does not have the expected shape'],
    ['an unknown field', outputs({ ...good.P00, approved: true }), 'The output does not have the expected shape'],
    ['a missing field', outputs({ ...good.P00, goal: undefined }), 'goal'],
    ['half a surrogate pair', says('{"kind":"output","project":"\\ud800"}'), 'half a surrogate pair'],
    ['a bad exit code', fails('exit code 3', 3), 'exit code 3'],
    ['an undeclared exit code', () => ({ exit_code: 7, answer: '{}' }), 'exit code 7'],
    ['a time-out', fails('stopped after 5 s', null), 'stopped after 5 s'],
    ['silence', () => ({}), 'The executor gave no answer.'],
  ])('%s blocks after the tries that the policy allows, with the reason', async (_, step, reason) => {
    const given = await surroundings();
    given.executors.script('nina', step, step);
    const result = await given.executeGate(given.input('P00'));
    expect(result).toMatchObject({ verdict: 'blocked', findings: [], escalation: null });
    expect(result.reason).toContain('No usable answer in 2 tries');
    const { tries, reason: whole } = await given.record(result);
    expect(whole).toContain(reason);
    expect(tries).toHaveLength(2);
    expect(given.executors.calls).toHaveLength(2);
  });

  test('a try starts from a clean checkout', async () => {
    const given = await surroundings();
    const build = outputs({ ...good.P05 });
    given.executors.script(
      'nina',
      edits({ 'src/left-over.js': 'x\n' }, says('no')),
      edits({ 'src/new.js': 'y\n' }, build),
    );
    const record = await given.record(await given.executeGate(given.input('P05')));
    expect(JSON.parse(await given.text(record, 'patch/files.json'))).toMatchObject({ files: [{ path: 'src/new.js' }] });
  });
});

describe('executeGate: escalation', () => {
  test("an executor's report blocks the gate and raises a P08 of its own words", async () => {
    const given = await surroundings();
    const report = {
      issue: 'Who gets the left-over cents?',
      impact: 'I would guess.',
      context: 'The request does not say.',
      options: ['first', 'last'],
      recommendation: 'The first ones.',
      security_sensitive: false,
    };
    given.executors.script('nina', says(JSON.stringify({ kind: 'escalation', report })));
    const result = await given.executeGate(given.input('P03'));
    expect(result).toMatchObject({
      verdict: 'blocked',
      reason: report.issue,
      escalation: { ...report, trigger: 'executor' },
    });
    const record = await given.record(result);
    expect(record).toMatchObject({ artifacts: [], tries: [{ number: 1, problem: null }] });
  });

  const tampers =
    (given: Awaited<ReturnType<typeof surroundings>>): ScriptStep =>
    (call) => {
      given.git('config', 'core.fsmonitor', 'evil');
      given.git('update-ref', 'refs/promptos/sneaky', 'HEAD');
      return outputs(good.P00)(call);
    };
  const digests = 'sha256:\\w{64} before, sha256:\\w{64} after\\.$';

  test('a change of the repository itself by a program without a sandbox blocks, escalates and may have been a person', async () => {
    const given = await surroundings();
    given.executors.script('nina', tampers(given));
    const result = await given.executeGate(given.input('P00'));
    expect(result).toMatchObject({
      verdict: 'fail',
      findings: [
        { id: 'repository_changed-1', severity: 'high', blocking: true },
        { id: 'repository_changed-2', severity: 'high', blocking: true },
      ],
      escalation: { trigger: 'rule_violation', recommendation: expect.stringContaining('If you or a tool of yours') },
    });
    const { findings } = await given.record(result);
    expect(findings.map(({ message }) => message)).toEqual([
      expect.stringMatching(
        new RegExp(`own configuration changed while P00 ran without a sandbox\\. .*that it was you\\. ${digests}`),
      ),
      expect.stringMatching(new RegExp(`own refs under refs/promptos changed .*that it was you\\. ${digests}`)),
    ]);
  });

  test('a change of the repository itself stays critical in a run of the first rules', async () => {
    const given = await surroundings();
    given.executors.script('nina', tampers(given));
    const { findings, escalation } = await given.executeGate(given.input('P00', { rules_version: 1 }));
    expect(findings.map(({ severity }) => severity)).toEqual(['critical', 'critical']);
    expect(findings[0]?.message).toMatch(new RegExp(`own configuration changed while P00 ran: ${digests}`));
    expect(escalation).toMatchObject({ recommendation: expect.stringContaining('abort when it looks deliberate') });
  });

  test('a planted hook is reported where a program has no sandbox', async () => {
    const given = await surroundings();
    given.executors.script('nina', (call) => {
      writeFileSync(join(given.repository, '.git/hooks/post-checkout'), '#!/bin/sh\ntouch /tmp/planted\n', {
        mode: 0o755,
      });
      return outputs(good.P00)(call);
    });
    const { findings } = await given.executeGate(given.input('P00'));
    expect(findings).toMatchObject([{ rule: 'repository_changed', blocking: true }]);
    expect(findings[0]?.message).toContain("The repository's own hooks changed");
  });

  test('an executor that names no sandbox, such as one of a plugin, counts as without one', async () => {
    const given = await surroundings();
    given.executors.script('nina', (call) => {
      given.git('config', 'core.fsmonitor', 'evil');
      return outputs(good.P03)(call);
    });
    const result = await given.executeGate(given.input('P03'));
    expect(result).toMatchObject({ sandbox: 'none', findings: [{ rule: 'repository_changed' }] });
    expect(await given.record(result)).toMatchObject({ executor: { sandbox: 'none' } });
  });

  test('a commit in the clone, and a hook, raise nothing while everything that the gate runs has a sandbox', async () => {
    const given = await surroundings({ sandbox: 'bubblewrap' });
    given.executors.script('nina', (call) => {
      given.git('commit', '-q', '--allow-empty', '-m', 'mine');
      writeFileSync(join(given.repository, '.git/hooks/pre-commit'), '#!/bin/sh\n', { mode: 0o755 });
      return tampers(given)(call);
    });
    const result = await given.executeGate(given.input('P00'));
    expect(result).toMatchObject({ verdict: 'pass', findings: [], escalation: null, sandbox: 'bubblewrap' });
  });

  test.each<[GateId, string]>([
    ['P00', 'fail'],
    ['P03', 'pass'],
  ])(
    'the repository is compared in %s, where checks run without a sandbox, with the verdict %s',
    async (gate, verdict) => {
      const given = await surroundings({ sandbox: 'bubblewrap' });
      Object.assign(given.ports.checks, { sandbox: 'none' });
      given.executors.script('nina', (call) => {
        given.git('config', 'core.fsmonitor', 'evil');
        return outputs(good[gate])(call);
      });
      expect(await given.executeGate(given.input(gate))).toMatchObject({ verdict });
    },
  );

  test('a person who works in the repository meanwhile does not stop the gate: it is noted', async () => {
    const given = await surroundings();
    given.executors.script('nina', (call) => {
      writeFileSync(join(given.repository, 'README.md'), 'my own work\n');
      given.git('checkout', '-q', '-b', 'mine');
      given.git('-c', 'user.name=a', '-c', 'user.email=a@example.org', 'commit', '-q', '--allow-empty', '-m', 'mine');
      return outputs(good.P00)(call);
    });
    const result = await given.executeGate(given.input('P00'));
    expect(result).toMatchObject({
      verdict: 'pass',
      findings: [{ id: 'repository_used-1', severity: 'info', blocking: false }],
      escalation: null,
    });
    expect(result.findings[0]?.message).toContain('HEAD; branches, tags or other refs; files of the working tree');
  });
});

describe('executeGate: edits in a gate that makes none', () => {
  const stray = [{ id: 'stray_edits-1', severity: 'medium', blocking: false }];
  const editsSplit = edits({ 'src/split.js': 'mine\n' }, outputs(good.P00));

  test('are thrown away, become a finding, and the executor is asked again on a clean checkout', async () => {
    const given = await surroundings();
    let seen = '';
    given.executors.script('nina', editsSplit, (call) => {
      seen = readFileSync(join(call.directory, 'src/split.js'), 'utf8');
      return outputs(good.P00)(call);
    });
    const result = await given.executeGate(given.input('P00'));
    expect(result).toMatchObject({ verdict: 'pass', findings: stray, escalation: null });
    expect(result.findings[0]?.message).toContain('src/split.js');
    expect(seen).not.toBe('mine\n');
    const { tries } = await given.record(result);
    expect(tries).toMatchObject([{ problem: expect.stringContaining('src/split.js') }, { problem: null }]);
  });

  test('are asked about once: the second answer counts, with the finding', async () => {
    const given = await surroundings();
    given.executors.script('nina', editsSplit, editsSplit);
    const result = await given.executeGate(given.input('P00'));
    expect(result).toMatchObject({ verdict: 'pass', findings: stray, escalation: null });
  });

  test('that cannot be listed are no failure of the gate', async () => {
    const given = await surroundings();
    const replaced: ScriptStep = (call) => {
      rmSync(call.directory, { recursive: true });
      writeFileSync(call.directory, '');
      return outputs(good.P00)(call);
    };
    given.executors.script('nina', replaced);
    const result = await given.executeGate(given.input('P00'));
    expect(result).toMatchObject({ verdict: 'pass', findings: stray, escalation: null });
    expect(result.findings[0]?.message).toContain('removed or replaced');
  });
});

describe('executeGate: trust', () => {
  test.each([
    ['a policy that is no longer trusted', 'POLICY_NOT_TRUSTED'],
    ['a principal that the policy does not bind', 'PRINCIPAL_NOT_BOUND'],
    ['another pack than the run opened with', 'PACK_LOCK_MISMATCH'],
    ['a principal without an executor', 'EXECUTOR_NOT_CONFIGURED'],
  ])('%s fails without a retry', async (_, code) => {
    const given = await surroundings();
    if (code === 'POLICY_NOT_TRUSTED') given.trusted.clear();
    const input = given.input('P00', {
      ...(code === 'PRINCIPAL_NOT_BOUND' ? { principal: 'vera' } : {}),
      ...(code === 'PACK_LOCK_MISMATCH' ? { pack_sha256: '0'.repeat(64) } : {}),
    });
    const failure = await failureOf(given.executeGate(input));
    expect(failure).toMatchObject({ type: code, nonRetryable: true });
    expect(given.executors.calls).toEqual([]);
  });

  test('a record of another run is never taken as input', async () => {
    const given = await surroundings();
    given.executors.script('nina', outputs(good.P01));
    const { output_sha256 } = await given.executeGate(given.input('P01'));
    const run = { ...given.run, run_id: 'another-run' };
    const failure = await failureOf(given.executeGate(given.input('P03', { run, inputs: { P01: output_sha256 } })));
    expect(failure).toMatchObject({ type: 'INTERNAL', nonRetryable: true });
  });
});

describe('executeGate: the activity', () => {
  test('feedback reaches the executor as data', async () => {
    const given = await surroundings();
    given.executors.script('nina', outputs(good.P00));
    const feedback = [{ kind: 'rejection', from_gate: 'P06', by: 'grace', text: 'Round <<<properly>>>.' }] as const;
    await given.executeGate(given.input('P00', { feedback }));
    expect(promptInputs(given.executors.calls[0]?.prompt ?? '').feedback).toEqual(feedback);
  });

  test('heartbeats say gate and try', async () => {
    const given = await surroundings();
    const said: GateProgress[] = [];
    given.environment.on('heartbeat', (details) => said.push(gateProgressSchema.parse(details)));
    const untilSaid = (tryNumber: number) => until(() => said.some((beat) => beat.try === tryNumber));
    given.executors.script(
      'nina',
      (call) => untilSaid(1).then(() => says('?')(call)),
      (call) => untilSaid(2).then(() => outputs(good.P00)(call)),
    );
    await given.executeGate(given.input('P00'));
    const steps = said.map((beat) => [beat.try, beat.activity, beat.finished_tries !== undefined] as const);
    const expected = [
      [1, 'nina, try 1 of 2', false],
      // What the first try came to is kept.
      [2, 'nina, try 2 of 2', true],
    ];
    expect(steps).toEqual(expect.arrayContaining(expected));
    expect(said[0]).toMatchObject({ gate: 'P00', attempt: 1, try: 1, last_line: null, output: [] });
  });

  test('heartbeats: the steps of a gate that ends in its first second need none', async () => {
    const given = await surroundings();
    const said: unknown[] = [];
    given.environment.on('heartbeat', (details) => said.push(details));
    const began = performance.now();
    given.executors.script('nina', outputs(good.P00));
    await given.executeGate(given.input('P00'));
    // A busy machine may need longer.
    if (performance.now() - began < 1_000) expect(said).toEqual([]);
  });

  test('heartbeats of an activity that fails: the last says how far it had come', async () => {
    const given = await surroundings();
    const said: GateProgress[] = [];
    given.environment.on('heartbeat', (details) => said.push(gateProgressSchema.parse(details)));
    given.executors.script('nina', says('?'), () => {
      throw new PromptOsError('EXECUTOR_LOST', 'the second try was lost');
    });
    await failureOf(given.executeGate(given.input('P00')));
    expect(said.at(-1)).toMatchObject({ try: 2, finished_tries: expect.any(String) });
  });

  test('heartbeats go on while an executor works', async () => {
    const given = await surroundings();
    let beats = 0;
    const twoBeats = new Promise<void>((resolve) => {
      given.environment.on('heartbeat', (details: { readonly try?: number }) => {
        if (details.try === 1) beats += 1;
        if (beats === 2) resolve();
      });
    });
    given.executors.script('nina', async (call) => {
      await twoBeats;
      return outputs(good.P00)(call);
    });
    expect(await given.executeGate(given.input('P00'))).toMatchObject({ verdict: 'pass' });
  });

  test('cancelled: the executor is aborted, the failure is a cancellation, the checkout is gone', async () => {
    const given = await surroundings();
    let directory = '';
    given.executors.script('nina', (call) => {
      directory = call.directory;
      given.environment.cancel();
      expect(call.signal.aborted).toBe(true);
      throw new Error('killed by its signal');
    });
    expect(await failureOf(given.executeGate(given.input('P00')))).toBeInstanceOf(CancelledFailure);
    await expect(stat(directory)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('a defect stays retryable, and the same attempt may be carried out again', async () => {
    const given = await surroundings();
    given.executors.script('nina', () => {
      throw new PromptOsError('EXECUTOR_LOST', 'The guard ended.');
    });
    const failure = await failureOf(given.executeGate(given.input('P00')));
    expect(failure).toMatchObject({ type: 'EXECUTOR_LOST', nonRetryable: false });
    given.executors.script('nina', outputs(good.P00));
    expect(await given.executeGate(given.input('P00'))).toMatchObject({ verdict: 'pass' });
    const directories = given.executors.calls.map((call) => call.directory);
    expect(new Set(directories).size).toBe(2);
    for (const directory of directories) await expect(readdir(directory)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('the result is bounded however much was found; the record has all of it', async () => {
    const given = await surroundings();
    const constraints = Array.from({ length: 60 }, (_, index) => ({ id: `X${index}`, text: 'y'.repeat(9_000) }));
    given.executors.script('nina', outputs({ ...good.P00, constraints }));
    const result = await given.executeGate(given.input('P00'));
    expect(result.findings).toHaveLength(20);
    expect(result.findings_omitted).toBe(42);
    expect((await given.record(result)).findings).toHaveLength(62);
    expect(JSON.stringify(result).length).toBeLessThan(10_000);
  });
});

test('executeGate: no result while one of its objects is not stored, whichever it is', async () => {
  const given = await surroundings();
  const { store } = given.ports;
  const documents = createPinnedDocuments(store);
  const options = { signal: new AbortController().signal, progress: () => undefined };
  const attempt = async (refused: number) => {
    given.executors.script('nina', outputs(good.P00));
    let puts = 0;
    const putObject: typeof store.putObject = async (content) => {
      puts += 1;
      if (puts === refused) throw new PromptOsError('STORE_FULL', 'The artifact store could not write.');
      return store.putObject(content);
    };
    const ports = { ...given.ports, store: { ...store, putObject } };
    const result = await executeGate(ports, documents, given.input('P00'), options).catch((error: unknown) => error);
    return { puts, result };
  };
  const { puts } = await attempt(0);
  expect(puts).toBeGreaterThan(4);
  for (let refused = 1; refused <= puts; refused += 1) {
    expect((await attempt(refused)).result).toMatchObject({ code: 'STORE_FULL' });
  }
});
