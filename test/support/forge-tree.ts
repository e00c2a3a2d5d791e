import { artifactOf } from '../../src/contracts/artifacts.js';
import type { ArtifactRef } from '../../src/contracts/primitives.js';
import type { AttemptRecord } from '../../src/contracts/record/attempt.js';
import type { RunRecord } from '../../src/contracts/record/run-record.js';
import type { LedgerEntry } from '../../src/contracts/run/ledger.js';
import { ledgerSealStatement, runRecordStatement } from '../../src/domain/attest/acts.js';
import { authorshipStatement } from '../../src/domain/attest/authorship.js';
import { closedLedger, closingOf, openingOf } from '../../src/domain/ledger/closed-ledger.js';
import { headOf } from '../../src/domain/ledger/ledger-chain.js';
import { signedActs } from '../../src/domain/ledger/signed-acts.js';
import { buildPromptSession, sessionOfRun } from '../../src/domain/record/prompt-session.js';
import {
  attemptFolder,
  attestationPaths,
  bundleText,
  escalationPath,
  isAttestationFile,
  isSealFile,
  TREE_PATHS,
} from '../../src/domain/record/published-tree.js';
import { buildRunRecord, recordedEscalations } from '../../src/domain/record/run-record.js';
import { forgeOpening } from './forge-journal.js';
import { moveDigests } from './move-digests.js';
import { type MutableTree, sha256Of } from './mutable-tree.js';
import { keyOf } from './reseal.js';
import { VECTOR_KEYS, type VectorKey } from './vector-keys.js';

/** Everybody's keys but the engine's: what the people and agents of a run could forge together. */
export const ALL_BUT_ENGINE: readonly VectorKey[] = Object.entries(VECTOR_KEYS).flatMap(([name, key]) =>
  name.startsWith('engine') ? [] : [key],
);
/** The engine's key alone. */
export const ENGINE: readonly VectorKey[] = [VECTOR_KEYS.engine];
/** Every key that there is. */
export const ALL_KEYS: readonly VectorKey[] = Object.values(VECTOR_KEYS);

/**
 * Does to a tree that was changed what an attacker would do next: every changed digest is replaced everywhere, what
 * was signed about it is signed again where the attacker has the key, and everything that follows from the ledger is made
 * again. Without keys this is the best that can be done with consistent hashes alone.
 */
export function forge(tree: MutableTree, keys: readonly VectorKey[] = []): MutableTree {
  for (let round = 0; round < 20; round += 1) if (!moveDigests(tree, keys)) break;
  forgeOpening(tree, keys);
  rebuildDocuments(tree);
  return seal(tree, keys);
}

const finishedAttempts = (tree: MutableTree) =>
  tree.ledger().flatMap((entry) => (entry.type === 'gateFinished' ? [entry] : []));

/** Makes again whatever follows from the ledger and the files: escalations, envelopes, session, sidecar, record. */
export function rebuildDocuments(tree: MutableTree): MutableTree {
  const entries = tree.ledger();
  if (!isWhole(entries)) return patchRecord(tree);
  for (const escalation of recordedEscalations(entries)) {
    tree.putValue(escalationPath(escalation.escalation_id), { schema_version: 1, ...escalation });
  }
  const acts = signedActs(entries);
  for (const path of tree.paths()) {
    const ofLedger = /\/(?:decision-\d+|P\d\d\.\d+)\.dsse\.json$/.test(path);
    if (ofLedger && !acts.some((act) => act.path === path)) tree.remove(path);
  }
  for (const { path, envelope } of acts) tree.putEnvelope(path, envelope);
  const { notes = '' } = tree.has(TREE_PATHS.request) ? tree.json<{ notes?: string }>(TREE_PATHS.request) : {};
  const session = buildPromptSession(sessionOfRun(closedLedger(entries), notes));
  tree.put(TREE_PATHS.session, session.text).put(TREE_PATHS.sidecar, session.sidecar);
  const attempts = finishedAttempts(tree).flatMap(({ gate, attempt, output_sha256 }) => {
    const path = `${attemptFolder(gate, attempt)}/attempt.json`;
    return tree.has(path) ? [[output_sha256, tree.json<AttemptRecord>(path)] as const] : [];
  });
  const record = buildRunRecord({
    ledger: closedLedger(entries),
    attempts: new Map(attempts),
    artifacts: listArtifacts(tree),
    session: session.session,
    sealedBy: tree.record().sealed_by,
  });
  return tree.putValue(TREE_PATHS.record, record);
}

