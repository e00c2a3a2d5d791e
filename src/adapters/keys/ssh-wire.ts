import { Buffer } from 'node:buffer';

/** The SSH wire encoding (RFC 4251, section 5), as keys, signatures and messages of agents have it. */
interface WireReader {
  byte(): number;
  uint32(): number;
  /** A length in four bytes, and so many bytes behind it. */
  string(): Buffer;
  readonly atEnd: boolean;
}

/** Reads from the front. @throws RangeError where the bytes end too early */
export function createWireReader(bytes: Uint8Array): WireReader {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = 0;
  const take = (length: number): Buffer => {
    if (offset + length > buffer.length) throw new RangeError(`the bytes end ${offset + length - buffer.length} early`);
    offset += length;
    return buffer.subarray(offset - length, offset);
  };
  return {
    byte: () => take(1).readUInt8(),
    uint32: () => take(4).readUInt32BE(),
    string: () => take(take(4).readUInt32BE()),
    get atEnd() {
      return offset === buffer.length;
    },
  };
}

export function wireUint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export const wireString = (content: Uint8Array | string): Buffer => {
  const bytes = Buffer.from(content);
  return Buffer.concat([wireUint32(bytes.length), bytes]);
};

const ED25519_TYPE = 'ssh-ed25519';
const ED25519_KEY_BYTES = 32;
const ED25519_SIGNATURE_BYTES = 64;

/** A key's or signature's type and the bytes behind it (RFC 8709, sections 4 and 6). */
const readTyped = (blob: Uint8Array): { type: string; rest: WireReader } => {
  const rest = createWireReader(blob);
  return { type: rest.string().toString('latin1'), rest };
};

/** What a public key blob is, such as `ssh-rsa`. @throws RangeError */
export const keyTypeOf = (blob: Uint8Array): string => readTyped(blob).type;

const readEd25519 = (blob: Uint8Array, length: number): Buffer | null => {
  const { type, rest } = readTyped(blob);
  if (type !== ED25519_TYPE) return null;
  const bytes = rest.string();
  return bytes.length === length && rest.atEnd ? bytes : null;
};

/** The 32 bytes of an Ed25519 public key, or null for another type. @throws RangeError */
export const readEd25519Key = (blob: Uint8Array): Buffer | null => readEd25519(blob, ED25519_KEY_BYTES);

/** The 64 bytes of an Ed25519 signature, or null for another type. @throws RangeError */
export const readEd25519Signature = (blob: Uint8Array): Buffer | null => readEd25519(blob, ED25519_SIGNATURE_BYTES);

export const writeEd25519Key = (raw: Uint8Array): Buffer => Buffer.concat([wireString(ED25519_TYPE), wireString(raw)]);
