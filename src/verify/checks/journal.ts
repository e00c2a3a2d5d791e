import type { PlacedJournalEntry } from '../../contracts/journal.js';
import { canonicalJson } from '../../contracts/json.js';
import type { LedgerEntry, LedgerEventOf } from '../../contracts/ledger.js';
import { hasJournal } from '../../contracts/rules-version.js';
import { counted } from '../../contracts/sentences.js';
import { openingOf } from '../../domain/ledger/closed-ledger.js';
import {
  checkForks,
  type EngineHead,
  engineHeads,
  engineKeysOfPlan,
  engineKeysOfPolicy,
  type JournalledRun,
  type MissingEntry,
  missingEntries,
  openingOfEvent,
  readOpening,
  type TrustedKeys,
} from '../../domain/ledger/journal.js';
import { TREE_PATHS } from '../../domain/record/published-tree.js';
import type { TreeDocuments } from '../open-documents.js';
import { VerifyFailure } from '../verify-codes.js';

/**
 * The run's journal, kept outside Temporal, agrees with its ledger: the run id was taken by this run, the engine signed
 * before each gate, before the run closed and at its end, and whatever the ledger does not account for was resolved as a fork.
 * @returns every fork that was resolved, and every message that came too late
 */
export async function checkJournal(documents: TreeDocuments): Promise<readonly string[]> {
  const entries = await documents.ledger();
  const opening = await documents.opening();
  const journal = await documents.journal();
  if (opening.type === 'openingFailed') {
    // A tree of before runs had a journal; none can be left out of another, since the sealed record lists it.
    if (journal.length === 0) return [];
    await checkOpened(documents, opening, journal);
    checkEnd(entries, journal, engineKeysOfPolicy(await documents.policy()));
    return [];
  }
  if (!hasJournal(opening.plan)) {
    return ['no journal: the run is from before runs had one, so a past that somebody reset would not show'];
  }
  const run: JournalledRun = { run_id: opening.run.run_id, plan: opening.plan };
  const engine = engineKeysOfPlan(opening.plan);
  await checkOpened(documents, opening, journal);
  const forks = checkForks(run, journal, entries);
  if ('problem' in forks)
    throw differs('the forks that the journal shows', `ledger entry ${forks.seq}: ${forks.problem}`);
  const heads = engineHeads({ run_id: run.run_id, engine }, journal, entries);
  checkStarts(entries, heads);
  checkEnd(entries, journal, engine);
  const missing = missingEntries(run, journal, entries, forks.accepted);
  const end = (await documents.closed()).closing.outcome === 'approved' ? placeOfClosing(entries, heads) : null;
  const blocking = missing.filter(({ seq }) => end !== null && seq < end);
  if (blocking.length > 0) throw forked(blocking);
  return [...missing.map(({ what }) => `not part of the run: ${what}`), ...resolvedForks(entries)];
}

const place = TREE_PATHS.journal;
const differs = (expected: string, found: string): VerifyFailure =>
  new VerifyFailure('JOURNAL_DIFFERS', place, expected, found);

function forked([first, ...more]: readonly MissingEntry[]): VerifyFailure {
  const rest = more.length === 0 ? '' : ` and ${more.length} more`;
  return new VerifyFailure(
    'JOURNAL_FORK',
    `${place}:${(first?.seq ?? 0) + 1}`,
    `a ledger that accounts for ${first?.what}${rest}`,
    'one that does not, and no resolution that names the fork',
  );
}

async function checkOpened(
  documents: TreeDocuments,
  opening: (LedgerEventOf<'runOpened'> | LedgerEventOf<'openingFailed'>) & LedgerEntry,
  journal: readonly PlacedJournalEntry[],
): Promise<void> {
  const found = readOpening(journal, engineKeysOfPolicy(await documents.policy()), opening.at);
  if (found === null || canonicalJson(found) !== canonicalJson(openingOfEvent(opening))) {
    throw differs('an opening in which the engine gives the run id to this run', 'another one, or none');
  }
}

/** The journal ends where the engine signed that the run ended so, whatever the outcome. */
function checkEnd(entries: readonly LedgerEntry[], journal: readonly PlacedJournalEntry[], engine: TrustedKeys): void {
  const run = { run_id: openingOf(entries).run.run_id, engine };
  const ends = engineHeads(run, journal, entries, ({ purpose }) => purpose === 'end');
  if (ends.some(({ seq, head }) => head.entries === entries.length && seq === journal.length - 1)) return;
  throw differs("the engine's signature that the run ended, as the last entry", 'another last entry');
}

/** Before each attempt the engine signed that it was due. */
function checkStarts(entries: readonly LedgerEntry[], heads: readonly EngineHead[]): void {
  for (const entry of entries) {
    if (entry.type !== 'gateStarted') continue;
    const { gate, attempt, seq } = entry;
    const isDue = ({ head }: EngineHead) =>
      head.purpose === 'gate' && head.gate === gate && head.attempt === attempt && head.entries <= seq;
    if (!heads.some(isDue)) {
      throw differs(`the engine's signature that ${gate}, attempt ${attempt} was due`, 'none over this ledger');
    }
  }
}

/**
 * Where the engine signed that nothing speaks against closing the run as approved. Nothing that counts came between that
 * and the closing: signed earlier, it would call late what the run had to look at.
 */
function placeOfClosing(entries: readonly LedgerEntry[], heads: readonly EngineHead[]): number {
  const found = heads.findLast(
    ({ head }) =>
      head.purpose === 'close' &&
      entries.slice(head.entries, -1).every(({ type }) => type === 'refused' || type === 'reminded'),
  );
  if (found !== undefined) return found.seq;
  throw differs("the engine's signature that the run closes as approved", 'none over this ledger');
}

/** Forks that integrators resolved: they are shown for ever. */
function resolvedForks(entries: readonly LedgerEntry[]): readonly string[] {
  return entries.flatMap((entry) => {
    if (entry.type !== 'escalationOpened' || entry.report.fork === undefined) return [];
    const { escalation_id, report } = entry;
    const resolved = entries.find(
      (other) => other.type === 'escalationResolved' && other.resolution.escalation_id === escalation_id,
    );
    const by =
      resolved?.type === 'escalationResolved'
        ? `${resolved.resolution.choice} by ${resolved.resolution.actor}`
        : 'open';
    const missing = report.fork?.missing ?? 0;
    const unaccounted = `${counted(missing, 'entry')} of the journal ${missing === 1 ? 'is' : 'are'}`;
    return [`fork ${escalation_id} (${by}): ${unaccounted} not part of the run`];
  });
}
