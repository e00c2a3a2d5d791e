import { NativeConnection } from '@temporalio/worker';
import { afterEach, describe, expect, inject, test, vi } from 'vitest';
import { connectTemporal, locateTemporal } from '../../../src/cli/app/connect.js';
import type { Project } from '../../../src/cli/app/project.js';
import { readEnvironment } from '../../../src/config/environment.js';
import { workerRoute } from '../../../src/config/proxy.js';
import { type ConnectProxy, startConnectProxy } from '../../support/connect-proxy.js';

/** A port on which nothing listens. */
const DEAD = 'http://127.0.0.1:9';
const quiet = { start: false, log: () => undefined };

let proxy: ConnectProxy | undefined;
afterEach(() => {
  vi.unstubAllEnvs();
  proxy?.close();
  proxy = undefined;
});

/** A project of this process: gRPC's library reads the process's own variables. */
function project(variables: Readonly<Record<string, string>>): Project {
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  const files = { home: '/nowhere', state: '/nowhere/state' } as Project['files'];
  return { files, environment: readEnvironment(), workerConfigPath: null };
}

async function answers(place: Project): Promise<boolean> {
  const { client, close } = await connectTemporal(place, quiet);
  try {
    const { clusterName } = await client.workflowService.getClusterInfo({});
    return clusterName !== '';
  } finally {
    await close();
  }
}

describe('connectTemporal: proxies', () => {
  test.each(['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'grpc_proxy', 'all_proxy'])(
    'loopback is reached directly with %s',
    async (name) => {
      expect(await answers(project({ TEMPORAL_ADDRESS: inject('temporalAddress'), [name]: DEAD }))).toBe(true);
    },
  );

  test.each(['https_proxy', 'HTTPS_PROXY'])('another host is reached through %s', async (name) => {
    proxy = await startConnectProxy(inject('temporalAddress'));
    const url = proxy.url.replace('//', '//me:word@');
    expect(await answers(project({ TEMPORAL_ADDRESS: 'temporal.example:7233', [name]: url }))).toBe(true);
    const authorization = `Basic ${Buffer.from('me:word').toString('base64')}`;
    expect(proxy.asked).toEqual([{ target: 'temporal.example:7233', authorization }]);
  });

  test('a worker takes the same way as a client', async () => {
    proxy = await startConnectProxy(inject('temporalAddress'));
    const place = project({ TEMPORAL_ADDRESS: 'temporal.example:7233', HTTPS_PROXY: proxy.url });
    const located = await locateTemporal(place, false, quiet.log);
    const connection = await NativeConnection.connect({
      ...located.connectionOptions,
      ...workerRoute(located.proxy),
    });
    await connection.close();
    expect(proxy.asked.map(({ target }) => target)).toContain('temporal.example:7233');
  });

  test('NO_PROXY is respected: the host is reached directly', async () => {
    const place = project({ TEMPORAL_ADDRESS: 'temporal.example:7233', https_proxy: DEAD, NO_PROXY: '.example' });
    expect((await locateTemporal(place, false, quiet.log)).proxy).toBeNull();
  });
});
