import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { generatePrivateKey } from '../../src/adapters/keys/key-files.js';
import { runWorkflowId } from '../../src/contracts/names.js';
import { type Canary, canariesIn, keyCanary, secretText, textCanary } from './canaries.js';
import { createSignedSite, filesBelow, type SignedSite, WORKER } from './signed-site.js';

/*
 * A whole signed run as people have it, with a secret in every place where a set-up may have one: nothing of them may
 * come out anywhere. The agents and the check tell all that they are given.
 */

let site: SignedSite;
let runId: string;
let outcome: string;
/** Found with what commands were made to fail with; planted after the site was made. */
const more: Canary[] = [];

const RUN = ['--developer', 'ada', '--request', '.promptos/request.yaml', '--decide-as', 'grace', '--json'];

beforeAll(async () => {
  site = await createSignedSite(inject('temporalAddress'));
  const { stdout, stderr } = await site.promptos(['dev', ...RUN]);
  const last = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '{}');
  if (last.run_id === undefined) throw new Error(`the run did not end: ${stdout}\n${stderr}`);
  ({ run_id: runId, outcome } = last);
}, 180_000);
afterAll(() => site.close());

/** What must not be found anywhere. */
const canaries = (): readonly Canary[] => [...site.canaries, ...more];

/** The places in which a canary is, each with what was found there. */
function leaks(places: ReadonlyMap<string, Uint8Array>): readonly string[] {
  return [...places].flatMap(([place, bytes]) => canariesIn(bytes, canaries()).map((name) => `${place}: ${name}`));
}

const utf8 = (text: string): Buffer => Buffer.from(text);

describe('the search', () => {
  const samples: readonly Canary[] = [
    textCanary('a text', 'canary-7f'),
    keyCanary('a key', generatePrivateKey(null).pem),
    keyCanary('a key with a passphrase', generatePrivateKey('words').pem, 'words'),
  ];
  test.each(samples)(
    'finds $name in every form: plain, in an error, in a payload, in an envelope in a payload',
    (canary) => {
      for (const form of canary.forms) {
        const error = Buffer.concat([utf8('{"error":"'), form, utf8('"}')]);
        const payload = utf8(JSON.stringify({ payloads: [{ data: error.toString('base64') }] }));
        const nested = utf8(JSON.stringify({ payload: payload.toString('base64') }));
        for (const bytes of [form, error, payload, nested]) {
          expect(canariesIn(bytes, samples)).toContain(canary.name);
        }
      }
      expect(canariesIn(utf8('nothing of that kind, only AAAAC3NzaC1lZDI1NTE5AAAAIA3KN8Q3K45C'), samples)).toEqual([]);
    },
  );
});

test('the run: approved, everything signed, and it verifies', async () => {
  expect(outcome).toBe('approved');
  const { exitCode, stdout } = await site.promptos(['verify', runId, '--policy', '.promptos/policy.yaml', '--json']);
  const verdict = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
  expect({ exitCode, verdict }).toMatchObject({ exitCode: 0, verdict: { verified: true, remarks: [] } });
});

test('the store: holds what executors and checks were given, so that a secret among it would be seen', async () => {
  const found = [...(await filesBelow(join(site.state, 'artifacts')))].filter(
    ([, bytes]) => canariesIn(bytes, [site.allowed]).length > 0,
  );
  const texts = found.map(([, bytes]) => bytes.toString('utf8'));
  expect(texts.some((text) => text.includes('agents/writer.mjs'))).toBe(true);
  expect(texts.some((text) => text.includes('what a check is given'))).toBe(true);
});

test('no secret is in the store, its published tree, or whatever else the worker keeps', async () => {
  const files = await filesBelow(site.state);
  expect([...files.keys()].filter((path) => path.startsWith('artifacts/')).length).toBeGreaterThan(50);
  expect([...files.keys()]).toContain(`artifacts/runs/${runId}/run_record.json`);
  expect(leaks(files)).toEqual([]);
});

