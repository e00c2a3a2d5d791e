import { base64 } from '@scure/base';
import { canonicalJson, canonicalOrNull, canonicalSha256, readJson } from '../../contracts/json.js';
import type { Envelope } from '../../contracts/keys.js';
import { oncePerObject } from '../../contracts/remember.js';
import { type PublicKey, verifiesStrictly } from './public-keys.js';

/** The media type of in-toto statements in DSSE envelopes. */
export const IN_TOTO_PAYLOAD_TYPE = 'application/vnd.in-toto+json';

/** Signs bytes with one Ed25519 key. */
export type SignBytes = (message: Uint8Array) => Uint8Array | Promise<Uint8Array>;

export type OpenedEnvelope =
  | { readonly ok: true; readonly keyid: string; readonly payload: unknown }
  | { readonly ok: false; readonly problem: 'malformed' | 'unknown_key' | 'signature'; readonly detail: string };

/** DSSE's Pre-Authentication Encoding: what is really signed, so that type and payload cannot be shifted about. */
export function preAuthenticationEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const encoder = new TextEncoder();
  const type = encoder.encode(payloadType);
  const head = encoder.encode(`DSSEv1 ${type.length} ${payloadType} ${payload.length} `);
  const encoded = new Uint8Array(head.length + payload.length);
  encoded.set(head);
  encoded.set(payload, head.length);
  return encoded;
}

/** Of an envelope's canonical JSON: by it messages are named in refusals, and found in the journal. */
export const envelopeSha256 = oncePerObject((envelope: Envelope) => canonicalSha256(envelope));

/** Puts a statement, as canonical JSON, into a signed envelope. */
export async function sealStatement(statement: object, key: PublicKey, sign: SignBytes): Promise<Envelope> {
  const payload = new TextEncoder().encode(canonicalJson(statement));
  const signature = await sign(preAuthenticationEncoding(IN_TOTO_PAYLOAD_TYPE, payload));
  return {
    payloadType: IN_TOTO_PAYLOAD_TYPE,
    payload: base64.encode(payload),
    signatures: [{ keyid: key.keyid, sig: base64.encode(signature) }],
  };
}

/**
 * Checks an envelope of ours: one signature, by one of the given keys, over a canonical in-toto payload. Pure, so the
 * workflow, the command line and the offline verifier run the same code.
 */
export function openEnvelope(envelope: Envelope, keys: readonly PublicKey[]): OpenedEnvelope {
  const [signature, ...more] = envelope.signatures;
  if (envelope.payloadType !== IN_TOTO_PAYLOAD_TYPE) return malformed(`payload type ${envelope.payloadType}`);
  if (signature === undefined || more.length > 0) return malformed('expected exactly one signature');
  const key = keys.find(({ keyid }) => keyid === signature.keyid);
  if (key === undefined) return { ok: false, problem: 'unknown_key', detail: signature.keyid };
  const payload = decoded(envelope.payload);
  const sig = decoded(signature.sig);
  if (payload === null || sig === null || sig.length !== 64) return malformed('expected base64');
  if (!verifiesStrictly(sig, preAuthenticationEncoding(envelope.payloadType, payload), base64.decode(key.raw))) {
    return { ok: false, problem: 'signature', detail: signature.keyid };
  }
  const text = textOf(payload);
  const value = text === null ? undefined : readJson(text);
  // Only canonical JSON has one reading: duplicated members, `1.0` and the like are refused even when they are signed.
  if (text === null || value === undefined || canonicalOrNull(value) !== text)
    return malformed('expected canonical JSON');
  return { ok: true, keyid: key.keyid, payload: value };
}

const malformed = (detail: string): OpenedEnvelope => ({ ok: false, problem: 'malformed', detail });

function decoded(text: string): Uint8Array | null {
  try {
    return base64.decode(text);
  } catch {
    return null;
  }
}

/** What an envelope states, whether or not its signature holds; undefined when it holds no JSON. Whether it counts, `openEnvelope` says. */
export function statementOf({ payload }: Envelope): unknown {
  const bytes = decoded(payload);
  const text = bytes === null ? null : textOf(bytes);
  return text === null ? undefined : readJson(text);
}

/** UTF-8 and nothing else, a byte order mark left where it is: then it is not canonical JSON. */
function textOf(payload: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload);
  } catch {
    return null;
  }
}

/** The key that an envelope names as its signer, or null without an envelope. Whether it really signed is judged elsewhere. */
export const keyidOf = (envelope: Envelope | null): string | null => envelope?.signatures[0]?.keyid ?? null;
