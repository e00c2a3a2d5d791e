import { expect, test } from 'vitest';
import { startSmallInternet } from '../../../support/small-internet.js';
import { openProxySite } from './proxy-site.js';

test('allow proxy: a head that comes too slowly, and a tunnel in which nothing comes, end after ten seconds', async () => {
  const internet = await startSmallInternet();
  const site = await openProxySite([`api.example.com:${internet.tlsPort}`, `127.0.0.1:${internet.tlsPort}`]);
  const slow = site.connect();
  const answers: string[] = [];
  slow.on('data', (chunk) => answers.push(chunk.toString()));
  // A drop may be written just after the end, and `once` would take that error for a failed wait.
  slow.on('error', () => undefined);
  const ended = new Promise((resolve) => slow.once('close', resolve));
  slow.write('GET http://');
  const drip = setInterval(() => slow.write('a'), 500);
  const silent = site.send(`CONNECT api.example.com:${internet.tlsPort} HTTP/1.1\r\n\r\n`);
  await ended;
  clearInterval(drip);
  await silent;
  internet.close();
  expect(answers.join('')).toMatch(/^HTTP\/1\.1 408 /);
  const { requests } = await site.proxy.close();
  expect(requests.filter(({ reason }) => reason === 'too_slow')).toHaveLength(2);
});
