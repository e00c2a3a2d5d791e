import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createFileSystemStore } from '../../../../src/adapters/store/fs/file-system-store.js';
import { findProject } from '../../../../src/cli/app/project.js';
import { rememberRun } from '../../../../src/cli/runs/read/last-run.js';
import { promptos } from '../../../support/command-line.js';

const CONFIG = `schema_version: 1
roles: [engine]
repositories: {}
trust: { policies: [policy.yaml] }
executors: {}
`;

let root: string;
let here: string;
let shop: string;
let env: Record<string, string>;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'promptos-exported-'));
  [here, shop] = [join(root, 'here'), join(root, 'shop')];
  env = { PROMPTOS_CACHE_DIR: join(root, 'cache'), HOME: root };
  for (const folder of [here, shop]) await mkdir(join(folder, '.git'), { recursive: true });
  await mkdir(join(shop, '.promptos'));
  await writeFile(join(shop, '.promptos/worker.yaml'), CONFIG);
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function publish(folder: string, runId: string): Promise<void> {
  const store = createFileSystemStore(join(folder, '.promptos/state/artifacts'));
  const files = [];
  for (const path of ['run_record.json', 'evidence/prompt_session.json', 'evidence/prompt_session.sha256']) {
    files.push({ path, media_type: 'text/plain', ...(await store.putObject(Buffer.from(`${path} of ${runId}\n`))) });
  }
  await store.publish(runId, files);
}

/** As `dev --target-repo shop` does it, typed in a folder. */
async function remember(from: string, runId: string): Promise<void> {
  const context = { cwd: from, env, output: () => expect.fail('nothing is to be said'), exit: () => undefined };
  await rememberRun(context, await findProject(context, shop), runId);
}
const exported = async (...more: readonly string[]) => {
  const run = await promptos(['export', '--artifacts-dir', join(root, 'out'), '--force', '--json', ...more], {
    cwd: here,
    env,
  });
  const last = run.objects().at(-1) as { readonly run_id?: string; readonly error?: { readonly code: string } };
  return last.run_id ?? last.error?.code;
};

test('export: where nothing is published, the last run that dev started from here for another repository', async () => {
  expect(await exported()).toBe('RUN_NOT_FOUND');
  await remember(here, 'shop-run');
  expect(await exported()).toBe('RUN_NOT_PUBLISHED');
  await publish(shop, 'shop-run');
  await publish(shop, 'shop-run-of-others');
  expect(await exported()).toBe('shop-run');
  expect(await exported('--run', 'shop-run')).toBe('shop-run');
  expect(await exported('--run', 'latest')).toBe('shop-run');
  expect(await exported('--run', 'other-run')).toBe('RUN_NOT_FOUND');
});

test('export: of a run of this place and one that was started from here, the one that was published later', async () => {
  await publish(here, 'own-run');
  await remember(here, 'shop-run');
  expect(await exported()).toBe('own-run');
  await publish(shop, 'shop-run');
  expect(await exported()).toBe('shop-run');
  expect(await exported('--run', 'own-run')).toBe('own-run');
  await publish(here, 'newer-run');
  expect(await exported()).toBe('newer-run');
});

test('export: a run that was started from elsewhere, and a repository that is gone, are no fallback', async () => {
  await publish(shop, 'shop-run');
  await remember(root, 'shop-run');
  expect(await exported()).toBe('RUN_NOT_FOUND');
  await remember(shop, 'shop-run');
  await remember(here, 'shop-run');
  await rm(shop, { recursive: true });
  expect(await exported()).toBe('RUN_NOT_FOUND');
});
