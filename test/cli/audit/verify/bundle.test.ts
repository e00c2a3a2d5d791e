import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { bundleBytes } from '../../../../src/adapters/tree/bundle-format.js';
import { exportCommand, prBlockCommand } from '../../../../src/cli/runs/run-commands.js';
import { type CommandLineRun, promptos } from '../../../support/command-line.js';
import { createGovernedChange, type GovernedChange } from '../governed-fixture.js';

/*
 * A run's bundle in place of its store: the commands see a bare clone, a policy out of a commit, and nothing else.
 */

let change: GovernedChange;
let bundle: string;
let body: string;
/** `git clone --bare`, with nothing of PromptOS around it. */
let bare: string;
let env: Record<string, string>;
beforeAll(async () => {
  change = await createGovernedChange();
  const { audited, folder, runId } = change;
  bundle = join(folder, 'run.tar');
  expect(await audited.invoke(exportCommand, '--bundle', bundle, '--run', runId)).toMatchObject({ exitCode: 0 });
  body = join(folder, 'body.md');
  await writeFile(body, (await audited.invoke(prBlockCommand, runId)).stdout);
  bare = join(folder, 'bare.git');
  execFileSync('git', ['clone', '--quiet', '--bare', audited.repo, bare]);
  env = { PATH: process.env.PATH ?? '', HOME: join(folder, 'nobody') };
});
afterAll(() => change?.remove());

const inBare = (...args: readonly string[]): Promise<CommandLineRun> =>
  promptos(['-C', bare, ...args, '--json'], { env });
const prCheck = (...args: readonly string[]) => inBare('pr-check', '--body', body, '--commit', 'HEAD', ...args);
interface FailedCheck {
  readonly check: string;
  readonly code: string | null;
  readonly message: string;
}
const failed = (run: CommandLineRun): readonly FailedCheck[] => {
  const { checks } = run.objects().at(-1) as { readonly checks: readonly FailedCheck[] };
  return checks.filter(({ code }) => code !== null);
};

describe('promptos export --bundle', () => {
  test('writes the same bytes again, leaves them alone, and replaces others only with --force', async () => {
    const { audited, folder, runId } = change;
    const [one, other] = [join(folder, 'one.tar'), join(folder, 'other.tar')];
    for (const file of [one, other, other]) await audited.invoke(exportCommand, '--bundle', file, '--run', runId);
    expect((await readFile(one)).equals(await readFile(other))).toBe(true);
    await writeFile(other, 'something else');
    const again = (...more: readonly string[]) =>
      audited.invoke(exportCommand, '--bundle', other, '--run', runId, '--json', ...more);
    await expect(again()).rejects.toMatchObject({ code: 'EXPORT_DIFFERS' });
    const { json } = await again('--force');
    const sha256 = execFileSync('sha256sum', [other]).toString().slice(0, 64);
    expect(json).toEqual({ run_id: runId, bundle: other, bundle_sha256: sha256 });
    expect((await readFile(one)).equals(await readFile(other))).toBe(true);
  });

  test('the tree in it is the published one', async () => {
    const { audited, folder, runId } = change;
    const unpacked = join(folder, 'unpacked');
    await mkdir(unpacked);
    execFileSync('tar', ['-xf', bundle, '-C', unpacked]);
    execFileSync('diff', ['-r', unpacked, audited.store.locate(runId)]);
  });

  test.each([
    [['--bundle', 'x.tar', '--session-file', 'y.json'], 'USAGE'],
    [['--bundle', '.'], 'EXPORT_DIFFERS'],
    [['--bundle', 'x.tar', '--run', 'no-such-run'], 'RUN_NOT_FOUND'],
  ])('%j is refused as %s', async (args, code) => {
    const named = args.includes('--run') ? args : [...args, '--run', change.runId];
    await expect(change.audited.invoke(exportCommand, ...named)).rejects.toMatchObject({ code });
  });
});

