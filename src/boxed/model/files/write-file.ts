import { closeSync, constants, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf, systemCode } from '../../../contracts/errors.js';
import { checkoutPath, Refused } from './checkout-path.js';

const MAX_FILE_BYTES = 4 * 1_024 * 1_024;
const MAX_SHOWN = 200;

/** Writes a whole file of the checkout, with the folders that it needs. @returns its bytes */
export function writeText(root: string, written: string, text: string): number {
  const { name, absolute, stats } = checkoutPath(root, written);
  const bytes = Buffer.from(text.toWellFormed());
  if (bytes.length > MAX_FILE_BYTES) {
    throw new Refused(`The content of "${name}" has ${bytes.length} bytes; expected ${MAX_FILE_BYTES} at most.`);
  }
  if (stats !== null && !stats.isFile()) throw new Refused(`"${name}" is no ordinary file, and is not replaced.`);
  try {
    // A hard link has another name, which may be a file outside.
    if (stats !== null && stats.nlink > 1) rmSync(absolute);
    mkdirSync(dirname(absolute), { recursive: true });
    writeBytes(absolute, bytes, stats?.mode ?? 0o644);
  } catch (error) {
    throw new Refused(`"${name.slice(0, MAX_SHOWN)}" cannot be written: ${whyNot(error)}.`);
  }
  return bytes.length;
}

function writeBytes(absolute: string, bytes: Buffer, mode: number): void {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;
  const file = openSync(absolute, flags, mode);
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
  } finally {
    closeSync(file);
  }
}

/** What the model can do something about, in words; else as the system says it. */
function whyNot(error: unknown): string {
  const code = systemCode(error);
  if (code === 'ENOTDIR' || code === 'EEXIST') return 'a part of its path is a file';
  if (code === 'ENAMETOOLONG') return 'a part of its path is too long';
  return code ?? messageOf(error);
}

/** Removes a file or link of the checkout. */
export function removeFile(root: string, written: string): void {
  const { name, absolute, stats } = checkoutPath(root, written);
  if (stats === null) throw new Refused(`There is no file "${name}".`);
  if (stats.isDirectory()) throw new Refused(`"${name}" is a folder; only files are removed.`);
  try {
    rmSync(absolute);
  } catch (error) {
    throw new Refused(`"${name}" cannot be removed: ${whyNot(error)}.`);
  }
}
