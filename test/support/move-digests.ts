import type { Envelope } from '../../src/contracts/keys.js';
import type { AttemptRecord } from '../../src/contracts/record/attempt.js';
import type { LedgerEntry } from '../../src/contracts/run/ledger.js';
import { envelopeSha256 } from '../../src/domain/attest/envelope.js';
import { attemptFolder, isAttestationFile, TREE_PATHS } from '../../src/domain/record/published-tree.js';
import { forgeHeads, forgeMessages } from './forge-journal.js';
import { filesSha256, follow, type Loose, type Moved, type MutableTree, sha256Of } from './mutable-tree.js';
import { rechain } from './rechain.js';
import { exchanged, keyOf, payloadOf } from './reseal.js';
import type { VectorKey } from './vector-keys.js';

/** Digests that no longer fit, one level further up each time; says whether there were any. */
export function moveDigests(tree: MutableTree, keys: readonly VectorKey[]): boolean {
  const moved: Moved = new Map(tree.moved);
  tree.moved.clear();
  moveFiles(tree, moved);
  if (moved.size === 0) return false;
  const exchange = (text: string): string => text.replaceAll(/[0-9a-f]{64}/g, (old) => moved.get(old) ?? old);
  const before = tree.paths().map((path) => tree.bytes(path));
  for (const path of tree.paths()) {
    if (path.endsWith('/attempt.json')) exchangeInRecord(tree, path, exchange);
    if (path.endsWith(TREE_PATHS.testResults)) tree.put(path, exchange(tree.text(path)));
    if (path.includes('.provenance.') || path.includes('.test-result.')) {
      tree.putEnvelope(path, exchanged(tree.envelope(path), exchange, keys));
    }
  }
  // What a refusal names is a message of the journal, so its digest moves with it.
  for (const [from, to] of forgeMessages(tree, (envelope) => exchanged(envelope, exchange, keys))) {
    moved.set(envelopeSha256(from), envelopeSha256(to));
  }
  const chained = rechain(
    tree.ledger(),
    (entry, chained) => exchangeInEntry(entry, chained, exchange, keys),
    (from, to) => follow(moved, from, to),
  );
  tree.put(TREE_PATHS.ledger, '');
  tree.putLedger(chained);
  forgeHeads(tree, moved, keys);
  return tree.paths().some((path, index) => !tree.bytes(path).equals(before[index] ?? Buffer.alloc(0)));
}

/** Files of attempts whose bytes are no longer those that the attempt's record lists, and records that changed. */
function moveFiles(tree: MutableTree, moved: Moved): void {
  for (const { gate, attempt, output_sha256 } of finishedAttempts(tree)) {
    const folder = attemptFolder(gate, attempt);
    const path = `${folder}/attempt.json`;
    if (!tree.has(path)) continue;
    const record = tree.json<Loose<AttemptRecord>>(path);
    const listed = filesSha256(record);
    let changed = false;
    for (const ref of [...record.artifacts, ...record.transcripts]) {
      const place = tree.has(`${folder}/${ref.path}`) ? `${folder}/${ref.path}` : ref.path;
      // A later attempt's file is at the public place of the one that it replaced.
      const isOther = place === ref.path && !isAttestationFile(place) && !isPublic(tree, gate, attempt);
      if (!tree.has(place) || isOther) continue;
      const bytes = tree.bytes(place);
      const sha256 = sha256Of(bytes);
      if (sha256 === ref.sha256) continue;
      moved.set(ref.sha256, sha256);
      Object.assign(ref, { sha256, bytes: bytes.byteLength });
      changed = true;
    }
    if (changed) {
      tree.putJson(path, record);
      follow(moved, listed, filesSha256(record));
    }
    const sha256 = sha256Of(tree.bytes(path));
    if (sha256 !== output_sha256) moved.set(output_sha256, sha256);
  }
}

/** Whatever an attempt's record says of others; its own list was updated before. */
function exchangeInRecord(tree: MutableTree, path: string, exchange: (text: string) => string): void {
  const members = Object.entries(tree.json<AttemptRecord>(path)).map(([name, value]) =>
    name === 'artifacts' || name === 'transcripts'
      ? [name, value]
      : [name, JSON.parse(exchange(JSON.stringify(value))) as unknown],
  );
  tree.putValue(path, Object.fromEntries(members));
}

/** An entry of the ledger with the present digest of everything that it names. */
function exchangeInEntry(
  entry: LedgerEntry,
  before: readonly LedgerEntry[],
  exchange: (text: string) => string,
  keys: readonly VectorKey[],
): LedgerEntry {
  const next = JSON.parse(exchange(JSON.stringify(entry))) as Loose<LedgerEntry>;
  if ('attestation' in next && next.attestation !== null) {
    const attestation = exchanged(next.attestation, exchange, keys);
    next.attestation = attestation === next.attestation ? attestation : countedAnew(attestation, before, keys);
  }
  if ('envelope' in next && next.envelope !== null) next.envelope = exchanged(next.envelope, exchange, keys);
  return next as LedgerEntry;
}

/** A result names by number too the head that its worker saw: that moves where entries went or came. */
function countedAnew(attestation: Envelope, before: readonly LedgerEntry[], keys: readonly VectorKey[]): Envelope {
  const statement = payloadOf(attestation) as unknown as {
    readonly predicate: { readonly ledger?: { entries: number; readonly hash: string } | null };
  };
  const key = keyOf(keys, attestation);
  const head = statement.predicate.ledger ?? null;
  const seq = head === null ? -1 : before.findIndex(({ hash }) => hash === head.hash);
  if (key === null || head === null || seq === -1) return attestation;
  head.entries = seq + 1;
  return key.seal(statement);
}

const finishedAttempts = (tree: MutableTree) =>
  tree.ledger().flatMap((entry) => (entry.type === 'gateFinished' ? [entry] : []));

function isPublic(tree: MutableTree, gate: string, attempt: number): boolean {
  const voided = tree.ledger().some((entry) => {
    if (entry.type === 'gateSentBack') return entry.voided.some((one) => one.gate === gate && one.attempt === attempt);
    return entry.type === 'gateStarted' && entry.gate === gate && entry.attempt > attempt;
  });
  return !voided;
}
