import { expect, test } from 'vitest';
import { keepingTail, type MaskedLog, maskLog } from '../../../src/activities/logs/mask-log.js';
import type { LongBytes } from '../../../src/contracts/long-bytes.js';
import { maskBytes } from '../../../src/rules/secrets/mask-secrets.js';

/** Of the form of a GitHub token; it is none. */
const TOKEN = `ghp_${'q7Rk2ZpX9mWc4Tn8Yb3V'.repeat(2).slice(0, 36)}`;
const KEY = `-----BEGIN PRIVATE KEY-----\n${'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIB\n'.repeat(20)}-----END PRIVATE KEY-----\n`;
const LINE = 'ok 12 - a line of a log as programs write them, and as long as many of them are\n';
const PIECE = 256 * 1_024;

/** A log that comes in pieces of so many bytes. */
const longLog = (bytes: Uint8Array, size: number): LongBytes => ({
  byteLength: bytes.length,
  read: async function* () {
    for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
  },
  release: () => undefined,
});

async function collected(log: MaskedLog): Promise<Buffer> {
  if (log instanceof Uint8Array) return Buffer.from(log);
  const pieces: Uint8Array[] = [];
  for await (const piece of log) pieces.push(piece);
  return Buffer.concat(pieces);
}

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
  const log = logWith(found, 2.1 * PIECE, [0, PIECE - 700, 2 * PIECE - 20]);
  const whole = maskBytes(log);
  expect(Buffer.from(whole).equals(log)).toBe(false);
  expect((await collected(await maskLog(log))).equals(whole)).toBe(true);
  // A credential begins in one piece of a file and ends in the next, also in the midst of a character.
  for (const size of [7, 4_099, 100_003]) {
    expect((await collected(await maskLog(longLog(log, size)))).equals(whole)).toBe(true);
  }
});

test('maskLog: a credential is masked where lines have no end', async () => {
  const log = Buffer.from(`${'x'.repeat(4 * PIECE - 20)} ${TOKEN} ${'y'.repeat(PIECE / 8)}`);
  expect((await collected(await maskLog(log))).includes(TOKEN.slice(4, 20))).toBe(false);
  expect((await collected(await maskLog(longLog(log, 64 * 1_024)))).includes(TOKEN.slice(4, 20))).toBe(false);
});

test('maskLog: a log without credentials is kept as it is, byte for byte', async () => {
  const log = Buffer.concat([Buffer.from([0xff, 0xfe, 0x00]), logWith('', 1.1 * PIECE, [])]);
  expect(await maskLog(log)).toBe(log);
  expect((await collected(await maskLog(longLog(log, 64 * 1_024)))).equals(log)).toBe(true);
});

test('maskLog: other work goes on while a large log is masked', async () => {
  let turns = 0;
  const timer = setInterval(() => {
    turns += 1;
  }, 1);
  await collected(await maskLog(logWith(TOKEN, 3 * PIECE, [PIECE])));
  clearInterval(timer);
  expect(turns).toBeGreaterThanOrEqual(2);
});

test('maskLog: no more of a long log is held than a piece and what is around it', async () => {
  const bytes = logWith(TOKEN, 14 * PIECE, [5 * PIECE]);
  let [read, given, most] = [0, 0, 0];
  const log: LongBytes = {
    ...longLog(bytes, PIECE / 4),
    read: async function* () {
      read = 0;
      for await (const piece of longLog(bytes, PIECE / 4).read()) {
        read += piece.length;
        most = Math.max(most, read - given);
        yield piece;
      }
    },
  };
  const masked = await maskLog(log);
  most = 0;
  if (masked instanceof Uint8Array) throw new Error('expected pieces');
  for await (const piece of masked) given += piece.length;
  expect(given).toBeGreaterThan(13 * PIECE);
  expect(most).toBeLessThan(3 * PIECE);
});

test('keepingTail: passes a log on and knows its end', async () => {
  const log = Buffer.from(`${LINE.repeat(100)}the end`);
  for (const given of [log, longLog(log, 11).read()]) {
    const passed = keepingTail(given, 20);
    expect((await collected(passed.log)).equals(log)).toBe(true);
    expect(Buffer.from(passed.tail()).equals(log.subarray(-20))).toBe(true);
  }
});
