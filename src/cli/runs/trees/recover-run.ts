import { createHash } from 'node:crypto';
import { basename, dirname, resolve } from 'node:path';
import { createDirectStarter } from '../../../adapters/platform/direct-starter.js';
import { bundleBytes } from '../../../adapters/tree/bundle-format.js';
import { mediaTypeOf } from '../../../contracts/artifacts.js';
import { sha256Hex } from '../../../contracts/digest.js';
import { PromptOsError } from '../../../contracts/errors.js';
import { prettyJson } from '../../../contracts/json.js';
import { countBytes } from '../../../contracts/long-bytes.js';
import type { ArtifactRef } from '../../../contracts/primitives.js';
import { INCOMPLETE_PATH, type IncompleteTree, incompleteTreeSchema } from '../../../contracts/record/run-record.js';
import { counted } from '../../../contracts/sentences.js';
import { keyidOf } from '../../../domain/attest/envelope.js';
import { journalLines } from '../../../domain/ledger/journal-lines.js';
import { headOf, ledgerLines } from '../../../domain/ledger/ledger-chain.js';
import { signedActs } from '../../../domain/ledger/signed-acts.js';
import { envelopeText, escalationPath, orderedTree, TREE_PATHS } from '../../../domain/record/published-tree.js';
import { recordedEscalations } from '../../../domain/record/run-record.js';
import { finaliseRun } from '../../../plugin/finaliser.js';
import type { ArtifactStore } from '../../../ports/artifact-store.js';
import type { SignerRegistry } from '../../../ports/signer.js';
import { createPorts } from '../../../worker.js';
import type { CommandContext } from '../../app/context.js';
import { LATEST } from '../../app/options.js';
import { printableLine } from '../../app/printable.js';
import { findProject, openProjectStore, type Project, readProjectConfig, readSetting } from '../../app/project.js';
import { isNoServer } from '../../app/report-error.js';
import { selectRun } from '../../app/select-run.js';
import { withRuns } from '../read/governed-runs.js';
import {
  type FoundRun,
  filesOfAttempts,
  findRun,
  type MissingPart,
  type RunServer,
  startFiles,
  type WantedFile,
} from '../read/stored-parts.js';
import { prepareExport } from './export-run.js';

/** What `run recover` takes. */
export interface RecoverOptions {
  /** A folder for the incomplete tree. */
  readonly tree?: string;
  /** A file for its bundle, instead. */
  readonly bundle?: string;
}

/** Why a run cannot be finished here, and whether anything was done about it. */
type Finish = { readonly done: true; readonly sha256: string } | { readonly done: false; readonly why: string };

/**
 * `run recover`: finishes a closed run where this machine may, as an engine's worker does. Else it writes down what there
 * is, marked as incomplete, and outside of the store: there it would block the record.
 * @throws PromptOsError RUN_NOT_FOUND, RUN_NOT_STUCK, EXPORT_DIFFERS
 */
export async function recoverRun(context: CommandContext, given: string, options: RecoverOptions): Promise<void> {
  const project = await findProject(context);
  const { store } = await openProjectStore(project);
  const recover = async (server: RunServer | null, runId: string): Promise<void> => {
    if ((await store.published(runId)) !== null) return reportPublished(context, store, runId);
    const run = await findRun(store, server, runId);
    requireStuck(run);
    const finish = await finishHere(project, run);
    if (finish.done) return reportFinished(context, store, runId, finish.sha256);
    context.output().note(`note: the run cannot be finished here: ${printableLine(finish.why, 1_000)}`);
    const place = await writeIncomplete(context, runId, await buildIncomplete(store, run), options);
    report(context, place, finish.why);
  };
  try {
    await withRuns(context, async (session) => {
      // A run that Temporal has forgotten has its journal still.
      const journalled = given !== LATEST && (await store.journals()).includes(given);
      const { runs, temporal } = session;
      await recover({ runs, client: temporal.client }, journalled ? given : (await selectRun(given, session)).run_id);
    });
  } catch (error) {
    if (!isNoServer(error) || given === LATEST) throw error;
    context.output().note('note: no Temporal server answers, so there is only what the store has');
    await recover(null, given);
  }
}

