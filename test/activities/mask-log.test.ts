import { expect, test } from 'vitest';
import { maskLog } from '../../src/activities/mask-log.js';
import { maskBytes } from '../../src/rules/mask-secrets.js';

/** Of the form of a GitHub token; it is none. */
const TOKEN = `ghp_${'q7Rk2ZpX9mWc4Tn8Yb3V'.repeat(2).slice(0, 36)}`;
const KEY = `-----BEGIN PRIVATE KEY-----\n${'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIB\n'.repeat(20)}-----END PRIVATE KEY-----\n`;
const LINE = 'ok 12 - a line of a log as programs write them, and as long as many of them are\n';
const PIECE = 1_024 * 1_024;

/** A log of `size` characters at least, with `found` at each of the places. */
function logWith(found: string, size: number, places: readonly number[]): Uint8Array {
  let text = '';
  for (const place of places) {
    text += LINE.repeat(Math.max(0, Math.floor((place - text.length) / LINE.length)));
    text += 'x'.repeat(Math.max(0, place - text.length - 1));
    text += ` ${found}`;
  }
  return Buffer.from(text + LINE.repeat(Math.max(0, Math.ceil((size - text.length) / LINE.length))));
}

test.each<[string, string]>([
  ['a token', `${TOKEN} `],
  ['a private key', KEY],
  ['a token of two bytes a character', `${[...TOKEN].join('\0')}\0\n`],
])('maskLog: %s is masked in a large log, also where it crosses the border of two pieces', async (_, found) => {
  const log = logWith(found, 1.1 * PIECE, [0, PIECE - 700]);
  const whole = maskBytes(log);
  expect(Buffer.from(whole).equals(log)).toBe(false);
  expect(Buffer.from(await maskLog(log)).equals(whole)).toBe(true);
});

test('maskLog: a credential is masked where lines have no end', async () => {
  const log = Buffer.from(`${'x'.repeat(4 * PIECE - 20)} ${TOKEN} ${'y'.repeat(PIECE / 8)}`);
  expect(Buffer.from(await maskLog(log)).includes(TOKEN.slice(4, 20))).toBe(false);
});

test('maskLog: a log without credentials is kept as it is, byte for byte', async () => {
  const log = Buffer.concat([Buffer.from([0xff, 0xfe, 0x00]), logWith('', 1.1 * PIECE, [])]);
  expect(await maskLog(log)).toBe(log);
});

test('maskLog: other work goes on while a large log is masked', async () => {
  let turns = 0;
  const timer = setInterval(() => {
    turns += 1;
  }, 1);
  await maskLog(logWith(TOKEN, 3 * PIECE, [PIECE]));
  clearInterval(timer);
  expect(turns).toBeGreaterThanOrEqual(2);
});
