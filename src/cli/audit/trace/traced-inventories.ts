import { PromptOsError } from '../../../contracts/errors.js';
import { canonicalJson } from '../../../contracts/json.js';
import { type AttemptRecord, attemptRecordSchema } from '../../../contracts/record/attempt.js';
import type { Inventory } from '../../../contracts/run/inventory.js';
import { counted } from '../../../contracts/sentences.js';
import { attemptFolder } from '../../../domain/record/published-tree.js';
import { printableLine } from '../../app/printable.js';
import { parseFile, readPublished } from '../../app/published-run.js';
import type { AuditedRun, RunCatalogue } from '../commits/run-catalogue.js';

/** The files that steered the executor of an attempt; null where its record says nothing of them. */
export interface TracedInventory {
  readonly gate: string;
  readonly attempt: number;
  readonly inventory: Inventory | null;
  readonly withheld: readonly string[];
}

/** Of every attempt that returned something. A record that cannot be read is a problem of the verification. */
export async function tracedInventories(
  { store }: Pick<RunCatalogue, 'store'>,
  { record, runId }: Pick<AuditedRun, 'record' | 'runId'>,
): Promise<readonly TracedInventory[]> {
  const read = async (path: string): Promise<AttemptRecord | null> => {
    try {
      return parseFile(attemptRecordSchema, await readPublished(store, runId, path), path);
    } catch (error) {
      if (error instanceof PromptOsError) return null;
      throw error;
    }
  };
  const traced: TracedInventory[] = [];
  for (const { gate, attempts } of record.gates) {
    for (const { attempt, output_sha256 } of attempts) {
      if (output_sha256 === null) continue;
      const found = await read(`${attemptFolder(gate, attempt)}/attempt.json`);
      traced.push({ gate, attempt, inventory: found?.inventory ?? null, withheld: found?.withheld ?? [] });
    }
  }
  return traced;
}

/** Files that are printed one by one. */
const SHOWN = 10;
const INDENT = '              ';

/** The same inventory is shown once, with the attempts that had it. */
export function renderInventories(traced: readonly TracedInventory[]): readonly string[] {
  const groups = new Map<string, TracedInventory[]>();
  for (const one of traced) {
    const key = canonicalJson(one.inventory);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()].flatMap((group, index) => {
    const attempts = group.map(({ gate, attempt }) => `${gate}.${attempt}`).join(', ');
    const start = index === 0 ? '  steered     ' : INDENT;
    const { inventory } = group[0] as TracedInventory;
    if (inventory === null) return [`${start}${attempts}: not recorded which files steered the executor`];
    const { files, more } = inventory;
    const hidden = Math.max(files.length - SHOWN, 0) + more;
    return [
      `${start}${attempts}: ${files.length + more === 0 ? 'by no file' : `by ${counted(files.length + more, 'file')}`} of the repository`,
      ...files.slice(0, SHOWN).map(({ path, sha256 }) => `${INDENT}  ${printableLine(path)} sha256:${sha256}`),
      ...(hidden === 0 ? [] : [`${INDENT}  and ${hidden} more`]),
      ...group.flatMap(({ gate, attempt, withheld }) =>
        withheld.length === 0
          ? []
          : [`${INDENT}  withheld from ${gate}.${attempt}: ${withheld.map((path) => printableLine(path)).join(', ')}`],
      ),
    ];
  });
}
