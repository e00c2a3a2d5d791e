import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { acceptsConnections } from '../../src/embedded/server.js';
import { firstLine } from './first-line.js';
import { startTestServer, startTimeSkippingEnvironment } from './temporal.js';
import { spawnTypeScript } from './typescript-child.js';

test('startTestServer: accepts connections, and leaves nothing behind', async () => {
  const server = await startTestServer();
  expect(await acceptsConnections(server.address)).toBe(true);
  await server.stop();
  expect(await acceptsConnections(server.address)).toBe(false);
  expect(existsSync(server.folder) || existsSync(`${server.folder}.log`)).toBe(false);
});

test('startTestServer: leaves nothing behind when the test is killed -9', async () => {
  const child = spawnTypeScript('test/support/test-server-child.ts', []);
  const { address, folder } = JSON.parse(await firstLine(child)) as { address: string; folder: string };
  expect(await acceptsConnections(address)).toBe(true);
  child.kill('SIGKILL');
  await expect.poll(() => acceptsConnections(address)).toBe(false);
  await expect.poll(() => existsSync(folder) || existsSync(`${folder}.log`)).toBe(false);
});

test('startTimeSkippingEnvironment: a day passes at once', async () => {
  const environment = await startTimeSkippingEnvironment();
  const before = await environment.currentTimeMs();
  await environment.sleep('1 day');
  expect((await environment.currentTimeMs()) - before).toBeGreaterThanOrEqual(24 * 3_600_000);
  await environment.teardown();
});
