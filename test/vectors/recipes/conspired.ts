import type { Envelope } from '../../../src/contracts/keys.js';
import type { GateId } from '../../../src/contracts/names.js';
import type { AttemptRecord } from '../../../src/contracts/record/attempt.js';
import { attemptFolder } from '../../../src/domain/record/published-tree.js';
import { ALL_KEYS, forge } from '../../support/forge-tree.js';
import type { Loose, MutableTree } from '../../support/mutable-tree.js';
import { editLedger } from '../../support/rechain.js';
import { payloadOf } from '../../support/reseal.js';
import { VECTOR_KEYS, type VectorKey } from '../../support/vector-keys.js';
import { nth } from './ledger-edits.js';
import type { Recipe } from './recipe.js';

/** A statement of a role worker, to be changed. */
export interface GateStatement {
  subject: { digest: { sha256: string } }[];
  predicateType: string;
  predicate: Record<string, unknown>;
}

/** An attempt's record says something else, and everybody with a key signs all of it again: only the rules are left. */
export const conspired =
  (gate: GateId, attempt: number, change: (record: Loose<AttemptRecord>, tree: MutableTree) => void): Recipe['break'] =>
  (tree) => {
    const path = `${attemptFolder(gate, attempt)}/attempt.json`;
    const before = tree.json<AttemptRecord>(path).prompt.sha256;
    tree.editAttempt(gate, attempt, (record) => change(record, tree));
    const after = tree.json<AttemptRecord>(path).prompt.sha256;
    if (after !== before) renamePrompt(tree, gate, attempt, after);
    return forge(tree, ALL_KEYS);
  };

/** The writer's statement about a result names another prompt. */
function renamePrompt(tree: MutableTree, gate: GateId, attempt: number, promptSha256: string): void {
  editLedger(tree, (entries) => {
    for (const entry of entries) {
      if (entry.type !== 'gateFinished' || entry.gate !== gate || entry.attempt !== attempt) continue;
      const statement = payloadOf(entry.attestation as Envelope) as unknown as GateStatement;
      statement.predicate.promptSha256 = promptSha256;
      entry.attestation = VECTOR_KEYS.nina.seal(statement) as Loose<Envelope>;
    }
  });
}

/** A result says something else, in the ledger and in what its principal signed about it. */
export function restateResult(
  tree: MutableTree,
  number: number,
  key: VectorKey,
  change: (said: Record<string, unknown>) => void,
): MutableTree {
  return editLedger(tree, (entries) => {
    const finished = nth(entries, 'gateFinished', number);
    const statement = payloadOf(finished.attestation as Envelope) as unknown as GateStatement;
    const { predicate } = statement;
    change(predicate);
    const { verdict, reason, findings, findingsOmitted, blockingOmitted, severeOmitted } = predicate;
    Object.assign(finished, {
      verdict,
      reason,
      findings,
      findings_omitted: findingsOmitted,
      blocking_omitted: blockingOmitted,
      severe_omitted: severeOmitted,
      attestation: key.seal(statement),
    });
  });
}

/** A file of the tree changed, and everybody signs it again. */
export const conspiredFile =
  (path: string, change: (text: string) => string): Recipe['break'] =>
  (tree) =>
    forge(tree.edit(path, change), ALL_KEYS);
