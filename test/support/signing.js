import { generateKeyPairSync, sign } from 'node:crypto';
import { preAuthenticationEncoding } from '../../src/attestation/envelope.js';
import { publicKeyLine, publicKeyOf } from '../../src/attestation/public-keys.js';
import { canonicalJson } from '../../src/contracts/canonical-json.js';
const PAYLOAD_TYPE = 'application/vnd.in-toto+json';
export function makeTestKey(times = {}) {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const key = publicKeyOf(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32));
    const sealBytes = (payload, payloadType = PAYLOAD_TYPE) => {
        const bytes = Buffer.from(payload);
        const sig = sign(null, preAuthenticationEncoding(payloadType, bytes), privateKey).toString('base64');
        return { payloadType, payload: bytes.toString('base64'), signatures: [{ keyid: key.keyid, sig }] };
    };
    return {
        key,
        line: publicKeyLine(key),
        pem: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
        pinned: { ...key, valid_from: null, valid_until: null, revoked_at: null, ...times },
        seal: (statement) => sealBytes(canonicalJson(statement)),
        sealBytes,
    };
}
//# sourceMappingURL=signing.js.map