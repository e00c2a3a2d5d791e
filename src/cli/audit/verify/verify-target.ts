import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import pMap from 'p-map';
import { z } from 'zod';
import { openFolderTree } from '../../../adapters/tree/folder-tree.js';
import { readPolicy } from '../../../config/policy-file.js';
import { PromptOsError } from '../../../contracts/errors.js';
import { readJsonAs } from '../../../contracts/json.js';
import {
  isExpiredWaiver,
  type RecordedWaiver,
  type RunRecord,
  runRecordSchema,
} from '../../../contracts/record/run-record.js';
import { counted } from '../../../contracts/sentences.js';
import { TREE_PATHS } from '../../../domain/record/published-tree.js';
import type { TreeReader } from '../../../ports/tree-reader.js';
import { parsePromptOsPolicy, type TrustedPolicy, type VerifyTrust } from '../../../verify/trust.js';
import { type CheckOutcome, judgeTree, verifyTree } from '../../../verify/verify-tree.js';
import type { Output } from '../../app/output.js';
import { printable, printableLine } from '../../app/printable.js';
import type { StoreCommandContext } from '../../app/published-run.js';
import { readUses, readUsing, type UseTest, usesOfRecord } from '../../runs/read/run-uses.js';
import { openPublishedTree, openTarget, readNamedText } from './verify-run.js';
import { describeWaiver, withExpired } from './waivers.js';

export interface VerifyOptions {
  readonly policy?: readonly string[];
  readonly promptosPolicy?: string;
  readonly all?: string | true;
  readonly using?: readonly string[];
}

/** Judges one tree, or those of a store. The answer is "no" when one does not verify. */
export async function verifyTarget(
  context: StoreCommandContext,
  target: string | undefined,
  options: VerifyOptions,
): Promise<void> {
  if ((target === undefined) === (options.all === undefined)) {
    throw new PromptOsError('USAGE', 'Expected either a tree or a run to verify, or --all [STORE].');
  }
  const { using = [] } = options;
  if (using.length > 0 && target !== undefined) throw new PromptOsError('USAGE', '--using selects runs of --all.');
  const wanted = using.length === 0 ? null : readUses(readUsing(using));
  // For one tree, compiling the schemas takes more time than they save.
  if (target !== undefined) z.config({ jitless: true });
  const trust = await readTrust(context.cwd, options);
  const verified =
    target === undefined
      ? await verifyStore(context, { named: options.all ?? true, wanted }, trust)
      : await verifyOne(context, target, trust);
  if (!verified) context.exit(1);
}

/**
 * What a verifier goes by, from the files that the command names.
 * @throws PromptOsError POLICY_NOT_FOUND, POLICY_INVALID, YAML_MALFORMED, FILE_NOT_READABLE
 */
async function readTrust(
  cwd: string,
  options: { readonly policy?: readonly string[]; readonly promptosPolicy?: string },
): Promise<VerifyTrust> {
  const policies: TrustedPolicy[] = [];
  for (const path of options.policy ?? []) policies.push(await readPolicy(resolve(cwd, path)));
  const now = Date.now();
  if (options.promptosPolicy === undefined) return { policies, now };
  const path = resolve(cwd, options.promptosPolicy);
  return { policies, now, promptosPolicy: parsePromptOsPolicy(await readNamedText(path), path) };
}

/** Verifies one tree, telling of each check as it is done. @returns whether it is verified */
async function verifyOne(context: StoreCommandContext, target: string, trust: VerifyTrust): Promise<boolean> {
  const output = context.output();
  const { reader, ...named } = await openTarget(context, target);
  warnOfNoTrust(output, trust);
  const outcomes: CheckOutcome[] = [];
  for await (const outcome of verifyTree(reader, { ...trust, ...named })) {
    outcomes.push(outcome);
    showOutcome(output, outcome);
    output.emit(outcome);
  }
  if (outcomes.length === 0) throw new PromptOsError('INTERNAL', 'Nothing was checked.');
  const first = outcomes.find(({ status }) => status === 'failed');
  const remarks = outcomes.flatMap((outcome) => outcome.remarks);
  const left = outcomes.flatMap(({ not_recomputed = [] }) => not_recomputed);
  const incomplete = first?.failure?.code === 'TREE_INCOMPLETE';
  const waivers = outcomes.flatMap((outcome) => outcome.waivers ?? []);
  const now = Date.now();
  const unprotected = outcomes.flatMap((outcome) => outcome.unprotected_keys ?? []);
  const { code = null, path = null, expected = null, found = null } = first?.failure ?? {};
  output.emit({
    target,
    verified: first === undefined,
    incomplete,
    self_vouching: trust.policies.length === 0,
    code,
    path,
    expected,
    found,
    remarks,
    not_recomputed: left,
    waivers: withExpired(waivers, now),
    unprotected_keys: unprotected,
  });
  const but = remarks.length === 0 ? '' : `, with ${counted(remarks.length, 'note')} above`;
  if (left.length > 0) output.say('\nNot recomputed from the tree alone:');
  for (const one of left) output.say(`- ${one}`);
  if (waivers.length > 0) output.say('\nWaived by an integrator:');
  for (const line of waivers.flatMap((waiver) => describeWaiver(waiver, now))) output.say(`  ${line}`);
  if (unprotected.length > 0) output.say('\nKeys without a passphrase, as the programs that signed with them say:');
  for (const { principal, keyid, acts } of unprotected) {
    output.say(`- ${printableLine(keyid)} of ${printableLine(principal)}, which signed ${counted(acts, 'message')}`);
  }
  if (first === undefined) output.say(`\nVerified: ${counted(outcomes.length, 'check')}${but}.`);
  else if (incomplete) output.say(`\n${sayIncomplete(outcomes)}`);
  else output.say(`\nNOT VERIFIED: ${code} at ${printableLine(path ?? 'the tree')}.`);
  return first === undefined;
}

