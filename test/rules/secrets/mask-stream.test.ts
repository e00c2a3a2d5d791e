import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createMaskedStream, type MaskedPart, maskSecrets } from '../../../src/rules/secrets/mask-secrets.js';

/** Of the form of a GitHub token; it is none. */
const TOKEN = `ghp_${'q7Rk2ZpX9mWc4Tn8Yb3V'.repeat(2).slice(0, 36)}`;
const KEY_LINES = Array.from(
  { length: 12 },
  (_, row) => `${'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIB'}${row}Ab`,
);
const PEM = ['-----BEGIN PRIVATE KEY-----', ...KEY_LINES, '-----END PRIVATE KEY-----'].join('\n');

/** Adds pieces with a look after each, and gives all parts. */
function streamed(pieces: readonly string[]): readonly MaskedPart[] {
  const stream = createMaskedStream();
  const parts = pieces.map((piece) => {
    stream.add(piece);
    return stream.settle();
  });
  return [...parts, stream.end()];
}
const textOf = (parts: readonly MaskedPart[]): string => parts.map(({ text }) => text).join('');
const omittedOf = (parts: readonly MaskedPart[]): number => parts.reduce((sum, { omitted }) => sum + omitted, 0);

test('createMaskedStream: the token of the tests is one that is masked', () => {
  expect(maskSecrets(`token ${TOKEN}\n`)).not.toContain(TOKEN);
  expect(maskSecrets(PEM)).not.toContain('MIIEvQ');
});

test('createMaskedStream: a credential that is cut by the border of two pieces is masked, wherever it is cut', () => {
  const text = `before ${TOKEN} after\n`;
  for (let cut = 0; cut <= text.length; cut += 1) {
    const parts = streamed([text.slice(0, cut), text.slice(cut)]);
    expect(textOf(parts)).toBe(maskSecrets(text));
  }
});

test('createMaskedStream: no piece shows the beginning of a credential before its end is known', () => {
  const stream = createMaskedStream();
  stream.add(`login with ${TOKEN.slice(0, 12)}`);
  expect(stream.settle().text).toBe('login with ');
  stream.add(TOKEN.slice(12));
  expect(stream.settle().text).toBe('');
  stream.add('\n');
  expect(stream.settle().text).toMatch(/^\[masked: [\w-]+, sha256 [0-9a-f]{8}\]\n$/);
});

test('createMaskedStream: a private key is masked that comes line by line', () => {
  const shown = textOf(streamed(`start\n${PEM}\nend\n`.split(/(?<=\n)/)));
  for (const line of KEY_LINES) expect(shown).not.toContain(line.slice(0, 20));
  expect(shown).toMatch(/^start\n/);
  expect(shown).toMatch(/\nend\n$/);
});

test('createMaskedStream: text without credentials comes out as it went in, however it is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: fc.constantFrom('a', 'é', '😀', ' ', '\n', '\r', '\t', '-') })),
      (pieces) => {
        const parts = streamed(pieces);
        expect(textOf(parts)).toBe(pieces.join(''));
        expect(omittedOf(parts)).toBe(0);
      },
    ),
  );
});

test('createMaskedStream: credentials are masked however the text is cut', () => {
  const text = `run 1 ok\n${TOKEN} x=${TOKEN}\n${PEM}\nrun 2 ok ${TOKEN}`;
  fc.assert(
    fc.property(fc.array(fc.nat(text.length), { maxLength: 20 }), (cuts) => {
      const places = [0, ...cuts.sort((a, b) => a - b), text.length];
      const shown = textOf(streamed(places.slice(1).map((end, index) => text.slice(places[index], end))));
      expect(shown).not.toContain(TOKEN.slice(0, 16));
      for (const line of KEY_LINES) expect(shown).not.toContain(line.slice(0, 20));
    }),
  );
});

test('createMaskedStream: a word without an end is left out, and what follows is shown', () => {
  const stream = createMaskedStream();
  for (let round = 0; round < 40; round += 1) {
    stream.add('A'.repeat(1_000));
    stream.settle();
  }
  stream.add('\nnext line\n');
  const { omitted, text } = stream.settle();
  expect(omitted + text.length).toBeGreaterThan(0);
  expect(text).toMatch(/\nnext line\n$/);
});

test('createMaskedStream: of a flood the end is given, with the count of what was left out', () => {
  const stream = createMaskedStream();
  const line = 'one more line of a flood\n';
  for (let round = 0; round < 60_000; round += 1) stream.add(line);
  const { omitted, text } = stream.settle();
  expect(omitted + text.length).toBe(60_000 * line.length);
  expect(text.length).toBeLessThan(256 * 1_024);
  expect(text.endsWith(line)).toBe(true);
});

test('createMaskedStream: a credential at the place where a flood is cut is not shown in half', () => {
  for (let shift = 0; shift < TOKEN.length; shift += 3) {
    const stream = createMaskedStream();
    stream.add(`${'x'.repeat(shift)} ${`${TOKEN} `.repeat(8_000)}`);
    const { omitted, text } = stream.settle();
    expect(omitted).toBeGreaterThan(0);
    expect(text).not.toMatch(/q7Rk|2ZpX9|Wc4Tn/);
  }
});

test('createMaskedStream: zeros between the characters hide nothing', () => {
  const wide = [...`${TOKEN}\n`].join('\0');
  expect(textOf(streamed([wide.slice(0, 31), wide.slice(31)]))).not.toContain(TOKEN.slice(0, 12));
});

/** Keys whose body is not recognised without their last line: headers come before it. */
const body = KEY_LINES.join('\n');
test.each<[string, string]>([
  [
    'a PGP key with headers',
    `-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: GnuPG v2\nComment: mine: https://example.org\n\n${body}\n=abcd\n-----END PGP PRIVATE KEY BLOCK-----`,
  ],
  [
    'an encrypted key',
    `-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0123\n\n${body}\n-----END RSA PRIVATE KEY-----`,
  ],
])('createMaskedStream: %s is masked that comes line by line', (_, key) => {
  const text = `start\n${key}\nend\n`;
  expect(textOf(streamed(text.split(/(?<=\n)/)))).toBe(maskSecrets(text));
  expect(textOf(streamed(text.split(/(?<=\s)/)))).not.toContain(KEY_LINES[3]?.slice(0, 20));
});

test('createMaskedStream: what looks like the beginning of a key holds nothing back for ever', () => {
  const stream = createMaskedStream();
  stream.add('-----BEGIN PRIVATE KEY-----\nno: key\n');
  stream.settle();
  for (let round = 0; round < 50; round += 1) {
    stream.add(`line ${round} of the log\n`.repeat(30));
    stream.settle();
  }
  stream.add('the last line\n');
  expect(stream.settle().text).toBe('the last line\n');
});

test.each([900, 1_000, 1_021, 40_000])(
  'createMaskedStream: no part is shown of a long word that came in pieces of %d',
  (size) => {
    const file = Array.from({ length: 4_800 }, (_row, row) => `line ${row} of a file\n`).join('');
    // As base64, of which a credential is recognised from the beginning of the word alone.
    for (const before of ['', 'x', 'xx', 'xxx']) {
      const word = Buffer.from(`${before}${file}token ${TOKEN}\n${'the end '.repeat(12)}`).toString('base64');
      expect(maskSecrets(word)).not.toBe(word);
      const text = `a ${word}\nnext\n`;
      const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_p, index) =>
        text.slice(index * size, (index + 1) * size),
      );
      expect(textOf(streamed(pieces))).not.toContain(word.slice(-60, -20));
    }
  },
);
