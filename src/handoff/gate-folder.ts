import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { keysOfPrincipal } from '../activities/attempt/result-step.js';
import { createPinnedDocuments } from '../activities/documents/pinned-documents.js';
import { createPrefixVerifier } from '../activities/proof/verify-prefix.js';
import { messageOf, PromptOsError, systemCode, writeFailure } from '../contracts/errors.js';
import { prettyJson } from '../contracts/json.js';
import { runWorkflowId } from '../contracts/names.js';
import type { DueGate } from '../contracts/run/activities.js';
import { heldClaim } from '../domain/ledger/gate-claims.js';
import { gateStart } from '../domain/ledger/gate-start.js';
import { nextStep } from '../domain/run/next-step.js';
import type { GateDesk, OpenedGate } from './gate-desk.js';

/** Characters of the nonce in a folder's name: after a Reset an attempt of the same number is another attempt. */
const NONCE_CHARACTERS = 8;

/** What the folder of an attempt is called. */
const gateFolderName = ({ gate, attempt, nonce }: Pick<DueGate, 'gate' | 'attempt' | 'nonce'>): string =>
  `${gate}-${attempt}-${nonce.slice(0, NONCE_CHARACTERS)}`;

/** Where the files of an attempt are, or will be. */
export function gateFiles(desk: Pick<GateDesk, 'folder'>, due: DueGate): OpenedGate['files'] {
  const folder = join(desk.folder, due.run.run_id, gateFolderName(due));
  return {
    folder,
    checkout: join(folder, 'checkout'),
    prompt: join(folder, 'prompt.md'),
    output_schema: join(folder, 'output.schema.json'),
    output: join(folder, 'output.json'),
  };
}

/** The prompt of a gate whose folder was made before; null where there is none, or where a part of it is missing. */
export async function readGateFolder({ prompt, checkout }: OpenedGate['files']): Promise<string | null> {
  return existsSync(prompt) && existsSync(checkout) ? readFile(prompt, 'utf8') : null;
}

const DRAFT = '.draft-';
const FOLDER_NAME = /^P[0-9]{2}-[0-9]+-[0-9a-f]+(?:\.draft-[0-9a-f-]+)?$/;

/** Whether a name is one that folders of gates, and their drafts, have: others are none of ours. */
const isGateFolder = (name: string): boolean => FOLDER_NAME.test(name);

/** Whether a folder is one that was being made when its process was killed, or is being made now. No person works in it. */
const isDraft = (name: string): boolean => name.includes(DRAFT);

/** What goes into the folder of a gate. */
interface GateContent {
  readonly prompt: string;
  readonly output_schema: object;
  /** A checkout that is copied. */
  readonly checkout: string;
}

/**
 * Makes the folder of a gate. What is there stays as it is: the same claimant may make it in another terminal, and a checkout
 * may have work in it. The prompt comes last, so a folder that has it is whole.
 * @throws PromptOsError FILE_NOT_READABLE, DISK_FULL, CHECKOUT_LOST
 */
export async function makeGateFolder(
  { files: { makeFolders, copyCheckout, sealFolder } }: Pick<GateDesk, 'files'>,
  files: OpenedGate['files'],
  content: GateContent,
): Promise<void> {
  const draft = `${files.folder}${DRAFT}${randomUUID()}`;
  const inDraft = (path: string) => join(draft, path.slice(files.folder.length + 1));
  try {
    await makeFolders(files.folder);
    await mkdir(draft);
    await copyCheckout(content.checkout, inDraft(files.checkout));
    await writeFile(inDraft(files.prompt), content.prompt);
    await writeFile(inDraft(files.output_schema), prettyJson(content.output_schema));
    await sealFolder(draft);
    const made = await readdir(draft);
    const last = basename(files.prompt);
    for (const name of [...made.filter((one) => one !== last), last]) {
      await renameToMissing(join(draft, name), join(files.folder, name));
    }
  } catch (error) {
    if (error instanceof PromptOsError || systemCode(error) === null) throw error;
    throw writeFailure(`${files.folder}: the folder of the gate cannot be made (${messageOf(error)}).`, error);
  } finally {
    await rm(draft, { recursive: true, force: true }).catch(() => undefined);
  }
}

/**
 * Removes the folder of a gate, and that of the run when it was the last. What cannot be removed stays.
 * @returns whether it is gone
 */
