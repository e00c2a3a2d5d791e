import { afterEach, expect, test } from 'vitest';
import { sha256Hex } from '../../src/contracts/digest.js';
import type { GateId } from '../../src/contracts/names.js';
import type { ExecuteGateResult } from '../../src/contracts/run/activities.js';
import { exampleOutputs } from '../support/gate-outputs.js';
import {
  createGovernedRepository,
  EXAMPLE_POLICY,
  type GovernedRepository,
  type GovernedRepositoryOptions,
} from '../support/governed-repository.js';
import { edits, outputs, type ScriptStep } from '../support/scripted-executor.js';

const made: GovernedRepository[] = [];
afterEach(async () => {
  await Promise.all(made.splice(0).map((repository) => repository.remove()));
});

const good = exampleOutputs();
const bytes = (text: string) => new TextEncoder().encode(text);
/** Put together here, so that no scanner takes this file for a leak. */
const TOKEN = ['gh', 'p_q7Rk2VxT9mZp4LwB8nHs3JdF6cGy1aUe0oKi'].join('');
/** Of no known format: only the scanner knows it. */
const ONLY_SCANNED = 'const zq = fetchWith(purple-otter-7731-sunset)';

/** Carries gates out in order, each on what the ones before left; the attempts' records come back. */
async function walk(steps: readonly (readonly [GateId, ...ScriptStep[]])[], options: GovernedRepositoryOptions = {}) {
  const given = await createGovernedRepository(options);
  made.push(given);
  const inputs: Partial<Record<GateId, string>> = {};
  const results: ExecuteGateResult[] = [];
  for (const [gate, ...scripted] of steps) {
    const input = given.input(gate, { inputs: { ...inputs } });
    given.executors.script(input.principal, ...scripted);
    const result = await given.executeGate(input);
    inputs[gate] = result.output_sha256;
    results.push(result);
  }
  const records = await Promise.all(results.map((result) => given.record(result)));
  return { given, results, records };
}

/** Everything of the attempts that anybody can read: records, artifacts, and transcripts with their prompts. */
async function published({ given, records }: Awaited<ReturnType<typeof walk>>): Promise<string> {
  const refs = records.flatMap(({ artifacts, transcripts }) => [...artifacts, ...transcripts]);
  const read = async (sha256: string) => new TextDecoder().decode(await given.ports.store.readObject(sha256));
  const texts = await Promise.all(refs.map(({ sha256 }) => read(sha256)));
  return [JSON.stringify(records), ...texts].join('\n');
}

test('P05: a refused patch is published without its secrets, those that only the scanner knows included', async () => {
  const hit = { rule: 'r', path: 'src/split.js', line: 3, message: 'a credential', confidence: 'known' as const };
  const text = `export const split = 'right';\nconst token = '${TOKEN}';\n${ONLY_SCANNED}\nexport const more = 1;\n`;
  const build = edits({ 'src/split.js': text }, outputs(good.P05));
  const walked = await walk(
    [
      ['P01', outputs(good.P01)],
      ['P03', outputs(good.P03)],
      ['P05', build],
    ],
    { secretHits: [hit] },
  );
  const [, , result] = walked.results;
  const [, , record] = walked.records;
  if (result === undefined || record === undefined) throw new Error('expected three attempts');
  expect(result.findings.map(({ rule, line }) => [rule, line])).toEqual([
    ['secrets', 3],
    ['secrets', 2],
  ]);
  const all = await published(walked);
  expect(all).not.toContain(TOKEN);
  expect(all).not.toContain('purple-otter');
  expect(JSON.stringify(result)).not.toContain(TOKEN);

  const patch = await walked.given.text(record, 'patch/change.patch');
  expect(patch).toMatch(/^\+const token = '\[masked: github-token, sha256 [0-9a-f]{8}\]';$/m);
  expect(patch).toMatch(/^\+\[masked: scanner, sha256 [0-9a-f]{8}\]$/m);
  expect(patch).toMatch(/^\+export const more = 1;$/m);
  const { masked, stats } = JSON.parse(await walked.given.text(record, 'patch/files.json'));
  expect(masked).toEqual({ sha256: expect.stringMatching(/^[0-9a-f]{64}$/), bytes: stats.bytes });
  expect(masked.sha256).not.toBe(sha256Hex(patch));
});

test('P05: a patch without a secret is published as it is, and is not called masked', async () => {
  const build = edits({ 'src/split.js': "export const split = 'right';\n" }, outputs(good.P05));
  const walked = await walk([
    ['P01', outputs(good.P01)],
    ['P03', outputs(good.P03)],
    ['P05', build],
  ]);
  const record = walked.records[2];
  if (record === undefined) throw new Error('expected three attempts');
  expect(JSON.parse(await walked.given.text(record, 'patch/files.json'))).not.toHaveProperty('masked');
});

test("executor: no credential of its output, its answer or its problem is kept, nor in the next try's prompt", async () => {
  const first: ScriptStep = () => ({
    exit_code: 1,
    stdout: bytes(`out ${TOKEN}\n`),
    stderr: bytes(`err ${TOKEN}\n`),
    answer: `not JSON: ${TOKEN}`,
    problem: `The program said: ${TOKEN}.`,
  });
  const second: ScriptStep = async (call) => {
    const said = await outputs({ ...good.P01, title: `Use ${TOKEN}` })(call);
    return { ...said, stdout: bytes(`out ${TOKEN}\n`), stderr: bytes(`err ${TOKEN}\n`) };
  };
  const walked = await walk([['P01', first, second]]);
  const [record] = walked.records;
  if (record === undefined) throw new Error('expected an attempt');
  expect(await published(walked)).not.toContain(TOKEN);
  expect(JSON.stringify(walked.results)).not.toContain(TOKEN);
  for (const path of ['try-1/stdout.txt', 'try-1/stderr.txt', 'try-1/answer.txt', 'try-2/answer.txt', 'job.json']) {
    expect(await walked.given.text(record, path), path).toContain('[masked: github-token');
  }
  expect(record.tries[0]?.problem).toContain('[masked: github-token');
  expect(await walked.given.text(record, 'try-2/prompt.md')).toContain('[masked: github-token');
});

test('checks: no credential that a check prints is kept, nor shown to the verifier', async () => {
  const prints = `for (const out of [process.stdout, process.stderr]) out.write('said ' + ['gh', 'p_${TOKEN.slice(4)}'].join('') + String.fromCharCode(10))`;
  const walked = await walk(
    [
      ['P01', outputs(good.P01)],
      ['P03', outputs(good.P03)],
      ['P05', edits({ 'src/split.js': "export const split = 'right';\n" }, outputs(good.P05))],
      ['P06', outputs(good.P06)],
    ],
    { policy: EXAMPLE_POLICY.replace('argv: [node, test.js]', `argv: [node, -e, ${JSON.stringify(prints)}]`) },
  );
  const record = walked.records[3];
  if (record === undefined) throw new Error('expected four attempts');
  for (const name of ['stdout', 'stderr']) {
    expect(await walked.given.text(record, `evidence/checks/tests.${name}.txt`)).toMatch(
      /^said \[masked: github-token/,
    );
  }
  expect(await published(walked)).not.toContain(TOKEN);
});
