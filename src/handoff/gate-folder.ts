import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { prettyJson } from '../contracts/json.js';
import type { DueGate } from '../contracts/run/activities.js';
import type { GateDesk, OpenedGate } from './gate-desk.js';

/** Characters of the nonce in a folder's name: after a Reset an attempt of the same number is another attempt. */
const NONCE_CHARACTERS = 8;

/** What the folder of an attempt is called. */
export const gateFolderName = ({ gate, attempt, nonce }: Pick<DueGate, 'gate' | 'attempt' | 'nonce'>): string =>
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
export const isGateFolder = (name: string): boolean => FOLDER_NAME.test(name);

/** Whether a folder is one that was being made when its process was killed, or is being made now. No person works in it. */
export const isDraft = (name: string): boolean => name.includes(DRAFT);

/** What goes into the folder of a gate. */
export interface GateContent {
  readonly prompt: string;
  readonly output_schema: object;
  /** A checkout that is copied. */
  readonly checkout: string;
}

/**
 * Makes the folder of a gate. What is there stays as it is: the same claimant may make it in another terminal, and a checkout
 * may have work in it. The prompt comes last, so a folder that has it is whole.
 */
export async function makeGateFolder(
  { files: { copyCheckout, sealFolder } }: Pick<GateDesk, 'files'>,
  files: OpenedGate['files'],
  content: GateContent,
): Promise<void> {
  const draft = `${files.folder}${DRAFT}${randomUUID()}`;
  const inDraft = (path: string) => join(draft, path.slice(files.folder.length + 1));
  await mkdir(files.folder, { recursive: true });
  await mkdir(draft);
  try {
    await copyCheckout(content.checkout, inDraft(files.checkout));
    await writeFile(inDraft(files.prompt), content.prompt);
    await writeFile(inDraft(files.output_schema), prettyJson(content.output_schema));
    await sealFolder(draft);
    const made = await readdir(draft);
    const last = basename(files.prompt);
    for (const name of [...made.filter((one) => one !== last), last]) {
      await renameToMissing(join(draft, name), join(files.folder, name));
    }
  } finally {
    await rm(draft, { recursive: true, force: true });
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
