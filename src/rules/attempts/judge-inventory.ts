import type { GateId } from '../../contracts/names.js';
import type { AttemptRecord } from '../../contracts/record/attempt.js';
import type { Inventory } from '../../contracts/run/inventory.js';
import { blockingFinding, type JudgedFinding } from '../outputs/judged-output.js';
import { printable } from '../paths/path-names.js';
import { createGlobMatcher } from '../paths/scope-matching.js';

/** The rule that the files that steer agents are the same in every attempt of a run. */
export const INVENTORY_RULE = 'agent_inventory';

/** What steered an earlier attempt that counts. */
export interface GivenInventory {
  readonly gate: GateId;
  readonly inventory: Inventory;
}

/** @param records of the earlier attempts, in the order of the gates */
export const givenInventories = (
  records: readonly (Pick<AttemptRecord, 'gate' | 'inventory'> | null)[],
): readonly GivenInventory[] =>
  records.flatMap((record) =>
    record?.inventory === undefined ? [] : [{ gate: record.gate, inventory: record.inventory }],
  );

export interface JudgedInventory extends Pick<AttemptRecord, 'inventory' | 'withheld'> {
  readonly before: readonly GivenInventory[];
  /** The policy's globs of files that a patch may change. */
  readonly allow: readonly string[];
  readonly rules_version: number;
}

/** Files that are named. */
const NAMED = 20;

/**
 * Every attempt of a run begins from the same commit, so the same files steer its executors. Where they differ, the worker
 * of one attempt has other files than the commit.
 */
export function judgeInventory({
  inventory,
  withheld = [],
  before: [first],
  allow,
  rules_version,
}: JudgedInventory): readonly JudgedFinding[] {
  if (rules_version < 2 || inventory === undefined || first === undefined) return [];
  const digests = ({ files }: Inventory) => new Map(files.map(({ path, sha256 }) => [path, sha256]));
  const [now, then] = [digests(inventory), digests(first.inventory)];
  const { match } = createGlobMatcher(allow, false, rules_version);
  const differing = [...new Set([...then.keys(), ...now.keys()])].filter(
    (path) => now.get(path) !== then.get(path) && !(withheld.includes(path) && !now.has(path)),
  );
  const refused = differing.filter((path) => match(path) === undefined);
  return [
    ...refused.slice(0, NAMED).map((path) => {
      const how = !now.has(path) ? 'is missing' : then.has(path) ? 'has other content' : 'is new';
      const message = `${printable(path)} steers coding agents. Compared with the checkout of ${first.gate}, it ${how} in that of this gate.`;
      return differs(message, path);
    }),
    ...(refused.length > NAMED ? [differs(`${refused.length - NAMED} more such files differ.`)] : []),
    ...(inventory.more === first.inventory.more
      ? []
      : [differs(`The number of such files is not that of ${first.gate}.`)]),
  ];
}

const differs = (message: string, path?: string): JudgedFinding =>
  blockingFinding(INVENTORY_RULE, message, {
    severity: 'critical',
    escalates: 'rule_violation',
    ...(path === undefined ? {} : { path }),
  });