export async function removeGateFolder({ folder }: Pick<OpenedGate['files'], 'folder'>): Promise<boolean> {
  await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  await rmdir(dirname(folder)).catch(() => undefined);
  return !existsSync(folder);
}

async function renameToMissing(from: string, to: string): Promise<void> {
  if (existsSync(to)) return;
  await rename(from, to).catch((error: unknown) => {
    // Another process was quicker. A rename over a file succeeds; over a folder it fails.
    if (!existsSync(to)) throw error;
  });
}

/** A folder of a gate on which no claimant works any more. */
export interface StaleFolder {
  readonly folder: string;
  /** Why it is not needed, as a clause. */
  readonly why: string;
  /**
   * What was written in it since it was made: then it is kept, since its work may be nowhere else. Null for a folder of which
   * that is not known.
   */
  readonly written: readonly string[] | null;
  readonly removed: boolean;
}

/** What is known of the gate that a run waits for: the name of its folder, and whether a claimant has it. */
interface WaitingGate {
  readonly name: string;
  readonly claimed: boolean;
}

const ENDED = 'its run has ended';
const OVER = 'its attempt is over';
const UNCLAIMED = 'no claimant has the gate';

/**
 * Removes the folders of gates that no claimant works on, of runs that have ended among them. One in which something was
 * written is kept: only a submission that counts, or the person, removes work.
 * @returns what was removed, and what was kept although no claimant works on it
 */
export async function removeStaleFolders(desk: GateDesk): Promise<readonly StaleFolder[]> {
  const stale: StaleFolder[] = [];
  for (const runId of await namesIn(desk.folder)) {
    const names = (await namesIn(join(desk.folder, runId))).filter(isGateFolder);
    if (names.length === 0) continue;
    const ended = await hasEnded(desk, runId);
    // A run of which nothing can be learnt now is looked at the next time.
    const waiting = ended ? null : await waitingGate(desk, runId).catch(() => undefined);
    if (waiting === undefined) continue;
    for (const name of names) {
      const why = ended ? ENDED : whyStale(name, waiting);
      if (why !== null) stale.push(await removeIfUnused(desk, runId, name, why));
    }
  }
  return stale;
}

function whyStale(name: string, waiting: WaitingGate | null): string | null {
  if (waiting === null || !name.startsWith(waiting.name)) return OVER;
  // Another process may be making it.
  return waiting.claimed || isDraft(name) ? null : UNCLAIMED;
}

async function removeIfUnused(desk: GateDesk, runId: string, name: string, why: string): Promise<StaleFolder> {
  const folder = join(desk.folder, runId, name);
  const written = isDraft(name) ? [] : await desk.files.writtenSince(folder).catch(() => null);
  const removed = written?.length === 0 && (await removeGateFolder({ folder }));
  return { folder, why, written, removed };
}

/** Empty for what is no folder, such as one that another process has just removed. */
const namesIn = async (folder: string): Promise<readonly string[]> => (await readdir(folder).catch(() => [])).sort();

/** A folder that is called like no run is of none that has ended. */
const hasEnded = async ({ ports }: GateDesk, runId: string): Promise<boolean> =>
  (await ports.store.published(runId).catch(onlyRefused)) !== null;

function onlyRefused(error: unknown): null {
  if (error instanceof PromptOsError) return null;
  throw error;
}

/** @returns null for a run that waits for no gate @throws PromptOsError when its past cannot be verified */
async function waitingGate({ ports: { store }, runs }: GateDesk, runId: string): Promise<WaitingGate | null> {
  const verifier = createPrefixVerifier(store, createPinnedDocuments(store));
  const prefix = await verifier.verify(runId, runWorkflowId(runId), await runs.ledger(runId));
  const { entries, journal, policy, replay } = prefix;
  const next = nextStep(replay.state);
  if (next.kind !== 'awaitGate') return null;
  const { gate, attempt, principal } = next;
  const started = gateStart(entries, next);
  if (started === undefined) return null;
  const { hash: nonce, at: started_at } = started;
  const keys = keysOfPrincipal(policy, { principal });
  const claim = heldClaim(journal, { run_id: runId, principal, nonce, started_at }, keys, new Date().toISOString());
  return { name: gateFolderName({ gate, attempt, nonce }), claimed: claim !== null };
}
