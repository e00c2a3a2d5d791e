import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createFileSystemStore } from '../../../../src/adapters/store/fs/file-system-store.js';
import { verifyCommand } from '../../../../src/cli/audit/audit-commands.js';
import { recordOutput } from '../../../support/recorded-output.js';
import { type GenuineRun, genuineRun } from '../../../verify/genuine-run.js';

let root: string;
let genuine: GenuineRun;

async function publish({ files }: GenuineRun, runId: string): Promise<void> {
  const store = createFileSystemStore(join(root, 'store'));
  const refs = [];
  for (const [path, bytes] of files) refs.push({ path, ...(await store.putObject(bytes)), media_type: 'text/plain' });
  await store.publish(runId, refs);
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'promptos-verify-'));
  genuine = await genuineRun({ story: 'straight', runId: 'first-run' });
  await publish(genuine, 'first-run');
  await publish(await genuineRun({ story: 'cancelled', runId: 'second-run' }), 'second-run');
  await writeFile(join(root, 'store/runs/second-run/evidence/context.json'), '{}\n');
  await writeFile(join(root, 'policy.yaml'), genuine.policyText);
  await writeFile(join(root, 'other.yaml'), `${genuine.policyText}# other\n`);
  await writeFile(join(root, 'promptos.yaml'), 'required_promptos_version: v9.9.9\n');
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function verify(args: readonly string[], json = false) {
  const { output, stdout, stderr } = recordOutput({ json });
  let exit = 0;
  await verifyCommand({
    output: () => output,
    openStore: async () => createFileSystemStore(join(root, 'store')),
    cwd: root,
    env: {},
    exit: (code) => {
      exit = code;
    },
  })
    .exitOverride()
    .parseAsync([...args], { from: 'user' });
  return { stdout: stdout.text, stderr: stderr.text, exit, emitted: json ? stdout.objects() : [] };
}

test('verify: a genuine tree is verified, a line a check', async () => {
  const { stdout, stderr, exit } = await verify(['store/runs/first-run', '--policy', 'policy.yaml']);
  expect(exit).toBe(0);
  expect(stdout.split('\n').filter((line) => line.startsWith('ok ')).length).toBeGreaterThan(20);
  expect(stdout).toContain('\nVerified: ');
  expect(stderr).toBe('');
});

test.each(['trees/escalated', 'version-1/trees/escalated'])('verify: lists what was waived in %s', async (tree) => {
  const vectors = join(import.meta.dirname, '../../../vectors');
  const policy = join(vectors, tree.startsWith('version-1') ? 'version-1/policy.yaml' : 'policy.yaml');
  const { stdout, exit } = await verify([join(vectors, tree), '--policy', policy]);
  expect(exit).toBe(0);
  expect(stdout).toContain('E2 at P06 attempt 1: waived by grace without an end: The check is repaired elsewhere.');
  const { emitted } = await verify([join(vectors, tree), '--policy', policy], true);
  expect(emitted.at(-1)).toMatchObject({
    verified: true,
    waivers: [{ escalation_id: 'E2', waived_by: 'grace', expires_at: null, expired: false, standing: 'passed' }],
  });
});

test('verify: a run by its id, and a link to an exported folder', async () => {
  expect((await verify(['first-run', '--policy', 'policy.yaml'])).exit).toBe(0);
  await symlink(join(root, 'store/runs/first-run'), join(root, 'exported'));
  expect((await verify(['exported', '--policy', 'policy.yaml'])).exit).toBe(0);
});

test('verify: without a policy it says loudly that the tree vouches for itself', async () => {
  const { stdout, stderr, exit } = await verify(['store/runs/first-run']);
  expect(exit).toBe(0);
  expect(stderr).toContain('WARNING: no --policy was given');
  expect(stdout).toContain('NOTE: no policy was handed in');
});

test('verify: a changed file fails, with its code, and what was expected and found', async () => {
  const { stdout, exit } = await verify(['second-run', '--policy', 'policy.yaml']);
  expect(exit).toBe(1);
  expect(stdout).toMatch(
    /FAILED .*: DIGEST_MISMATCH\n.*\n +at +evidence\/context\.json\n +expected +\d+ bytes\n +found +3 bytes/,
  );
  expect(stdout).toContain('NOT VERIFIED: DIGEST_MISMATCH at evidence/context.json.');
});

test("verify: a policy that is not the run's is refused, any of several may be it", async () => {
  const { exit, emitted } = await verify(['first-run', '--policy', 'other.yaml'], true);
  expect(exit).toBe(1);
  expect(emitted.at(-1)).toMatchObject({ verified: false, code: 'POLICY_UNKNOWN', self_vouching: false });
  expect((await verify(['first-run', '--policy', 'other.yaml', '--policy', 'policy.yaml'])).exit).toBe(0);
});

