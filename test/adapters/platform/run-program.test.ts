import { expect, test } from 'vitest';
import { collectHead, collectHeadAndTail } from '../../../src/adapters/platform/run-program.js';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

test('collectHead: keeps the first bytes, whatever the pieces', () => {
  const collector = collectHead(10_000);
  for (let i = 0; i < 5_000; i++) collector.add(Buffer.from('abc'));
  expect(collector.bytes().length).toBe(10_000);
  expect(text(collector.bytes())).toBe('abc'.repeat(4_000).slice(0, 10_000));
});

test.each([1, 3, 7, 50, 1_000])('collectHeadAndTail: keeps both ends of a long output, pieces of %i', (size) => {
  const all = Array.from({ length: 200 }, (_, i) => String(i).padStart(4, '0')).join('');
  const collector = collectHeadAndTail(40);
  for (let at = 0; at < all.length; at += size) collector.add(Buffer.from(all.slice(at, at + size)));
  expect(text(collector.bytes())).toBe(`${all.slice(0, 10)}\n[760 bytes left out]\n${all.slice(-30)}`);
});

test('collectHeadAndTail: leaves a short output alone', () => {
  const collector = collectHeadAndTail(40);
  collector.add(Buffer.from('0123456789'.repeat(4)));
  expect(text(collector.bytes())).toBe('0123456789'.repeat(4));
});