describe('audits of a bare clone by a bundle, without store and server', () => {
  test('promptos verify: the bundle is verified against the policy of the commit', async () => {
    const policy = join(change.folder, 'committed.yaml');
    await writeFile(policy, execFileSync('git', ['show', `${change.base}:.promptos/policy.yaml`], { cwd: bare }));
    const verified = await inBare('verify', bundle, '--policy', policy);
    expect(verified).toMatchObject({ exitCode: 0 });
    expect(verified.objects().at(-1)).toMatchObject({ verified: true, self_vouching: false });
  });

  test('promptos pr-check: every check holds', async () => {
    const checked = await prCheck('--policy', change.policy, '--bundle', bundle);
    expect(failed(checked)).toEqual([]);
    expect(checked).toMatchObject({ exitCode: 0 });
    expect(checked.objects().at(-1)).toMatchObject({ passed: true, run_id: change.runId, unreadable: [] });
  });

  test('promptos trace: a commit, a path of it, a digest, the newest run', async () => {
    const record = execFileSync('sha256sum', [join(change.audited.store.locate(change.runId), 'run_record.json')]);
    for (const subject of ['HEAD', 'latest', change.runId, record.toString().slice(0, 64)]) {
      const traced = await inBare('trace', subject, '--policy', change.policy, '--bundle', bundle);
      expect(traced).toMatchObject({ exitCode: 0 });
      expect(traced.objects().at(-1)).toMatchObject({
        run_id: change.runId,
        problems: [],
        run_record: { tree: bundle },
      });
    }
  });

  test('promptos ungoverned: the commit is covered', async () => {
    const listed = await inBare('ungoverned', '--since', change.base, '--policy', change.policy, '--bundle', bundle);
    expect(listed).toMatchObject({ exitCode: 0 });
    expect(listed.objects().at(-1)).toMatchObject({ commits: 1, ungoverned: [] });
  });

  test('nothing is written into the clone or the home', async () => {
    expect(execFileSync('git', ['status', '--porcelain'], { cwd: change.audited.repo }).toString()).toBe('');
    await expect(readFile(env.HOME ?? '')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('a bundle that does not hold', () => {
  let bad: string;
  beforeEach(() => {
    bad = join(change.folder, 'bad.tar');
  });
  afterEach(() => rm(bad, { force: true }));

  /** A bundle of the run's files and of others in their place. */
  async function rebundle(files: Readonly<Record<string, string>>): Promise<Buffer> {
    const all = [...new Map<string, string | Uint8Array>([...change.genuine.files, ...Object.entries(files)])];
    const chunks: Uint8Array[] = [];
    for await (const chunk of bundleBytes(
      all.map(([path, content]) => ({
        path,
        bytes: Buffer.from(content).byteLength,
        open: async function* () {
          yield Buffer.from(content);
        },
      })),
    )) {
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  const TREES: Readonly<Record<string, readonly [code: string, make: () => Promise<Buffer>]>> = {
    'is cut off': ['BUNDLE_MALFORMED', async () => (await readFile(bundle)).subarray(0, -2_000)],
    'is no tar': ['BUNDLE_MALFORMED', async () => Buffer.from('no bundle')],
    'is empty': ['BUNDLE_MALFORMED', async () => Buffer.alloc(0)],
    'holds a file more': ['FILE_UNEXPECTED', () => rebundle({ 'evidence/more.json': '{}\n' })],
    'holds another file': ['DIGEST_MISMATCH', () => rebundle({ 'plan.md': '# Plan\n' })],
    'leads out of its folder': ['PATH_UNSAFE', () => rebundle({ '../../evil': 'x' })],
    'leads out on the way': ['PATH_UNSAFE', () => rebundle({ 'evidence/../../evil': 'x' })],
    'has an absolute path': ['PATH_UNSAFE', () => rebundle({ '/etc/evil': 'x' })],
    'has a path of nothing': ['PATH_UNSAFE', () => rebundle({ 'evidence//x': 'x' })],
    'names its folder': ['PATH_UNSAFE', () => rebundle({ './plan.md': 'x' })],
    'has a line end in a name': ['PATH_UNSAFE', () => rebundle({ 'a\nb': 'x' })],
    'has one path in two cases': ['PATH_CLASH', () => rebundle({ 'PLAN.md': 'x' })],
    'has deep folders': ['TREE_TOO_LARGE', () => rebundle({ [`${'a/'.repeat(40)}x`]: 'x' })],
    'has too many files': [
      'TREE_TOO_LARGE',
      () => rebundle(Object.fromEntries(Array.from({ length: 20_001 }, (_, index) => [`many/${index}`, '']))),
    ],
    'has a record that is none': ['JSON_MALFORMED', () => rebundle({ 'run_record.json': '{' })],
    'has a record of too many values': ['JSON_TOO_LARGE', () => rebundle({ 'run_record.json': '0,'.repeat(250_000) })],
    'has a session that is none': ['DIGEST_MISMATCH', () => rebundle({ 'evidence/prompt_session.json': '{' })],
    'has links': [
      'LINK_IN_TREE',
      async () => {
        const folder = join(change.folder, 'linked');
        await mkdir(folder);
        execFileSync('ln', ['-s', '/etc/passwd', 'run_record.json'], { cwd: folder });
        const made = execFileSync('tar', ['--format=ustar', '-b', '1', '-cf', '-', 'run_record.json'], { cwd: folder });
        return made.subarray(0, 1_536);
      },
    ],
  };

  test.each(Object.entries(TREES))('one that %s is a failed check of promptos verify', async (_, [code, make]) => {
    await writeFile(bad, await make());
    const { exitCode, stderr, ...verified } = await inBare('verify', bad, '--policy', change.policy);
    expect(verified.objects().at(-1)).toMatchObject({ verified: false, code });
    expect(exitCode).toBe(1);
    expect(stderr).not.toMatch(/INTERNAL|\.[jt]s:\d/);
  });

  test.each(['is no tar', 'holds another file', 'leads out of its folder'])(
    'one that %s is refused by each audit, with the code of the verifier',
    async (name) => {
      const [code, make] = TREES[name] ?? ['', async () => ''];
      await writeFile(bad, await make());
      const checked = await prCheck('--policy', change.policy, '--bundle', bad);
      expect(checked.exitCode).toBe(1);
      expect(failed(checked)).toMatchObject([
        { check: 'block', code: 'PR_BLOCK_DIFFERS' },
        { check: 'record', code: 'RUN_NOT_VERIFIED', message: expect.stringContaining(`${bad}: ${code}: `) },
      ]);
      const traced = await inBare('trace', 'HEAD', '--policy', change.policy, '--bundle', bad);
      expect(traced.exitCode).toBe(1);
      expect(traced.objects().at(-1)).toMatchObject({
        error: { code: 'NO_MATCH' },
        unreadable: [{ run_id: null, bundle: bad, code }],
      });
      const listed = await inBare('ungoverned', '--since', change.base, '--policy', change.policy, '--bundle', bad);
      expect(listed).toMatchObject({ exitCode: 1 });
    },
  );

  test('a policy that is not that of the run refuses it, and a good bundle beside a bad one counts', async () => {
    const other = join(change.folder, 'other.yaml');
    await writeFile(other, `${change.genuine.policyText}# other\n`);
    expect(failed(await prCheck('--policy', other, '--bundle', bundle))).toMatchObject([
      {},
      { check: 'record', code: 'RUN_NOT_VERIFIED', message: expect.stringContaining('POLICY_UNKNOWN') },
    ]);
    await writeFile(bad, 'no bundle');
    const both = await prCheck('--policy', change.policy, '--bundle', bad, bundle);
    expect(both.exitCode).toBe(0);
    expect(both.stderr).toContain(`NOTE: bundle ${bad} does not verify, and was left out: BUNDLE_MALFORMED`);
  });

  test('a bundle that is missing, and one run in two bundles, are wrong usage', async () => {
    expect(await prCheck('--bundle', join(change.folder, 'none.tar'))).toMatchObject({ exitCode: 2 });
    await copyFile(bundle, bad);
    const twice = await prCheck('--policy', change.policy, '--bundle', bad, bundle);
    expect(twice).toMatchObject({ exitCode: 2 });
    expect(twice.objects().at(-1)).toMatchObject({ error: { code: 'USAGE' } });
  });
});

describe('a bundle in the pull request, beside the exported session', () => {
  const evidence = 'artifacts/evidence';
  beforeAll(async () => {
    const { audited, runId } = change;
    const file = join(audited.repo, evidence, `${runId}.tar`);
    await audited.invoke(
      exportCommand,
      '--artifacts-dir',
      join(audited.repo, evidence),
      '--bundle',
      file,
      '--run',
      runId,
    );
    audited.commitAll('Session and bundle');
    execFileSync('git', ['--git-dir', bare, 'fetch', '--quiet', audited.repo, '+main:main']);
  });

  test('promptos pr-check and promptos ungoverned: it is part of no change, by store or by bundle', async () => {
    const { audited, base, policy, runId } = change;
    for (const from of [[], ['--bundle', bundle]]) {
      const where = from.length === 0 ? ['-C', audited.repo] : ['-C', bare];
      const run = (...args: readonly string[]) =>
        promptos([...where, ...args, ...from, '--policy', policy, '--json'], { env: { ...audited.env, ...env } });
      const checked = await run('pr-check', '--body', body, '--commit', 'HEAD');
      expect(failed(checked)).toEqual([]);
      const listed = await run('ungoverned', '--since', base);
      expect(listed.objects().at(-1)).toMatchObject({
        ungoverned: [],
        covered: [{}, { by: 'session', run_id: runId }],
      });
    }
  });

  test('another file under its name, and its bytes under another name, are a change of their own', async () => {
    const { audited, policy, runId } = change;
    const file = join(evidence, `${runId}.tar`);
    const check = async (commit: string) => {
      execFileSync('git', ['--git-dir', bare, 'fetch', '--quiet', audited.repo, `+${commit}:main`]);
      return failed(await prCheck('--policy', policy, '--bundle', bundle)).map(({ check: name, code }) => [name, code]);
    };
    const head = audited.git('rev-parse', 'HEAD');
    await writeFile(join(audited.repo, file), 'something else');
    const other = await check(audited.commitAll('Other bytes'));
    audited.git('reset', '-q', '--hard', head);
    await copyFile(bundle, join(audited.repo, evidence, 'another-run.tar'));
    const renamed = await check(audited.commitAll('Another name'));
    audited.git('reset', '-q', '--hard', head);
    expect(other).toEqual([['change', 'COMMIT_DIFFERS']]);
    expect(renamed).toEqual([['change', 'COMMIT_DIFFERS']]);
  });
});
