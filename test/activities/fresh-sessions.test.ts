import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { createCommandExecutor } from '../../src/adapters/executor/command-executor.js';
import { createLauncher } from '../../src/adapters/platform/launcher.js';
import { commandExecutorSchema } from '../../src/contracts/config/executor-config.js';
import { exampleOutputs } from '../support/gate-outputs.js';
import { createGovernedRepository, EXAMPLE_POLICY, type GovernedRepository } from '../support/governed-repository.js';
import { edits, outputs, type ScriptStep } from '../support/scripted-executor.js';

/*
 * What a verifier and a reviewer are given is what their records list, and nothing that the writer said beside it.
 */

const GOOD = exampleOutputs();
/** What the writer prints and leaves behind, and no gate asks for. */
const SAID = 'between-us-the-tests-are-fake';
const folder = mkdtempSync(join(tmpdir(), 'promptos-fresh-'));
let repository: GovernedRepository | null = null;
const launcher = createLauncher(process.env.PATH);
afterEach(async () => {
  await repository?.remove();
  await launcher.close();
  rmSync(folder, { recursive: true, force: true });
});

const saying =
  (step: ScriptStep, session_id: string): ScriptStep =>
  async (call) => ({
    ...(await step(call)),
    stdout: new TextEncoder().encode(`${SAID}\n`),
    stderr: new TextEncoder().encode(`${SAID}\n`),
    used: { session_id },
  });

test("P06 and P07 see what their records list; the writer's transcript, session and folders are not in it", async () => {
  repository = await createGovernedRepository({
    policy: `${EXAMPLE_POLICY.replace('output_tries: 2', 'output_tries: 3')}baseline: off\n`,
  });
  const given = repository;
  const repair = edits({ 'src/split.js': "export const split = 'right';\n" }, outputs(GOOD.P05));
  const writes = saying(repair, 's-writer');
  given.executors.script('nina', saying(outputs(GOOD.P01), 's-1'), saying(outputs(GOOD.P03), 's-2'), writes);
  // A program of a worker: it says which folders it was given, and what is in them, and leaves something there.
  const program = createCommandExecutor(
    'vera',
    commandExecutorSchema.parse({
      kind: 'command',
      argv: [
        'node',
        '-e',
        `const fs = require('fs'); const { HOME, PROMPTOS_SCRATCH } = process.env;
const list = (folder) => fs.readdirSync(folder);
fs.appendFileSync(process.argv[1], JSON.stringify({ HOME, PROMPTOS_SCRATCH, cwd: process.cwd(), home: list(HOME), scratch: list(PROMPTOS_SCRATCH) }) + '\\n');
fs.writeFileSync(HOME + '/memory', 'mine'); fs.writeFileSync(PROMPTOS_SCRATCH + '/memory', 'mine');
console.log('no answer');`,
        join(folder, 'folders.jsonl'),
      ],
    }),
    {
      env: { PATH: process.env.PATH ?? '' },
      configDir: folder,
      scratchRoot: join(folder, 'scratch'),
      programs: launcher,
    },
  );
  const contents: string[][] = [];
  const looks =
    (step: ScriptStep): ScriptStep =>
    (call) => {
      contents.push(filesIn(call.directory));
      return step(call);
    };
  const tryOne: ScriptStep = (call) => program.execute(call);
  given.executors.script('vera', looks(tryOne), looks(tryOne), looks(saying(outputs(GOOD.P06), 's-verifier')));
  given.executors.script('rex', looks(saying(outputs(GOOD.P07), 's-writer')));

  const inputs: Record<string, string> = {};
  for (const gate of ['P01', 'P03', 'P05'] as const) {
    inputs[gate] = (await given.executeGate(given.input(gate, { inputs: { ...inputs } }))).output_sha256;
  }
  const verified = await given.executeGate(given.input('P06', { inputs: { ...inputs } }));
  inputs.P06 = verified.output_sha256;
  const reviewed = await given.executeGate(given.input('P07', { inputs: { ...inputs } }));

  const written = ['README.md', 'src/split.js', 'test.js'];
  expect(contents).toEqual([written, written, written, written]);
  for (const result of [verified, reviewed]) {
    const record = await given.record(result);
    const { P05, P03, P01 } = inputs;
    expect(record.inputs).toMatchObject({ P05, P03, P01 });
    for (const { number } of record.tries) {
      const prompt = await given.text(record, `try-${number}/prompt.md`);
      expect(prompt).not.toContain(SAID);
      expect(prompt).not.toContain('s-writer');
    }
  }
  // Each call had folders of its own, empty when it began.
  const lines = readFileSync(join(folder, 'folders.jsonl'), 'utf8').trim().split('\n');
  const [one, other] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect([one, other]).toMatchObject([
    { home: [], scratch: [] },
    { home: [], scratch: [] },
  ]);
  expect(one?.HOME).not.toBe(other?.HOME);
  expect(one?.PROMPTOS_SCRATCH).not.toBe(other?.PROMPTOS_SCRATCH);
  // A reviewer that goes on in the writer's session is refused.
  expect(verified.findings.filter(({ rule }) => rule === 'session_repeated')).toEqual([]);
  expect(reviewed).toMatchObject({ verdict: 'fail', escalation: { trigger: 'rule_violation' } });
  expect(reviewed.findings).toMatchObject([{ rule: 'session_repeated', blocking: true }, { rule: 'review_work' }]);
});

/** The files of a checkout without git's own, in order. */
const filesIn = (directory: string): string[] =>
  readdirSync(realpathSync(directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(realpathSync(directory).length + 1))
    .filter((path) => !path.startsWith('.git/'))
    .sort();
