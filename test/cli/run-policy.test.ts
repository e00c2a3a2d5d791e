import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { createFileSystemStore } from '../../src/adapters/store-fs/file-system-store.js';
import { readRunPolicy } from '../../src/cli/keys/signing.js';
import { sha256Hex } from '../../src/contracts/digest.js';
import { EXAMPLE_POLICY } from '../support/governed-repository.js';

const folder = await mkdtemp(join(tmpdir(), 'promptos-run-policy-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

const POLICY = new TextEncoder().encode(`${EXAMPLE_POLICY}prompt_packs: ['${'a'.repeat(64)}']\n`);
const digest = sha256Hex(POLICY);

test('readRunPolicy: a file with the same bytes stands in for a store that lacks the policy; another one does not', async () => {
  const store = createFileSystemStore(join(folder, 'store'));
  const [same, other] = [join(folder, 'policy.yaml'), join(folder, 'other.yaml')];
  await writeFile(same, POLICY);
  await writeFile(other, `${new TextDecoder().decode(POLICY)}# another comment\n`);
  const missing = join(folder, 'missing.yaml');
  expect((await readRunPolicy(store, digest, [missing, other, same])).name).toBe('example');
  const refused = readRunPolicy(store, digest, [missing, other]);
  await expect(refused).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND', message: expect.stringContaining(other) });
  await store.putObject(POLICY);
  expect((await readRunPolicy(store, digest, [])).name).toBe('example');
});
