import { execFileSync } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Envelope } from '../../../src/contracts/keys.js';
import { openEnvelope, preAuthenticationEncoding, sealStatement } from '../../../src/domain/attest/envelope.js';
import { publicKeyLine, publicKeyOf, readPublicKeyLine } from '../../../src/domain/attest/public-keys.js';
import { PREDICATES, readStatement, statement } from '../../../src/domain/attest/statement.js';

const makeKey = () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  return {
    key: publicKeyOf(raw),
    signBytes: (message: Uint8Array) =>
      sign(null, message, createPrivateKey(privateKey.export({ format: 'pem', type: 'pkcs8' }))),
  };
};
const { key, signBytes } = makeKey();
const other = makeKey();
const subject = [{ name: 'P03.1', digest: { sha256: 'a'.repeat(64) } }];
const seal = () => sealStatement(statement(PREDICATES.gateDecision, subject, { gate: 'P03' }), key, signBytes);

test('preAuthenticationEncoding: is that of the DSSE specification', () => {
  const encoded = preAuthenticationEncoding('http://example.com/HelloWorld', new TextEncoder().encode('hello world'));
  expect(new TextDecoder().decode(encoded)).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
});

test('openEnvelope: takes what node signed, and gives the statement', async () => {
  const opened = openEnvelope(await seal(), [other.key, key]);
  expect(opened).toMatchObject({ ok: true, keyid: key.keyid });
  expect(opened.ok && readStatement(opened.payload, PREDICATES.gateDecision)).toMatchObject({
    predicate: { gate: 'P03' },
    subject,
  });
});

test('openEnvelope: refuses any other key, type, payload, signature or count of them', async () => {
  const good = await seal();
  const [signature] = good.signatures;
  if (signature === undefined) throw new Error('no signature');
  const resigned = await sealStatement({ any: 1 }, key, signBytes);
  const cases: [Envelope, string][] = [
    [{ ...good, payloadType: 'application/json' }, 'malformed'],
    [{ ...good, payload: resigned.payload }, 'signature'],
    [{ ...good, payload: `${good.payload}\n` }, 'malformed'],
    [{ ...good, signatures: [] }, 'malformed'],
    [{ ...good, signatures: [signature, signature] }, 'malformed'],
    [{ ...good, signatures: [{ ...signature, keyid: 'SHA256:none' }] }, 'unknown_key'],
    [{ ...good, signatures: [{ ...signature, keyid: other.key.keyid }] }, 'signature'],
    [
      { ...good, signatures: [{ ...signature, sig: signature.sig.replace(/^./, (c) => (c === 'A' ? 'B' : 'A')) }] },
      'signature',
    ],
  ];
  for (const [envelope, problem] of cases)
    expect(openEnvelope(envelope, [key, other.key])).toMatchObject({ ok: false, problem });
});

test('openEnvelope: refuses a signed payload that is not canonical JSON', () => {
  const texts = ['{"a":1,"a":2}', '{"a":1.0}', '{ "a":1}', '{"b":1,"a":2}', 'nothing', '"\\ud800"', '\uFEFF{"a":1}'];
  for (const text of [...texts, Buffer.of(0x22, 0xff, 0x22)]) {
    const payload = Buffer.from(text);
    const sig = signBytes(preAuthenticationEncoding('application/vnd.in-toto+json', payload));
    const envelope = {
      payloadType: 'application/vnd.in-toto+json',
      payload: payload.toString('base64'),
      signatures: [{ keyid: key.keyid, sig: sig.toString('base64') }],
    };
    expect(openEnvelope(envelope, [key]), String(text)).toMatchObject({ ok: false, problem: 'malformed' });
  }
});

test('openEnvelope: a flipped bit anywhere is refused', async () => {
  const good = await seal();
  const payload = Buffer.from(good.payload, 'base64');
  fc.assert(
    fc.property(fc.nat(payload.length * 8 - 1), (bit) => {
      const flipped = Buffer.from(payload);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(openEnvelope({ ...good, payload: flipped.toString('base64') }, [key]).ok).toBe(false);
    }),
    { numRuns: 60 },
  );
});

test('public keys: the id and the line are those of ssh-keygen', () => {
  const folder = mkdtempSync(join(tmpdir(), 'promptos-keys-'));
  try {
    const file = join(folder, 'key');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'ada@example.org', '-f', file]);
    const line = readFileSync(`${file}.pub`, 'utf8');
    const read = readPublicKeyLine(line);
    expect(execFileSync('ssh-keygen', ['-l', '-f', file], { encoding: 'utf8' })).toContain(` ${read?.keyid} `);
    expect(read && publicKeyLine(read)).toBe(line.trim().split(' ').slice(0, 2).join(' '));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('public keys: another type, a cut or a padded blob is no key', () => {
  const line = publicKeyLine(key);
  for (const bad of [
    '',
    'ssh-rsa AAAA',
    line.slice(0, -4),
    `${line}AAAA`,
    line.replace('ssh-ed25519 ', 'ssh-ed25519'),
    line.replace('AAAA', 'AAAB'),
  ]) {
    expect(readPublicKeyLine(bad), bad).toBeNull();
  }
  expect(readPublicKeyLine(`${line} a comment`)).toEqual(key);
});