test('no secret is in the Temporal history, nor in what Temporal describes of the run', async () => {
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  try {
    const handle = new Client({ connection }).workflow.getHandle(runWorkflowId(runId));
    const history = historyToJSON(await handle.fetchHistory());
    const described = JSON.stringify((await handle.describe()).raw);
    expect(history).toContain('promptos_executeGate');
    expect(history.length).toBeGreaterThan(20_000);
    const places = new Map([
      ['history', utf8(history)],
      ['description', utf8(described)],
    ]);
    expect(leaks(places)).toEqual([]);
    // What is really in the payloads is searched too: the policy's digest is in them alone.
    const digest = textCanary('inside', runId);
    expect(canariesIn(utf8(history.replaceAll(runId, '')), [digest])).toEqual(['inside']);
  } finally {
    await connection.close();
  }
});

test('no secret is in the committed files', async () => {
  const { stdout } = await execa('git', ['log', '--all', '--patch', '--format=fuller'], { cwd: site.repository });
  expect(stdout).toContain('.promptos/policy.yaml');
  expect(leaks(new Map([['git log', utf8(stdout)]]))).toEqual([]);
});

/** A private key whose file is damaged behind its beginning. */
function damagedPem(): string {
  const { pem } = generatePrivateKey(null);
  more.push(keyCanary('a damaged key', pem), textCanary('what is left of it', pem.split('\n')[1]?.slice(0, 40) ?? ''));
  return pem.replace(/(.{40}).*\n-----END/, '$1\n-----END');
}

test('no secret is in what commands print, in their errors and in --json', async () => {
  const wrong = secretText();
  more.push(textCanary('a wrong passphrase', wrong));
  const wrongPassphrase = { ...site.workerEnv, PROMPTOS_PASSPHRASE_FILE: await site.file('wrong', wrong) };
  const damaged = await site.file('damaged.pem', damagedPem());
  const locked = generatePrivateKey(wrong).pem;
  more.push(keyCanary('a locked key', locked, wrong));
  const keys = join(site.repository, '.promptos', 'keys');
  const policy = ['--policy', '.promptos/policy.yaml'];

  const good: readonly (readonly string[])[] = [
    ['run', 'status', runId, '--json'],
    ['run', 'list'],
    ['pr-block', runId],
    ['trace', runId, ...policy, '--json'],
    ['keys', 'show', join(keys, 'grace.pem'), '--json'],
    ['keys', 'list', '--json'],
    ['doctor', '--json'],
  ];
  for (const args of good) await site.promptos(args);
  const failing: readonly [readonly string[], Readonly<Record<string, string>> | undefined, string][] = [
    [['approve', runId, '--gate', 'P00', '--as', 'grace', '--json'], undefined, '"error"'],
    [['dev', ...RUN], wrongPassphrase, 'KEY_LOCKED'],
    [['dev', ...RUN, '--key', damaged], undefined, 'KEY_NOT_READABLE'],
    [['keys', 'show', damaged], undefined, 'KEY_NOT_READABLE'],
    [['worker'], { ...site.workerEnv, SCRIBE_KEY: damagedPem() }, 'KEY_NOT_READABLE'],
    [['worker', '--json'], { ...site.workerEnv, SCRIBE_KEY: locked }, 'KEY_LOCKED'],
    [['worker'], { ...site.workerEnv, PROMPTOS_PASSPHRASE: wrong }, 'ENVIRONMENT_INVALID'],
  ];
  for (const [args, env, expected] of failing) {
    const { exitCode, stdout, stderr } = await site.promptos(args, env && { ...env, PROMPTOS_LOG_LEVEL: 'debug' });
    expect({ args, exitCode, said: stdout + stderr }).toEqual({
      args,
      exitCode: expect.toSatisfy((code) => [1, 2, 3].includes(code)),
      said: expect.stringContaining(expected),
    });
  }
  const printed = new Map([...site.printed].map(([name, text]) => [name, utf8(text)]));
  expect(printed.size).toBeGreaterThan(good.length + failing.length);
  expect(leaks(printed)).toEqual([]);
});

test("no secret is in the worker's log, at its most talkative", () => {
  const log = site.printed.get(WORKER) ?? '';
  expect(log).toContain('"level":20');
  expect(log).toContain(runId);
  expect(leaks(new Map([[WORKER, utf8(log)]]))).toEqual([]);
});