const isWhole = (entries: readonly LedgerEntry[]): boolean => {
  const first = entries[0]?.type;
  return (first === 'runOpened' || first === 'openingFailed') && entries.at(-1)?.type === 'runClosed';
};

/** The record's list and ledger field, where nothing else can be made of the ledger. */
export function patchRecord(tree: MutableTree): MutableTree {
  const entries = tree.ledger();
  const record = tree.record();
  const head = headOf(entries);
  return tree.putValue(TREE_PATHS.record, {
    ...record,
    artifacts: listArtifacts(tree),
    ledger: { ...record.ledger, entries: entries.length, head: head.hash },
  });
}

/** Every file that a record lists, as the tree has it. */
function listArtifacts(tree: MutableTree): ArtifactRef[] {
  const known = new Map(tree.record().artifacts.map((ref) => [ref.path, ref.media_type]));
  return tree
    .paths()
    .filter((path) => path !== TREE_PATHS.record && path !== TREE_PATHS.ledger && !isSealFile(path))
    .map((path) => {
      const bytes = tree.bytes(path);
      const media_type = known.get(path) ?? artifactOf(path)?.media_type ?? 'application/json';
      return { path, sha256: sha256Of(bytes), bytes: bytes.byteLength, media_type };
    });
}

/** Signs record and ledger again if the engine's key is at hand, and writes the bundle again in any case. */
export function seal(
  tree: MutableTree,
  keys: readonly VectorKey[] = ENGINE,
  only: 'both' | 'record' | 'ledger' = 'both',
): MutableTree {
  const entries = tree.ledger();
  const key = tree.has(attestationPaths.runRecord)
    ? keyOf(keys, tree.envelope(attestationPaths.runRecord))
    : (keys.find((candidate) => candidate === VECTOR_KEYS.engine) ?? null);
  if (key !== null && isWhole(entries)) sealWith(tree, key, only);
  return bundle(tree);
}

/** Signs record and ledger with any key. */
export function sealWith(tree: MutableTree, key: VectorKey, only: 'both' | 'record' | 'ledger' = 'both'): MutableTree {
  const entries = tree.ledger();
  const { run_id: runId } = openingOf(entries).run;
  const { outcome } = closingOf(entries);
  if (only !== 'ledger') {
    const statement = runRecordStatement(sha256Of(tree.bytes(TREE_PATHS.record)), { runId, outcome });
    tree.putEnvelope(attestationPaths.runRecord, key.seal(statement));
    authored(tree, key);
  }
  if (only !== 'record') {
    const statement = ledgerSealStatement(sha256Of(tree.bytes(TREE_PATHS.ledger)), runId, headOf(entries));
    tree.putEnvelope(attestationPaths.ledgerSeal, key.seal(statement));
  }
  return tree;
}

/** The engine's word on the patch's origin again, where the tree has one. */
function authored(tree: MutableTree, key: VectorKey): void {
  if (!tree.paths().includes(attestationPaths.authorship)) return;
  const records = tree.paths().filter((path) => path.endsWith('/attempt.json'));
  const attempts = new Map(records.map((path) => [sha256Of(tree.bytes(path)), tree.json<AttemptRecord>(path)]));
  const record = tree.json<RunRecord>(TREE_PATHS.record);
  const statement = authorshipStatement(record, sha256Of(tree.bytes(TREE_PATHS.record)), attempts);
  if (statement !== null) tree.putEnvelope(attestationPaths.authorship, key.seal(statement));
}

/** `bundle.jsonl` as the folder has it. */
export function bundle(tree: MutableTree): MutableTree {
  const files = tree
    .paths()
    .filter(isAttestationFile)
    .map((path) => ({ path, envelope: tree.envelope(path) }));
  return files.length === 0 ? tree : tree.put(attestationPaths.bundle, bundleText(files));
}
