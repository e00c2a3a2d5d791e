import { expect, test } from 'vitest';
import { startSmallInternet } from '../../../support/small-internet.js';
import { openProxySite } from './proxy-site.js';

test('allow proxy: a head that comes too slowly, and a tunnel in which nothing comes, end after ten seconds', async () => {
  const internet = await startSmallInternet();
  const site = await openProxySite([`api.example.com:${internet.tlsPort}`, `127.0.0.1:${internet.tlsPort}`]);
  const slow = site.connect();
  // A drop may be written just after the end. It fails, and takes with it what was not yet read.
  slow.on('error', () => undefined);
  const ended = new Promise((resolve) => slow.once('close', resolve));
  slow.resume().write('GET http://');
  const drip = setInterval(() => slow.write('a'), 500);
  const stalled = site.send('GET http://');
  const silent = site.send(`CONNECT api.example.com:${internet.tlsPort} HTTP/1.1\r\n\r\n`);
  await ended;
  clearInterval(drip);
  await silent;
  internet.close();
  expect(await stalled).toMatch(/^HTTP\/1\.1 408 /);
  const { requests } = await site.proxy.close();
  const slowOnes = requests.filter(({ reason }) => reason === 'too_slow');
  expect(Object.fromEntries(slowOnes.map(({ method, count }) => [method, count]))).toEqual({ null: 2, connect: 1 });
});
