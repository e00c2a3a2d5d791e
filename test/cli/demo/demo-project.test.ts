import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { createWorkerSigners } from '../../../src/adapters/keys/worker-signers.js';
import { ensureDemoProject } from '../../../src/cli/demo/run-demo.js';
import { readPolicy } from '../../../src/config/policy-file.js';
import { readWorkerConfig } from '../../../src/config/worker-config-file.js';
import { readPublicKeyLine } from '../../../src/domain/attest/public-keys.js';
import { pathWithBubblewrap } from '../../support/stand-in-bubblewrap.js';

const EVERYBODY = ['ada', 'auditor', 'breaker', 'engine', 'grace', 'scribe'];

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'promptos-demo-project-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

test('demonstration: everybody has a throwaway key in its own folder, in the policy, and in no commit', async () => {
  const root = await folder();
  const { repository, keys } = await ensureDemoProject(join(root, 'demo'), process.env);
  expect(keys).toBe(join(repository, '.promptos', 'keys'));
  expect((await readdir(keys)).sort()).toEqual(EVERYBODY.flatMap((name) => [`${name}.pem`, `${name}.pub`]));
  for (const name of EVERYBODY) expect((await stat(join(keys, `${name}.pem`))).mode & 0o777).toBe(0o600);

  const { policy } = await readPolicy(join(repository, '.promptos', 'policy.yaml'));
  expect(policy).toMatchObject({ decisions: { authentication: 'required' }, attestations: 'required' });
  const signers = await createWorkerSigners(await readWorkerConfig(join(repository, '.promptos', 'worker.yaml')), {});
  const keyidOf = (key: { readonly public: string } | undefined) => readPublicKeyLine(key?.public ?? '')?.keyid;
  for (const name of ['scribe', 'auditor', 'breaker'])
    expect(signers.forPrincipal(name)?.keyid).toBe(keyidOf(policy.principals[name]?.keys[0]));
  expect(signers.forEngine()?.keyid).toBe(keyidOf(policy.engine.keys[0]));
  for (const name of ['ada', 'grace']) {
    const line = (await readFile(join(keys, `${name}.pub`), 'utf8')).trim();
    expect(policy.principals[name]?.keys).toEqual([{ public: line }]);
  }

  const { stdout } = await execa('git', ['ls-files', '.promptos'], { cwd: repository });
  expect(stdout).toContain('.promptos/policy.yaml');
  expect(stdout).not.toContain('keys/');
  expect((await execa('git', ['status', '--porcelain'], { cwd: repository })).stdout).toBe('');
  expect(await readdir(root)).toEqual(['demo']);
});

test('demonstration: two have different keys; one that is there is found with its own', async () => {
  const root = await folder();
  const [one, two] = [
    await ensureDemoProject(join(root, 'one'), process.env),
    await ensureDemoProject(join(root, 'two'), process.env),
  ];
  const grace = ({ keys }: { readonly keys: string }) => readFile(join(keys, 'grace.pub'), 'utf8');
  expect(await grace(one)).not.toBe(await grace(two));
  const before = await grace(one);
  expect(await ensureDemoProject(join(root, 'one'), process.env)).toEqual({ ...one, made: false });
  expect(await grace(one)).toBe(before);
});

test('demonstration: the worker config asks for a sandbox, and for none only where the machine has none', async () => {
  const root = await folder();
  const sandboxOn = async (able: 'works' | 'broken') => {
    const PATH = await pathWithBubblewrap(able, join(root, 'bin', able));
    const { repository } = await ensureDemoProject(join(root, able), { ...process.env, PATH });
    return (await readWorkerConfig(join(repository, '.promptos', 'worker.yaml'))).sandbox;
  };
  expect(await sandboxOn('works')).toMatchObject({ readable: [] });
  expect(await sandboxOn('broken')).toBe('none');
});

test('demo: FILE_EXISTS and nothing changed, where the folder holds something else', async () => {
  const root = await folder();
  await mkdir(join(root, 'mine'));
  await writeFile(join(root, 'mine', 'x'), '');
  await expect(ensureDemoProject(join(root, 'mine'), process.env)).rejects.toMatchObject({ code: 'FILE_EXISTS' });
  expect(await readdir(join(root, 'mine'))).toEqual(['x']);
});
