import { canonicalJson } from '../contracts/canonical-json.js';
import type { Envelope } from '../contracts/keys.js';
import type { GateId } from '../contracts/names.js';

/** The folder of everything signed in a published tree. */
export const ATTESTATIONS_FOLDER = 'evidence/attestations';

/** The media type of a DSSE envelope in JSON. */
export const DSSE_MEDIA_TYPE = 'application/vnd.dsse.envelope.v1+json';

const dsse = (name: string): string => `${ATTESTATIONS_FOLDER}/${name}.dsse.json`;

/** Where each attestation of a run stands, whether or not what it is about still counts: the names hold the attempt. */
export const attestationPaths = {
  runRequest: dsse('run-request'),
  /** By the sequence number of the ledger entry in which the envelope stands. */
  decision: (seq: number): string => dsse(`decision-${seq}`),
  gateAttempt: (gate: GateId, attempt: number): string => dsse(`${gate}.${attempt}`),
  provenance: (gate: GateId, attempt: number): string => dsse(`${gate}.${attempt}.provenance`),
  testResult: (gate: GateId, attempt: number): string => dsse(`${gate}.${attempt}.test-result`),
  /** By the engine, about the record and the ledger: the record cannot list them. */
  runRecord: dsse('run-record'),
  ledgerSeal: dsse('ledger-seal'),
  bundle: `${ATTESTATIONS_FOLDER}/bundle.jsonl`,
} as const;

/** Files of a tree that its record cannot list; each has a check of its own. */
export const isSealFile = (path: string): boolean =>
  path === attestationPaths.runRecord || path === attestationPaths.ledgerSeal || path === attestationPaths.bundle;

/** Whether a file is an envelope of the folder. */
export const isAttestationFile = (path: string): boolean =>
  path.startsWith(`${ATTESTATIONS_FOLDER}/`) && path.endsWith('.dsse.json');

/** The text of a DSSE file: two-space indented JSON, members in the order of the specification, one trailing newline. */
export const envelopeText = ({ payloadType, payload, signatures }: Envelope): string =>
  `${JSON.stringify({ payloadType, payload, signatures: signatures.map(({ keyid, sig }) => ({ keyid, sig })) }, null, 2)}\n`;

/** `bundle.jsonl`: every envelope of the folder, one line of canonical JSON each, in the order of the file names. */
export const bundleText = (files: readonly { readonly path: string; readonly envelope: Envelope }[]): string =>
  [...files]
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ envelope }) => `${canonicalJson(envelope)}\n`)
    .join('');
