import { createPrivateKey, type JsonWebKey, randomBytes } from 'node:crypto';

/** A secret that a test plants, in every form in which it could come out somewhere. */
export interface Canary {
  readonly name: string;
  readonly forms: readonly Buffer[];
}

const encodings = (bytes: Buffer): readonly Buffer[] =>
  [
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
  ].map((text) => Buffer.from(text));

/** A secret text: as it is, and encoded. */
export const textCanary = (name: string, text: string): Canary => ({
  name,
  forms: [Buffer.from(text), ...encodings(Buffer.from(text))],
});

/** A text that does not occur by accident. */
export const secretText = (): string => `canary-${randomBytes(18).toString('hex')}`;

/** The body of a PEM file, without line ends. */
const bodyOf = (pem: string): string => pem.replaceAll(/-----[A-Z ]+-----|\s/g, '');

/**
 * A private key: the 32 bytes of its seed, the lines of its file, and both encoded.
 * @param pem PKCS#8, with its passphrase where it has one
 */
export function keyCanary(name: string, pem: string, passphrase?: string): Canary {
  const key = createPrivateKey(passphrase === undefined ? pem : { key: pem, passphrase });
  const { d = '' } = key.export({ format: 'jwk' }) as JsonWebKey;
  const seed = Buffer.from(d, 'base64url');
  const plain = key.export({ format: 'der', type: 'pkcs8' });
  const file = Buffer.from(bodyOf(pem), 'base64');
  // A PEM file breaks its lines at 64 characters.
  const firstLine = Buffer.from(bodyOf(pem).slice(0, 64));
  return { name, forms: [seed, firstLine, ...[seed, plain, file].flatMap(encodings)] };
}

/** The bytes, and whatever in them is base64, decoded: histories encode payloads so, and envelopes encode statements so. */
function* views(bytes: Buffer, depth: number): Generator<Buffer> {
  yield bytes;
  if (depth === 0) return;
  for (const [token] of bytes.toString('latin1').matchAll(/[A-Za-z0-9+/_-]{16,}={0,2}/g)) {
    yield* views(Buffer.from(token, 'base64'), depth - 1);
  }
}

/** The names of the canaries that are somewhere in the bytes, up to three layers of base64 deep. */
export function canariesIn(bytes: Uint8Array, canaries: readonly Canary[]): readonly string[] {
  const found = new Set<string>();
  for (const view of views(Buffer.from(bytes), 3)) {
    for (const { name, forms } of canaries) if (forms.some((form) => view.includes(form))) found.add(name);
  }
  return [...found];
}
