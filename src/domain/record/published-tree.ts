import type { AttemptRecord } from '../../contracts/attempt.js';
import { PromptOsError } from '../../contracts/errors.js';
import { canonicalJson, prettyJson } from '../../contracts/json.js';
import type { Envelope } from '../../contracts/keys.js';
import type { GateId } from '../../contracts/names.js';
import type { ArtifactRef } from '../../contracts/primitives.js';

/** Where the engine's own files stand in a published tree. */
export const TREE_PATHS = {
  record: 'run_record.json',
  session: 'evidence/prompt_session.json',
  sidecar: 'evidence/prompt_session.sha256',
  ledger: 'evidence/ledger.jsonl',
  request: 'evidence/request.json',
  policyYaml: 'evidence/policy.yaml',
  policyJson: 'evidence/policy.json',
  pack: 'evidence/prompt_pack.json',
  job: 'job.json',
  patch: 'patch/change.patch',
  testResults: 'evidence/test_results.json',
  journal: 'evidence/journal/journal.jsonl',
} as const;

/** Everything about one attempt, whether or not it stands. */
export const attemptFolder = (gate: GateId, attempt: number): string => `evidence/attempts/${gate}/${attempt}`;

/** An escalation's report and resolution. */
export const escalationPath = (escalationId: string): string => `evidence/escalations/${escalationId}.json`;

/** An attempt whose record is in the store. */
export interface StoredAttempt {
  readonly record: AttemptRecord;
  /** Digest and size of the record's own bytes. */
  readonly sha256: string;
  readonly bytes: number;
  /** Whether its artifacts stand at their public place: the gate's newest attempt, not voided. */
  readonly stands: boolean;
}

/**
 * An attempt's files: its record and transcripts in its folder, its artifacts at their public place while it stands,
 * else in its folder too. Attestations stand in their own folder always: their names hold the attempt.
 */
export function attemptFiles({ record, sha256, bytes, stands }: StoredAttempt): readonly ArtifactRef[] {
  const folder = attemptFolder(record.gate, record.attempt);
  const inFolder = (file: ArtifactRef): ArtifactRef => ({ ...file, path: `${folder}/${file.path}` });
  return [
    { path: `${folder}/attempt.json`, sha256, bytes, media_type: 'application/json' },
    ...record.transcripts.map(inFolder),
    ...record.artifacts.map((file) => (stands || isAttestationFile(file.path) ? file : inFolder(file))),
  ];
}

/**
 * The files of a tree in the order of their paths.
 * @throws PromptOsError PATH_CLASH when two files want one place, or one is a folder of another
 */
export function orderedTree(files: readonly ArtifactRef[]): readonly ArtifactRef[] {
  const places = new Set<string>();
  for (const { path } of files) {
    if (places.has(path)) throw new PromptOsError('PATH_CLASH', `Two files of the run are to stand at ${path}.`);
    places.add(path);
  }
  for (const { path } of files) {
    for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) {
      const folder = path.slice(0, slash);
      if (places.has(folder)) throw new PromptOsError('PATH_CLASH', `${folder} is to be both a file and a folder.`);
    }
  }
  return [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The folder of everything signed in a published tree. */
const ATTESTATIONS_FOLDER = 'evidence/attestations';

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
  prettyJson({ payloadType, payload, signatures: signatures.map(({ keyid, sig }) => ({ keyid, sig })) });

/** `bundle.jsonl`: every envelope of the folder, one line of canonical JSON each, in the order of the file names. */
export const bundleText = (files: readonly { readonly path: string; readonly envelope: Envelope }[]): string =>
  [...files]
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ envelope }) => `${canonicalJson(envelope)}\n`)
    .join('');
