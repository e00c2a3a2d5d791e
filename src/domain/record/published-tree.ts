import { filledPath, GATE_PATHS, RUN_ARTIFACTS } from '../../contracts/artifacts.js';
import { PromptOsError } from '../../contracts/errors.js';
import { canonicalJson, prettyJson } from '../../contracts/json.js';
import type { Envelope } from '../../contracts/keys.js';
import type { GateId } from '../../contracts/names.js';
import type { ArtifactRef } from '../../contracts/primitives.js';
import type { AttemptRecord } from '../../contracts/record/attempt.js';
import type { LedgerEntry } from '../../contracts/run/ledger.js';

/** Where the files of a run that code names are in a published tree. */
export const TREE_PATHS = {
  record: RUN_ARTIFACTS.record.path,
  session: RUN_ARTIFACTS.session.path,
  sidecar: RUN_ARTIFACTS.sidecar.path,
  ledger: RUN_ARTIFACTS.ledger.path,
  request: RUN_ARTIFACTS.request.path,
  policyYaml: RUN_ARTIFACTS.policyYaml.path,
  policyJson: RUN_ARTIFACTS.policyJson.path,
  pack: RUN_ARTIFACTS.pack.path,
  job: GATE_PATHS.job,
  patch: GATE_PATHS.patch,
  testResults: GATE_PATHS.testResults,
  journal: RUN_ARTIFACTS.journal.path,
} as const;

const attemptPath = (gate: GateId, attempt: number): string =>
  filledPath(RUN_ARTIFACTS.attempt.path, { gate, attempt });

/** Everything about one attempt, whether or not it counts. */
export const attemptFolder = (gate: GateId, attempt: number): string =>
  attemptPath(gate, attempt).replace(/\/[^/]*$/, '');

/** An escalation's report and resolution. */
export const escalationPath = (escalation: string): string => filledPath(RUN_ARTIFACTS.escalation.path, { escalation });

/** An attempt whose record is in the store. */
export interface StoredAttempt {
  readonly record: AttemptRecord;
  /** Digest and size of the record's own bytes. */
  readonly sha256: string;
  readonly bytes: number;
  /** Whether its artifacts are at their public place: the gate's newest attempt, not voided. */
  readonly valid: boolean;
}

/**
 * An attempt's files: its record and transcripts in its folder, its artifacts at their public place while it counts,
 * else in its folder too. Attestations are always in their own folder: their names hold the attempt.
 */
export function attemptFiles({ record, sha256, bytes, valid }: StoredAttempt): readonly ArtifactRef[] {
  const folder = attemptFolder(record.gate, record.attempt);
  const inFolder = (file: ArtifactRef): ArtifactRef => ({ ...file, path: `${folder}/${file.path}` });
  return [
    { path: attemptPath(record.gate, record.attempt), sha256, bytes, media_type: RUN_ARTIFACTS.attempt.media_type },
    ...record.transcripts.map(inFolder),
    ...record.artifacts.map((file) => (valid || isAttestationFile(file.path) ? file : inFolder(file))),
  ];
}

/** What attempts without a record kept, as the ledger names it, each in the folder of its attempt. */
export const interruptionFiles = (entries: readonly LedgerEntry[]): readonly ArtifactRef[] =>
  entries.flatMap((entry) =>
    entry.type === 'gateInterrupted'
      ? (entry.logs ?? []).map((log) => ({ ...log, path: `${attemptFolder(entry.gate, entry.attempt)}/${log.path}` }))
      : [],
  );

/**
 * The files of a tree in the order of their paths.
 * @throws PromptOsError PATH_CLASH when two files want one place, or one is a folder of another
 */
export function orderedTree(files: readonly ArtifactRef[]): readonly ArtifactRef[] {
  const places = new Set<string>();
  for (const { path } of files) {
    if (places.has(path)) throw new PromptOsError('PATH_CLASH', `Two files of the run have the path ${path}.`);
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

const dsse = (name: string): string => filledPath(RUN_ARTIFACTS.attestation.path, { name });

/** The path of each attestation of a run, also of those about voided attempts: each name contains the attempt. */
export const attestationPaths = {
  runRequest: dsse('run-request'),
  /** By the sequence number of the ledger entry that has the envelope. */
  decision: (seq: number): string => dsse(`decision-${seq}`),
  gateAttempt: (gate: GateId, attempt: number): string => dsse(`${gate}.${attempt}`),
  provenance: (gate: GateId, attempt: number): string => dsse(`${gate}.${attempt}.provenance`),
  testResult: (gate: GateId, attempt: number): string => dsse(`${gate}.${attempt}.test-result`),
  /** By the engine, about the record and the ledger: the record cannot list them. */
  runRecord: dsse('run-record'),
  ledgerSeal: dsse('ledger-seal'),
  authorship: dsse('ai-authorship'),
  bundle: RUN_ARTIFACTS.bundle.path,
} as const;

/** Files of a tree that its record cannot list; each has a check of its own. */
export const isSealFile = (path: string): boolean =>
  [
    attestationPaths.runRecord,
    attestationPaths.ledgerSeal,
    attestationPaths.authorship,
    attestationPaths.bundle,
  ].includes(path);

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