test('verify: with --json one object a check and one of the whole', async () => {
  const { emitted } = await verify(['first-run'], true);
  expect(emitted.at(0)).toMatchObject({ check: 'tree', status: 'ok', failure: null });
  expect(emitted.at(-1)).toMatchObject({ target: 'first-run', verified: true, self_vouching: true, code: null });
});

test('verify: another run in the place of the one that was asked for is refused', async () => {
  await rename(join(root, 'store/runs/second-run'), join(root, 'aside'));
  await symlink(join(root, 'aside'), join(root, 'store/runs/third-run'));
  const { emitted, exit } = await verify(['--all', 'store'], true);
  await rm(join(root, 'store/runs/third-run'));
  await rename(join(root, 'aside'), join(root, 'store/runs/second-run'));
  expect(exit).toBe(1);
  expect(emitted).toContainEqual(expect.objectContaining({ run_id: 'third-run', code: 'RUN_OTHER' }));
});

test('verify: the PromptOS policy file is kept too', async () => {
  const { exit, emitted } = await verify(['first-run', '--promptos-policy', 'promptos.yaml'], true);
  expect(exit).toBe(1);
  expect(emitted.at(-1)).toMatchObject({ code: 'PROMPTOS_VERSION' });
});

test("verify --all: without a folder, every run of the project's own store", async () => {
  const { emitted } = await verify(['--all', '--policy', 'policy.yaml'], true);
  const folder = await verify(['--all', 'store', '--policy', 'policy.yaml'], true);
  const runsOf = (all: readonly { readonly run_id?: string }[]) => all.flatMap(({ run_id }) => run_id ?? []).sort();
  expect(runsOf(emitted)).toEqual(runsOf(folder.emitted));
  expect(emitted.at(-1)).toMatchObject({ runs: runsOf(emitted).length, verified: false });
});

test('verify --all --using: only the runs whose records say that they used it, and a clear error for none', async () => {
  const runsOf = async (...using: string[]) => {
    const args = using.flatMap((what) => ['--using', what]);
    const { emitted } = await verify(['--all', 'store', ...args, '--policy', 'policy.yaml'], true);
    return emitted.flatMap(({ run_id }) => run_id ?? []).sort();
  };
  expect(await runsOf('prompt=P00')).toEqual(['first-run', 'second-run']);
  expect(await runsOf('prompt=P07')).toEqual(['first-run']);
  expect(await runsOf('prompt=P00', 'prompt=P07')).toEqual(['first-run']);
  await expect(verify(['--all', 'store', '--using', 'prompt=P07@9.9.9'])).rejects.toMatchObject({
    code: 'RUN_NOT_PUBLISHED',
    message: expect.stringMatching(/that used that[\s\S]*promptos trace RUN/),
  });
  await expect(verify(['--all', 'store', '--using', 'gate=P07'])).rejects.toMatchObject({ code: 'USAGE' });
  await expect(verify(['first-run', '--using', 'prompt=P07'])).rejects.toMatchObject({ code: 'USAGE' });
});

test('verify --all: every run of a store, the bad ones named, the whole counted', async () => {
  const { exit, emitted } = await verify(['--all', 'store', '--policy', 'policy.yaml'], true);
  expect(exit).toBe(1);
  expect(emitted).toHaveLength(3);
  expect(emitted).toContainEqual(expect.objectContaining({ run_id: 'first-run', verified: true, code: null }));
  expect(emitted).toContainEqual(
    expect.objectContaining({
      run_id: 'second-run',
      verified: false,
      code: 'DIGEST_MISMATCH',
      path: 'evidence/context.json',
    }),
  );
  expect(emitted.at(-1)).toMatchObject({ runs: 2, refused: 1, verified: false });
});

test.each([
  [[], 'USAGE'],
  [['first-run', '--all', 'store'], 'USAGE'],
  [['none/such'], 'FILE_NOT_READABLE'],
  [['no-such-run'], 'RUN_NOT_FOUND'],
  [['first-run', '--policy', 'none.yaml'], 'POLICY_NOT_FOUND'],
  [['first-run', '--promptos-policy', 'none.yaml'], 'FILE_NOT_READABLE'],
  [['--all', 'none'], 'FILE_NOT_READABLE'],
])('verify: %j is refused as %s', async (args, code) => {
  await expect(verify(args)).rejects.toMatchObject({ code });
});
