import { closeSync, constants, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { checkoutPath, Refused } from './checkout-path.js';

const MAX_FILE_BYTES = 4 * 1_024 * 1_024;

/** Writes a whole file of the checkout, with the folders that it needs. @returns its bytes */
export function writeText(root: string, written: string, text: string): number {
  const { name, absolute, stats } = checkoutPath(root, written);
  const bytes = Buffer.from(text.toWellFormed());
  if (bytes.length > MAX_FILE_BYTES) {
    throw new Refused(`The content of "${name}" has ${bytes.length} bytes; expected ${MAX_FILE_BYTES} at most.`);
  }
  if (stats !== null && !stats.isFile()) throw new Refused(`"${name}" is no ordinary file, and is not replaced.`);
  // A hard link has another name, which may be a file outside.
  if (stats !== null && stats.nlink > 1) rmSync(absolute);
  try {
    mkdirSync(dirname(absolute), { recursive: true });
  } catch {
    throw new Refused(`The folder of "${name}" cannot be made: a part of its path is a file.`);
  }
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;
  const file = openSync(absolute, flags, stats?.mode ?? 0o644);
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
  } finally {
    closeSync(file);
  }
  return bytes.length;
}

/** Removes a file or link of the checkout. */
export function removeFile(root: string, written: string): void {
  const { name, absolute, stats } = checkoutPath(root, written);
  if (stats === null) throw new Refused(`There is no file "${name}".`);
  if (stats.isDirectory()) throw new Refused(`"${name}" is a folder; only files are removed.`);
  rmSync(absolute);
}