/** What there is of a run without a record is never verified; whether its parts hold is said beside. */
function sayIncomplete(outcomes: readonly CheckOutcome[]): string {
  const failed = outcomes.filter(({ status }) => status === 'failed').length - 1;
  const parts = failed === 0 ? 'What could be checked of it holds.' : `${counted(failed, 'more check')} failed.`;
  return `INCOMPLETE, not verified: the run was not finalised, and this is no record. ${parts}`;
}

function showOutcome(output: Output, { title, status, failure, remarks }: CheckOutcome): void {
  if (status === 'ok') output.say(`ok      ${title}`);
  else if (status === 'not_checked') output.say(`–       ${title} (depends on what failed before)`);
  else output.say(`FAILED  ${title}: ${failure?.code}`);
  if (status === 'failed' && failure !== null) {
    output.say(`        ${failure.message}`);
    if (failure.path !== null) output.say(`        at        ${printableLine(failure.path)}`);
    output.say(`        expected  ${printable(failure.expected)}`);
    output.say(`        found     ${printable(failure.found)}`);
  }
  for (const remark of remarks) output.say(`        NOTE: ${printableLine(remark)}`);
}

/** What must not be overlooked: without a trusted policy, nothing outside the tree was consulted. */
function warnOfNoTrust(output: Output, { policies }: VerifyTrust): void {
  if (policies.length > 0) return;
  output.note('WARNING: no --policy was given, so the tree vouches for itself: its maker could have');
  output.note('         made up its policy and its keys too. Hand in the policy that you trust.');
}

/** As much as a verifier reads of a JSON document. */
const MAX_RECORD_BYTES = 16 * 1_048_576;
/** Milliseconds between two lines of progress. */
const PROGRESS_MS = 1_000;
/** Trees that are verified at the same time: one waits for the medium while another is judged. */
const PARALLEL_TREES = 2;

interface StoreRun {
  readonly runId: string;
  /** Null when the tree is verified. */
  readonly code: string | null;
  readonly path: string | null;
  readonly remarks: readonly string[];
  readonly waivers: readonly RecordedWaiver[];
}

interface StoreTrees {
  readonly runs: readonly string[];
  open(runId: string): Promise<TreeReader>;
}

/** Each folder below `runs/`, also one that the store itself knows nothing of. */
async function treesOfFolder(path: string): Promise<StoreTrees> {
  const folder = join(path, 'runs');
  const names = await readdir(folder).catch((error: Error): never => {
    throw new PromptOsError('FILE_NOT_READABLE', `${path} is no store: ${error.message}.`, { cause: error });
  });
  return { runs: names.sort(), open: (runId) => openFolderTree(join(folder, runId)) };
}

/** The runs of the store that the project's worker config names. */
async function treesOfProject(context: StoreCommandContext): Promise<StoreTrees> {
  const store = await context.openStore();
  const runs = (await store.list()).map(({ run_id }) => run_id).sort();
  return { runs, open: (runId) => openPublishedTree(store, runId) };
}

/**
 * Verifies every run of a store. It ends with a summary whatever the trees are: one that cannot be read,
 * or that ends its check in an unexpected way, is one that is not verified.
 * @param named the store's folder; true for the project's own store, wherever it is
 * @param wanted which runs, by what their records say that they used; null for all
 * @returns whether all are verified
 */