/** A run that goes on by itself needs nothing, and what it has is not final. */
function requireStuck({ runId, status, trouble, entries }: FoundRun): void {
  if (status !== 'RUNNING' || trouble !== null) return;
  const closed = entries.at(-1)?.type === 'runClosed';
  const what = closed ? 'is publishing its record' : 'is open';
  throw new PromptOsError('RUN_NOT_STUCK', `Run ${runId} ${what}, and no step of it has failed.`);
}

/** As an engine's worker would, with the engine's key of this machine. */
async function finishHere(project: Project, { runId, reference, entries, journal }: FoundRun): Promise<Finish> {
  const no = (why: string): Finish => ({ done: false, why });
  if (reference === null) return no('its ledger was not found whole');
  if (entries.at(-1)?.type !== 'runClosed') return no('it has not ended: its ledger has no closing entry');
  if (!(await readProjectConfig(project)).roles.includes('engine')) {
    return no('the worker config of this place does not serve the engine');
  }
  try {
    const setting = await readSetting(project);
    // Finalising starts no program of others, so it works where there is no sandbox.
    const config = { ...setting.config, sandbox: 'none' } as const;
    const ports = await createPorts({ ...setting, config }, createDirectStarter('session'));
    const ended = journal.find(({ entry }) => entry?.kind === 'head' && entry.head.purpose === 'end')?.entry;
    const sealer = ended?.kind === 'head' ? keyidOf(ended.envelope) : null;
    const signers = sealingSigners(ports.signers, sealer);
    if (signers === null) return no(`the engine's key ${sealer} that ended its journal is not on this machine`);
    const finished = await finaliseRun({ ...ports, signers }, { run_id: runId, ledger: reference });
    const { run_record_sha256: sha256 } = finished;
    return { done: true, sha256 };
  } catch (error) {
    if (error instanceof PromptOsError) return no(`${error.code}: ${error.summary}`);
    throw error;
  }
}

function reportPublished(context: CommandContext, store: ArtifactStore, runId: string): void {
  const tree = store.locate(runId);
  context.output().say(`Run ${runId} is published already: ${tree}`);
  context.output().emit({ run_id: runId, recovered: 'published_already', tree });
}

function reportFinished(context: CommandContext, store: ArtifactStore, runId: string, sha256: string): void {
  const tree = store.locate(runId);
  const output = context.output();
  output.say(`Run ${runId} is finished: its record is published.`);
  output.say(`record  sha256:${sha256}`);
  output.say(`tree    ${tree}`);
  output.emit({ run_id: runId, recovered: 'finished', run_record_sha256: sha256, tree });
}

interface WrittenIncomplete extends BuiltIncomplete {
  readonly tree: string | null;
  readonly bundle: string | null;
}

async function writeIncomplete(
  { cwd }: CommandContext,
  runId: string,
  built: BuiltIncomplete,
  { tree, bundle }: RecoverOptions,
): Promise<WrittenIncomplete> {
  if (bundle !== undefined) {
    const place = resolve(cwd, bundle);
    const file = {
      path: basename(place),
      sha256: await sha256OfBundle(built.files),
      open: () => bundleBytes(built.files),
    };
    await (await prepareExport(dirname(place), [file], { force: false }))();
    return { ...built, tree: null, bundle: place };
  }
  const place = resolve(cwd, tree ?? `${runId}.incomplete`);
  await (await prepareExport(place, built.files, { force: false }))();
  return { ...built, tree: place, bundle: null };
}

async function sha256OfBundle(files: readonly IncompleteFile[]): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of bundleBytes(files)) hash.update(chunk);
  return hash.digest('hex');
}

/** The answer is "no": what was written is no record. */
function report(context: CommandContext, { summary, files, tree, bundle }: WrittenIncomplete, why: string): void {
  const output = context.output();
  const { run_id, ledger, journal_entries, missing, unsealed_outcome } = summary;
  const place = tree ?? bundle ?? '';
  output.say(
    `INCOMPLETE: what there is of run ${run_id} was written to ${place}. It is no record, and nothing seals it.`,
  );
  const parts = ledger === null ? 'no ledger' : `${counted(ledger.entries, 'entry')} of the ledger`;
  output.say(`  ${counted(files.length, 'file')}, ${parts}, ${counted(journal_entries, 'entry')} of the journal`);
  if (unsealed_outcome !== null)
    output.say(`  the ledger ends as ${unsealed_outcome}, and no record of that was published`);
  for (const { what, problem } of missing)
    output.say(`  missing: ${printableLine(what)}: ${printableLine(problem, 300)}`);
  output.say(`  → promptos verify ${place}`);
  output.emit({ recovered: 'incomplete', tree, bundle, why_not_finished: why, ...summary, run_id });
  context.exit(1);
}

