import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PromptOsError } from '../../../contracts/errors.js';
import { copyTree } from './copy-tree.js';
import { bytePath, knownTree } from './tree-survey.js';

/** @param to an empty folder @throws PromptOsError CHECKOUT_LOST when the files change meanwhile */
async function copyFolder(from: string, to: string): Promise<void> {
  const source = bytePath(from);
  if ((await copyTree(source, await knownTree(source), bytePath(to))) !== null) return;
  throw new PromptOsError('CHECKOUT_LOST', `Files of ${from} changed while they were copied.`, {
    hint: 'End what writes there, and try again.',
  });
}

/**
 * Copies a checkout with its git repository into a folder that is made for it.
 * @throws PromptOsError CHECKOUT_LOST when the files change meanwhile
 */
export async function copyCheckout(from: string, to: string): Promise<void> {
  await mkdir(join(to, '.git'), { recursive: true });
  await copyFolder(join(from, '.git'), join(to, '.git'));
  await copyFolder(from, to);
}

/**
 * Makes the files of one checkout those of another. Neither git repository is read or written.
 * @throws PromptOsError CHECKOUT_LOST when the files change meanwhile
 */
export async function replaceFiles(from: string, to: string): Promise<void> {
  for (const name of await readdir(to, { encoding: 'buffer' })) {
    if (name.toString('latin1') === '.git') continue;
    await rm(Buffer.concat([Buffer.from(`${to}/`), name]), { recursive: true, force: true });
  }
  await copyFolder(from, to);
}