async function verifyStore(
  context: StoreCommandContext,
  { named, wanted }: { readonly named: string | true; readonly wanted: UseTest | null },
  trust: VerifyTrust,
): Promise<boolean> {
  const output = context.output();
  const trees = await (named === true ? treesOfProject(context) : treesOfFolder(resolve(context.cwd, named)));
  const runs = await selected(trees, wanted);
  if (runs.length === 0) {
    const none = wanted === null || trees.runs.length === 0;
    throw new PromptOsError(
      'RUN_NOT_PUBLISHED',
      `${named === true ? 'The store' : named} holds no published run${none ? '' : ' that used that'}.`,
      none ? {} : { hint: '`promptos trace RUN` shows the prompts, the policy and the models that a run used.' },
    );
  }
  warnOfNoTrust(output, trust);
  const started = performance.now();
  const seconds = () => Math.max((performance.now() - started) / 1_000, 0.001);
  let shown = started;
  const judged: StoreRun[] = [];
  const judge = async (runId: string): Promise<void> => {
    const run = await judgeRun(trees, runId, trust);
    judged.push(run);
    report(output, run);
    if (performance.now() - shown < PROGRESS_MS) return;
    shown = performance.now();
    output.note(`${judged.length} of ${counted(runs.length, 'run')}, ${(judged.length / seconds()).toFixed(1)} runs/s`);
  };
  await pMap(runs, judge, { concurrency: PARALLEL_TREES });
  summarise(output, judged, Number((judged.length / seconds()).toFixed(1)));
  return judged.every(({ code }) => code === null);
}

/** A tree whose record cannot be read may be one of those that are wanted, and is verified too. */
async function selected({ runs, open }: StoreTrees, wanted: UseTest | null): Promise<readonly string[]> {
  if (wanted === null) return runs;
  const kept: string[] = [];
  for (const runId of runs) {
    const record = await open(runId).then(readRecord, () => null);
    if (record === null || wanted(usesOfRecord(record))) kept.push(runId);
  }
  return kept;
}

async function readRecord(reader: TreeReader): Promise<RunRecord | null> {
  try {
    const bytes = await reader.read(TREE_PATHS.record, MAX_RECORD_BYTES);
    return readJsonAs(runRecordSchema, bytes);
  } catch {
    return null;
  }
}

/** Remarks such as `unsigned: …` and `unsealed: …`. */
const isMarked = ({ code, remarks }: StoreRun): boolean =>
  code === null && remarks.some((remark) => /^un\w+:/.test(remark));

const place = ({ code, path }: StoreRun): string => `${code}${path === null ? '' : ` at ${printableLine(path)}`}`;

function report(output: Output, run: StoreRun): void {
  const { runId, code, path, remarks, waivers } = run;
  const now = Date.now();
  output.emit({ run_id: runId, verified: code === null, code, path, remarks, waivers: withExpired(waivers, now) });
  const expired = waivers.some((waiver) => isExpiredWaiver(waiver, now)) ? ', expired' : '';
  const waived = waivers.length === 0 ? '' : ` (${counted(waivers.length, 'waiver')}${expired})`;
  if (code === null) output.say(`ok      ${runId}${isMarked(run) ? ' (unauthenticated in part)' : ''}${waived}`);
  else output.say(`FAILED  ${printableLine(runId)}: ${place(run)}`);
}

function summarise(output: Output, judged: readonly StoreRun[], perSecond: number): void {
  const failed = judged.filter(({ code }) => code !== null);
  const marked = judged.filter(isMarked).length;
  output.emit({
    runs: judged.length,
    refused: failed.length,
    failed: failed.map(({ runId, code }) => ({ run_id: runId, code })),
    unauthenticated: marked,
    runs_per_second: perSecond,
    verified: failed.length === 0,
  });
  const verified = judged.length - failed.length;
  output.say(
    `\n${verified} of ${counted(judged.length, 'run')} verified, ${marked} of them unauthenticated in part, ${perSecond} runs/s.`,
  );
  for (const run of failed) output.say(`NOT VERIFIED: ${printableLine(run.runId)}: ${place(run)}`);
}

async function judgeRun({ open }: StoreTrees, runId: string, trust: VerifyTrust): Promise<StoreRun> {
  try {
    const { first, remarks, waivers } = await judgeTree(await open(runId), { ...trust, runId });
    return { runId, code: first?.failure?.code ?? null, path: first?.failure?.path ?? null, remarks, waivers };
  } catch (error) {
    // One tree must not hide the others, whatever it does.
    const code = error instanceof PromptOsError ? error.code : 'CHECK_FAILED_UNEXPECTEDLY';
    return { runId, code, path: null, remarks: [], waivers: [] };
  }
}