/**
 * What a run is sealed with: the key that ended its journal, or none where that end is not signed. A record that another
 * key seals would be another one than the run's own worker publishes.
 * @param sealer the key that ended the journal
 * @returns null when this machine does not have that key
 */
export function sealingSigners(signers: SignerRegistry, sealer: string | null): SignerRegistry | null {
  if (sealer === null) return { forPrincipal: () => null, forEngine: () => null };
  return signers.forEngine()?.keyid === sealer ? signers : null;
}

/** A file of an incomplete tree, for a folder or a bundle. */
interface IncompleteFile extends ArtifactRef {
  /** Opens the content from its start. */
  open(): AsyncIterable<Uint8Array>;
}

/** A tree of what there is of a run without a record. */
interface BuiltIncomplete {
  readonly summary: IncompleteTree;
  readonly files: readonly IncompleteFile[];
}

/**
 * Puts together what is left of a run: ledger, journal, signed messages, every attempt with all its files, and what it
 * was started from. Nothing is left out silently, and nothing is at a place where only a finished run has something.
 */
async function buildIncomplete(store: ArtifactStore, run: FoundRun): Promise<BuiltIncomplete> {
  const { runId, entries, journal, trouble } = run;
  const missing: MissingPart[] = [...run.missing];
  const miss = (what: string, sha256: string | null, problem: string) => void missing.push({ what, sha256, problem });
  const texts = textsOf(run);
  const wanted = [...(await startFiles(run, store)), ...(await filesOfAttempts(run, store, miss))];
  const stored = await storedFiles(store, wanted, miss);
  const files = orderedTree([...texts, ...stored]) as readonly IncompleteFile[];
  const last = entries.at(-1);
  const summary: IncompleteTree = {
    schema_version: 1,
    run_id: runId,
    incomplete: true,
    why: trouble === null ? null : { code: trouble.code, message: trouble.message },
    unsealed_outcome: last?.type === 'runClosed' ? last.outcome : null,
    ledger:
      last === undefined
        ? null
        : { entries: entries.length, head: headOf(entries).hash, closed: last.type === 'runClosed' },
    journal_entries: journal.length,
    missing,
    files: files.map(({ path, sha256, bytes, media_type }) => ({ path, sha256, bytes, media_type })),
  };
  const text = prettyJson(incompleteTreeSchema.parse(summary));
  return { summary, files: [textFile(INCOMPLETE_PATH, text), ...files] };
}

function textsOf({ entries, journal }: FoundRun): readonly IncompleteFile[] {
  return [
    ...(entries.length === 0 ? [] : [textFile(TREE_PATHS.ledger, ledgerLines(entries))]),
    ...(journal.length === 0 ? [] : [textFile(TREE_PATHS.journal, journalLines(journal))]),
    ...recordedEscalations(entries).map((escalation) =>
      textFile(escalationPath(escalation.escalation_id), prettyJson({ schema_version: 1, ...escalation })),
    ),
    ...signedActs(entries).map(({ path, envelope }) => textFile(path, envelopeText(envelope))),
  ];
}

function textFile(path: string, text: string): IncompleteFile {
  const content = Buffer.from(text);
  const open = async function* () {
    yield content;
  };
  return { path, sha256: sha256Hex(text), bytes: content.byteLength, media_type: mediaTypeOf(path), open };
}

/** Each file is read to its end now, so that a folder or a bundle is not begun with one that is damaged. */
async function storedFiles(
  store: ArtifactStore,
  wanted: readonly WantedFile[],
  miss: (what: string, sha256: string, problem: string) => void,
): Promise<readonly IncompleteFile[]> {
  const files: IncompleteFile[] = [];
  for (const { path, sha256, media_type } of wanted) {
    try {
      const bytes = await countBytes(store.openObject(sha256));
      files.push({ path, sha256, bytes, media_type, open: () => store.openObject(sha256) });
    } catch (error) {
      if (!(error instanceof PromptOsError)) throw error;
      miss(path, sha256, `${error.code}: ${error.summary}`);
    }
  }
  return files;
}
